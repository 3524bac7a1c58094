"""A reference model: the rules of enrolling in plain Python, to compare the product with."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Pair = tuple[int, int]
# A student, a course, and the status that the enrollment shall get.
Wish = tuple[int, int, str]
# The codes of which one is enough, and whether it may be taken at the same time.
Requirement = tuple[frozenset[int], bool]


@dataclass
class School:
    """Students and courses by number. All courses are in one term.

    `code` has the code of each course, a number too: courses with one code are sections. Those in
    `apart` have dates of their own, which no other course has.
    """

    active: dict[int, bool]
    capacity: dict[int, int | None]
    is_open: dict[int, bool]
    asks_for: dict[int, list[Requirement]]
    code: dict[int, int]
    repeatable: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)
    # The minutes of the week in which each course meets.
    minutes: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    credits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    max_credits: int | None = None
    # By student, in place of max_credits.
    credit_limits: dict[int, int | None] = field(default_factory=dict)
    # What the present request ends later: it does not count as taken. The credits of what it
    # completes count.
    ending: set[Pair] = field(default_factory=set)
    completing: set[Pair] = field(default_factory=set)
    # What the present request asks for, and what of it rests on one that was refused.
    expected: set[Pair] = field(default_factory=set)
    denied: set[Pair] = field(default_factory=set)
    excludes: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    accepts_in_progress: bool = False
    window: bool = True
    is_over: bool = False
    status: dict[Pair, str] = field(default_factory=dict)
    queue: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    overridden: dict[Pair, set[str]] = field(default_factory=lambda: defaultdict(set))
    history: dict[Pair, list[str]] = field(default_factory=lambda: defaultdict(list))

    def taken(self, course: int) -> int:
        return sum(status == "active" for (_s, c), status in self.status.items() if c == course)

    def find_other_courses(self, student: int, course: int) -> set[int]:
        """The other courses that the student takes."""
        return {
            other
            for (taker, other), status in self.status.items()
            if taker == student
            and other != course
            and status == "active"
            and (taker, other) not in self.ending
        }

    def find_courses_at_the_time(self, student: int, course: int) -> set[int]:
        """Those of the other courses whose dates overlap."""
        others = self.find_other_courses(student, course)
        return set() if course in self.apart else others - self.apart

    def is_over_limit(self, student: int, course: int) -> bool:
        limit = self.credit_limits.get(student, self.max_credits)
        counted = self.find_other_courses(student, course)
        for (taker, other), status in self.status.items():
            completes = status == "completed" or (taker, other) in self.completing
            if taker == student and other != course and completes:
                counted.add(other)
        total = self.credits[course] + sum(self.credits[other] for other in counted)
        return limit is not None and self.credits[course] > 0 and total > limit

    def has_completed(self, student: int, code: int) -> bool:
        return any(
            self.status.get((student, course)) == "completed"
            for course in self.code
            if self.code[course] == code
        )

    def is_met(self, student: int, course: int, requirement: Requirement, asked: bool) -> bool:
        """Whether the student meets one requirement. `asked`: the present request asks for it."""
        codes, concurrent = requirement
        if any(self.has_completed(student, code) for code in codes):
            return True
        taken = self.find_other_courses(student, course)
        at_end = set(taken)
        if asked:
            pairs = self.expected | self.completing
            at_end |= {other for taker, other in pairs if taker == student and other != course}
        for other in at_end:
            begins_later = other in self.apart and course not in self.apart
            if concurrent and self.code[other] in codes and not begins_later:
                return True
        return self.accepts_in_progress and any(
            self.code[other] in codes and course in self.apart and other not in self.apart
            for other in taken
        )

    def is_excluded(self, student: int, course: int) -> bool:
        for (taker, other), status in self.status.items():
            if taker != student or other == course:
                continue
            counts = status == "completed" or (taker, other) in self.completing
            counts |= status == "active" and (taker, other) not in self.ending
            names_other = self.code[other] in self.excludes[course]
            if counts and (names_other or self.code[course] in self.excludes[other]):
                return True
        return False

    def decide(
        self, wishes: Sequence[Wish], act: "Callable[[School, Wish], str]"
    ) -> "tuple[School, list[str]]":
        """The school after a request, and the outcome of each wish.

        Where courses are taken at the same time, the request is decided as if it got all that it
        asks for, and again without what turned out to rest on a refused one.
        """
        denied: set[Pair] = set()
        while True:
            after = copy.deepcopy(self)
            after.end(wish for wish in wishes if wish[2] != "active")
            after.expected = {wish[:2] for wish in wishes if wish[2] == "active"}
            after.denied = denied
            outcomes = [act(after, wish) for wish in wishes]
            asked = {
                wish[:2]
                for wish, outcome in zip(wishes, outcomes, strict=True)
                if wish[2] == "active" and outcome not in ("refused", "unchanged")
            }
            after.expected, after.denied = set(), set()
            before = copy.deepcopy(after)
            new: set[Pair] = set()
            while found := {
                (student, course)
                for student, course in asked - denied - new
                if "prerequisite_missing" not in before.overridden[student, course]
                and not all(
                    before.is_met(student, course, requirement, False)
                    for requirement in self.asks_for[course]
                    if requirement[1]
                )
            }:
                new |= found
                before.status.update(dict.fromkeys(found, "refused"))
            if not new:
                after.promote_waiting()
                return after, outcomes
            denied = denied | new

    def reasons(self, student: int, course: int, *, asked: bool = False) -> list[str]:
        capacity = self.capacity[course]
        at_the_time = self.find_courses_at_the_time(student, course)
        checks = {
            "student_inactive": not self.active[student],
            "course_closed": not self.is_open[course],
            "window_closed": not self.window,
            "term_over": self.is_over and course not in self.apart,
            "prerequisite_missing": (asked and (student, course) in self.denied)
            or not all(
                self.is_met(student, course, requirement, asked)
                for requirement in self.asks_for[course]
            ),
            "excluded_by": self.is_excluded(student, course),
            "already_taking": course not in self.repeatable
            and any(self.code[other] == self.code[course] for other in at_the_time),
            "time_conflict": any(
                self.minutes[other] & self.minutes[course] for other in at_the_time
            ),
            "credit_limit": self.is_over_limit(student, course),
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
        needed = [code for code in self.reasons(student, course, asked=True) if code not in known]
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
        self.completing.discard((student, course))

    def end(self, endings: Iterable[tuple[int, int, str]]) -> None:
        """Begin a request that gives enrollments these statuses, now or after others."""
        first: dict[Pair, str] = {}
        for student, course, status in endings:
            if self.status.get((student, course)) == "active":
                first.setdefault((student, course), status)
        self.ending = set(first)
        self.completing = {pair for pair, status in first.items() if status == "completed"}

    def move_up(self, course: int) -> None:
        for student in list(self.queue[course]):
            if self.may_move_up(student, course):
                self.put(student, course, "active")

    def promote_waiting(self) -> None:
        """Nobody who may come in waits beside a free seat."""
        before = None
        while before != self.status:
            before = dict(self.status)
            for course in sorted(self.code):
                self.move_up(course)
