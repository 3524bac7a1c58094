"""A reference model: the rules of enrolling in plain Python, to compare the product with."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Pair = tuple[int, int]


@dataclass
class School:
    """Students and courses by number. All courses are in one term.

    `code` has the code of each course, a number too: courses with one code are sections. Those in
    `apart` have dates of their own, which no other course has.
    """

    active: dict[int, bool]
    capacity: dict[int, int | None]
    is_open: dict[int, bool]
    asks_for: dict[int, set[int]]
    code: dict[int, int]
    repeatable: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)
    # What the present request ends later: it does not count as taken.
    ending: set[Pair] = field(default_factory=set)
    window: bool = True
    is_over: bool = False
    status: dict[Pair, str] = field(default_factory=dict)
    queue: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    overridden: dict[Pair, set[str]] = field(default_factory=lambda: defaultdict(set))
    history: dict[Pair, list[str]] = field(default_factory=lambda: defaultdict(list))

    def taken(self, course: int) -> int:
        return sum(status == "active" for (_s, c), status in self.status.items() if c == course)

    def takes_another_section(self, student: int, course: int) -> bool:
        return any(
            status == "active"
            and self.code[other] == self.code[course]
            and other != course
            and not {other, course} & self.apart
            and (taker, other) not in self.ending
            for (taker, other), status in self.status.items()
            if taker == student
        )

    def has_completed(self, student: int, code: int) -> bool:
        return any(
            self.status.get((student, course)) == "completed"
            for course in self.code
            if self.code[course] == code
        )

    def reasons(self, student: int, course: int) -> list[str]:
        capacity = self.capacity[course]
        checks = {
            "student_inactive": not self.active[student],
            "course_closed": not self.is_open[course],
            "window_closed": not self.window,
            "term_over": self.is_over and course not in self.apart,
            "prerequisite_missing": any(
                not self.has_completed(student, code) for code in self.asks_for[course]
            ),
            "already_taking": course not in self.repeatable
            and self.takes_another_section(student, course),
            "course_full": capacity is not None and self.taken(course) >= capacity,
        }
        return [code for code, applies in checks.items() if applies]

    def enroll(self, student: int, course: int, *, wait: bool, override: set[str]) -> str:
        before = self.status.get((student, course))
        if before in ("active", "completed") or (before == "waitlisted" and not override):
            return "unchanged"
        self.move_up(course)
        if self.status.get((student, course)) == "active":
            return "reactivated"
        known = self.overridden[student, course] if before == "waitlisted" else set()
        needed = [code for code in self.reasons(student, course) if code not in known]
        left = [code for code in needed if code not in override]
        accepted = {code for code in needed if code in override} - {"course_full"}
        if left and before == "waitlisted":
            if accepted:
                self.overridden[student, course] |= accepted
                self.history[student, course].append("waitlisted")
            return "unchanged"
        if left and not (wait and left == ["course_full"]):
            return "refused"
        status = "waitlisted" if left else "active"
        self.put(student, course, status)
        self.overridden[student, course] |= accepted
        if left:
            return "waitlisted"
        return "reactivated" if before else "created"

    def may_move_up(self, student: int, course: int) -> bool:
        overridden = self.overridden[student, course] - {"term_over"}
        return set(self.reasons(student, course)) <= overridden

    def leave(self, student: int, course: int, status: str) -> str:
        before = self.status.get((student, course))
        leaves = ("active", "waitlisted") if status == "withdrawn" else ("active",)
        if before not in leaves:
            return "unchanged" if status == "withdrawn" or before == status else "refused"
        self.put(student, course, status)
        return status

    def load(self, student: int, course: int, status: str, *, wait: bool) -> str:
        """What a file says of the past is taken as it is."""
        before = self.status.get((student, course))
        if status == "active":
            return self.enroll(student, course, wait=wait, override=set())
        if before == status:
            return "unchanged"
        self.put(student, course, status)
        return status if before else "created"

    def put(self, student: int, course: int, status: str) -> None:
        if student in self.queue[course]:
            self.queue[course].remove(student)
        if status == "waitlisted":
            self.queue[course].append(student)
        if self.status.get((student, course)) != status:
            self.history[student, course].append(status)
        if "withdrawn" in (status, self.status.get((student, course))):
            self.overridden[student, course] = set()
        self.status[student, course] = status
        self.ending.discard((student, course))

    def end(self, pairs: Iterable[Pair]) -> None:
        """Begin a request that ends these enrollments, now or after others."""
        self.ending = {pair for pair in pairs if self.status.get(pair) == "active"}

    def move_up(self, course: int) -> None:
        for student in list(self.queue[course]):
            if self.may_move_up(student, course):
                self.put(student, course, "active")

    def promote_waiting(self) -> None:
        """Nobody who may come in waits beside a free seat."""
        for course in sorted(self.code):
            self.move_up(course)
