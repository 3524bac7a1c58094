"""The one writer: nothing else writes an enrollment, whichever door it comes through.

A list of changes is decided and written in one transaction, all or nothing. The students are locked first, then the
courses, each in the order of their keys, and seats are counted after that. Whoever waits moves up in the same transaction.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import BigIntegerField, Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.compiled import Compiled, Question, ask, instance_of
from courses.history import entry, records_of, told
from courses.models import Course, Term
from courses.put import Put
from courses.reasons import MOVED_UP
from courses.said import Said
from courses.slots import Among, AmongPairs, Ids, Pairs
from students import feed
from students.feed import INSTANT, stamp
from students.models import Enrollment, Status, Student
from students.refusals import Refusal, refusals

LOCKED_STUDENTS = Student.objects.filter(Among("pk", Ids("students"))).order_by("pk").select_for_update(no_key=True, of=("self",))
LOCKED_COURSES = Course.objects.filter(Among("pk", Ids("courses"))).order_by("pk").select_for_update(no_key=True, of=("self",))
LOCK_STUDENTS, LOCK_COURSES = (Compiled(rows.values_list("pk")) for rows in (LOCKED_STUDENTS, LOCKED_COURSES))
STUDENTS, COURSES = Compiled(LOCKED_STUDENTS), Compiled(LOCKED_COURSES)
TERMS = Compiled(Term.objects.filter(pk__in=Course.objects.filter(Among("pk", Ids("courses"))).order_by().values("term")).order_by())
HELD = Compiled(Enrollment.objects.filter(AmongPairs("student", "course", Pairs("pairs"))).order_by())
LIMITED = Course.objects.filter(Among("pk", Ids("courses")), capacity__isnull=False).order_by()
SEATS = Compiled(Enrollment.objects.filter(course__in=LIMITED, status="active").order_by().values_list("course").annotate(n=Count("*")))
WAITING = Compiled(Enrollment.objects.filter(Among("course", Ids("courses")), status="waitlisted").order_by().values_list("course").annotate(n=Count("*")))
WAITED_FOR = Compiled(Enrollment.objects.filter(Among("student", Ids("students")), status="waitlisted").order_by().values_list("course"))
CURRENT_OF = Compiled(Enrollment.objects.current().filter(Among("student", Ids("students"))).order_by("pk").values_list("course"))
STUDENT, COURSE, TERM = Enrollment._meta.get_field("student"), Enrollment._meta.get_field("course"), Course._meta.get_field("term")
PUT = Put(Enrollment, ["student", "course"], ["status", "enrolled_at", "updated_at"])
RECORDS = records_of(Enrollment, "student", "course")


class Outcome(models.TextChoices):
    """What happened to one student-course pair."""

    CREATED = "created", _("enrolled")
    REACTIVATED = "reactivated", _("enrolled again")
    WAITLISTED = "waitlisted", _("on the waitlist")
    UNCHANGED = "unchanged", _("nothing to change")
    WITHDRAWN = "withdrawn", _("withdrawn")
    COMPLETED = "completed", _("completed")
    REFUSED = "refused", _("refused")


@dataclass(frozen=True)
class Verb:
    """The status a pair shall have, and what it is called to come there from each status it may come from (None: no row).

    From any other status nothing is changed, or, where the verb is `strict`, the change is refused. Who waits is given a seat
    where refusals are overridden, if the verb is `pressing`.
    """

    status: Status
    moves: Mapping[Status | None, Outcome]
    strict: bool = False
    pressing: bool = False


A, W, C, X = Status.ACTIVE, Status.WAITLISTED, Status.COMPLETED, Status.WITHDRAWN
ENROLL = Verb(A, {None: Outcome.CREATED, X: Outcome.REACTIVATED}, pressing=True)
# Of a set that is to be had as it is: what is overridden is meant for the others.
KEEP = Verb(A, ENROLL.moves)
WITHDRAW = Verb(X, {A: Outcome.WITHDRAWN, W: Outcome.WITHDRAWN})
# One enrollment is given a status, by whoever may.
ACTIVATE = Verb(A, {W: Outcome.REACTIVATED, X: Outcome.REACTIVATED}, strict=True)
COMPLETE = Verb(C, {A: Outcome.COMPLETED}, strict=True)
END = Verb(X, WITHDRAW.moves, strict=True)
CORRECT = Verb(X, {**WITHDRAW.moves, C: Outcome.WITHDRAWN}, strict=True)
# What an import says of the past is taken as it is.
LOAD = {
    A: ENROLL,
    C: Verb(C, {None: Outcome.CREATED, A: Outcome.COMPLETED, W: Outcome.COMPLETED, X: Outcome.COMPLETED}),
    X: Verb(X, {None: Outcome.CREATED, A: Outcome.WITHDRAWN, W: Outcome.WITHDRAWN, C: Outcome.WITHDRAWN}),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be done to one pair, and where the wish stands in what was sent.

    `at` is a JSON pointer, in which `{field}` stands for the field of the pair that a reason is about.
    """

    student_id: int
    course_id: int
    verb: Verb = ENROLL
    at: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What is allowed beside the plain rules: to wait where a course is full, and refusals that somebody takes upon themselves.

    `ask_window=False` does not ask the terms' enrollment dates, for registrations of the past.
    """

    waitlist: bool = False
    override: Collection[str] = ()
    ask_window: bool = True

    def accept(self, reason: ValidationError) -> bool:
        """Whether this refusal is overridden: it is named, and may be."""
        return reason.code in self.override and Refusal(str(reason.code)).can_be_overridden


PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change: the row it left, if there is one, and the reasons where it was refused."""

    change: Change
    outcome: Outcome
    enrollment: Enrollment | None
    refusals: tuple[ValidationError, ...] = ()


class Refused(ValidationError):
    """Some changes of a list were refused, so none was made. `results` tells of each."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        super().__init__([reason for result in results for reason in result.refusals])


def write(changes: Sequence[Change], options: Options = PLAIN, *, all_or_nothing: bool = True, validate_only: bool = False) -> list[Result]:
    """Make all `changes`, or none. Answers one result for each, in their order. Raises Refused.

    With `all_or_nothing=False`, what can be done is done and the rest refused in the results; with `validate_only` the results
    tell what would happen, and nothing is written.
    """
    with transaction.atomic():
        return _write(changes, options, all_or_nothing=all_or_nothing, validate_only=validate_only)


def _write(changes: Sequence[Change], options: Options, *, all_or_nothing: bool = True, validate_only: bool = False) -> list[Result]:
    results = decide_and_save(changes, options)
    _tell_positions(results)
    if validate_only:
        transaction.set_rollback(True)
    elif all_or_nothing and any(result.outcome == Outcome.REFUSED for result in results):
        raise Refused(results)
    return results


def _tell_positions(results: Iterable[Result]) -> None:
    waiting = {row.pk: row for result in results if (row := result.enrollment) and row.status == Status.WAITLISTED}
    if not waiting:
        return
    for row in Enrollment.objects.filter(pk__in=list(waiting)).with_position():
        waiting[row.pk].position = row.position


def enroll(pairs: Iterable[tuple[int, int]], options: Options = PLAIN) -> list[Result]:
    """Enroll each (student id, course id), all or none. Raises Refused."""
    return write([Change(student, course) for student, course in pairs], options)


def withdraw(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Withdraw each (student id, course id) that is current; the others stay unchanged."""
    return write([Change(student, course, WITHDRAW) for student, course in pairs])


def replace(student_id: int, wanted: Sequence[Change], options: Options = PLAIN, **how: bool) -> list[Result]:
    """Make exactly the courses of `wanted` the student's current ones and withdraw the others, as `write` does. Raises Refused."""
    keep = {change.course_id for change in wanted}
    with transaction.atomic():
        # Under this lock nobody gives the student another course.
        _locked, current = ask([LOCK_STUDENTS, CURRENT_OF], {"students": _possible([student_id])})
        held = {course for [course] in current}
        kept = [dataclasses.replace(change, verb=KEEP) if change.course_id in held else change for change in wanted]
        surplus = [Change(student_id, course, WITHDRAW) for [course] in current if course not in keep]
        return _write([*kept, *surplus], options, **how)


def move_up(course_ids: Iterable[int]) -> None:
    """Give free seats of these courses to those who wait for them: something was changed that may let them in."""
    with transaction.atomic():
        waiting = Enrollment.objects.filter(course__in=list(course_ids), status=Status.WAITLISTED)
        if courses := set(waiting.order_by().values_list("course", flat=True)):
            _Ledger([], PLAIN, courses).save()


def decide_and_save(changes: Sequence[Change], options: Options = PLAIN) -> list[Result]:
    """Make those of `changes` that no rule refuses, within the caller's transaction.

    Answers one result for each, in their order. A caller who comes several times in one transaction calls `lock` for all of
    them first.
    """
    ledger = _Ledger(changes, options)
    results = [ledger.decide(change) for change in changes]
    ledger.save()
    return results


def lock(students: Iterable[int], courses: Iterable[int]) -> None:
    """Lock these students, then these courses and those that the students wait for, until the transaction ends.

    For who comes to the writer several times in one transaction, or saves a student or a course beside it.
    """
    held = _lock_students(students)
    lock_courses({*courses, *(course for [course] in WAITED_FOR(students=held))})


def lock_courses(courses: Iterable[int]) -> None:
    """Lock these courses until the transaction ends."""
    LOCK_COURSES(courses=_possible(courses))


def _lock_students(students: Iterable[int]) -> list[int]:
    # Their ids alone: an import locks a hundred thousand.
    return [pk for [pk] in LOCK_STUDENTS(students=_possible(students))]


def _possible(ids: Iterable[int]) -> set[int]:
    """Those of `ids` that can be in a table. A database takes a larger one for an error."""
    return {key for key in ids if key <= BigIntegerField.MAX_BIGINT}


# Who moved up, for who wants to tell it.
_promoted: ContextVar[list[Enrollment]] = ContextVar("promoted")


@contextmanager
def promotions() -> Iterator[list[Enrollment]]:
    """A list that gets everybody whom the writer moves up from a waitlist inside, even where that is rolled back later."""
    promoted: list[Enrollment] = []
    token = _promoted.set(promoted)
    try:
        yield promoted
    finally:
        _promoted.reset(token)
        # Whoever asks around this hears of them too.
        _promoted.get([]).extend(promoted)


class _Ledger:
    """The locked rows that a list of changes is about, the seats taken, and what is to be written."""

    def __init__(self, changes: Sequence[Change], options: Options, courses: Iterable[int] = ()) -> None:
        self.options = options
        self.today = timezone.localdate()
        self._read(changes, courses)
        # (student id, code) -> the courses with that code that the student has completed.
        self.completed: dict[tuple[int, str], set[int]] = {}
        self._read_completed(self.students, self.courses.values())
        self.queues: dict[int, list[Enrollment]] = {}
        self.created: list[Enrollment] = []
        self.changed: dict[int, Enrollment] = {}
        self.promoted: dict[int, Enrollment] = {}
        self.overridden: dict[tuple[int, int], list[str]] = {}

    def _read(self, changes: Sequence[Change], courses: Iterable[int]) -> None:
        """Locks the students and courses, and reads what there is to know of them. Terms, rows and seats as they are when the locks were had."""
        students = _possible(change.student_id for change in changes)
        courses = _possible([*courses, *(change.course_id for change in changes), *self._opened_by(changes)])
        pairs = [(change.student_id, change.course_id) for change in changes if change.student_id in students and change.course_id in courses]
        now = feed.clock()
        questions: list[Question] = [STUDENTS, COURSES, TERMS, HELD, SEATS, WAITING, *feed.questions()]
        rows = ask(questions, {"students": students, "courses": courses, "pairs": pairs, **feed.announcing(now)})
        self.students = {student.id: student for student in STUDENTS.instances(rows[0])}
        self.courses = {course.id: course for course in COURSES.instances(rows[1])}
        terms = {term.id: term for term in TERMS.instances(rows[2])}
        for course in self.courses.values():
            if course.term_id not in terms:
                raise IntegrityError("The term that a course was just given was deleted meanwhile, as the database will say at the end.")
            TERM.set_cached_value(course, terms[course.term_id])
        self.rows = {(row.student_id, row.course_id): row for row in HELD.instances(rows[3])}
        for row in self.rows.values():
            self._link(row)
        # Seats taken of the courses that have a limit, and those who wait for any.
        self.taken, self.waiting = (Counter[int](dict(counted)) for counted in rows[4:6])  # type: ignore[arg-type]
        self.now = stamp(now, rows[-1])

    def decide(self, change: Change) -> Result:
        row = self.rows.get((change.student_id, change.course_id))
        before = Status(row.status) if row else None
        if missing := tuple(self._missing(change)):
            return Result(change, Outcome.REFUSED, None, missing)
        outcome = self._outcome(change.verb, before)
        if outcome is None and change.verb.strict and before != change.verb.status:
            return Result(change, Outcome.REFUSED, row, (_no_such_move(before, change.verb),))
        if outcome is None:
            return Result(change, Outcome.UNCHANGED, row)
        if change.verb.status != Status.ACTIVE:
            return Result(change, outcome, self._put(row, change, change.verb.status))
        return self._admit(change, row, outcome)

    def _admit(self, change: Change, row: Enrollment | None, outcome: Outcome) -> Result:
        """Gives a seat, or a place on the waitlist, unless refused."""
        student, course = self.students[change.student_id], self.courses[change.course_id]
        # Those who wait come before whoever comes now.
        self._move_up(course)
        if row is not None and row.status == Status.ACTIVE:
            # The queue has just brought in the very one who was asked for.
            return Result(change, outcome, row)
        reasons = self._refusals(student, course, ask_window=self.options.ask_window)
        left = tuple(reason for reason in reasons if not self.options.accept(reason))
        may_wait = self.options.waitlist and [reason.code for reason in left] == [Refusal.COURSE_FULL]
        if left and row is not None and row.status == Status.WAITLISTED and (may_wait or not change.verb.strict):
            return Result(change, Outcome.UNCHANGED, row)
        if left and not may_wait:
            return Result(change, Outcome.REFUSED, row, left)
        if len(left) < len(reasons):
            self.overridden[change.student_id, change.course_id] = [str(reason.code) for reason in reasons if reason not in left]
        if left:
            return Result(change, Outcome.WAITLISTED, self._put(row, change, Status.WAITLISTED))
        return Result(change, outcome, self._put(row, change, Status.ACTIVE))

    def save(self) -> None:
        """Move up who waits, and write what was decided, with its history."""
        for course in self.courses.values():
            self._move_up(course)
        rows = [*self.created, *self.changed.values(), *self.promoted.values()]
        if not rows:
            return
        entries = [
            *(self._entry(row, changed=False) for row in self.created),
            *(self._entry(row, changed=True) for row in self.changed.values()),
            *(self._entry(row, changed=True, reason=MOVED_UP) for row in self.promoted.values()),
        ]
        PUT(rows, RECORDS.question, **told(entries, self.now))
        _promoted.get([]).extend(self.promoted.values())

    def _entry(self, row: Enrollment, *, changed: bool, reason: str = "") -> list[Any]:
        pair = (row.student_id, row.course_id)
        return entry(pair, changed=changed, reason=reason, override=self.overridden.get(pair, ()))

    def _move_up(self, course: Course) -> None:
        """Give free seats to those who wait, first come first; one who cannot be enrolled now is passed over and keeps the place."""
        if not self.waiting[course.id] or not self._has_room(course):
            return
        for row in self._queue(course):
            student = self.students.get(row.student_id) or row.student
            if row.status == Status.WAITLISTED and self._has_room(course) and not self._refusals(student, course):
                self._promote(row)

    def _promote(self, row: Enrollment) -> None:
        row.status, row.enrolled_at, row.updated_at = Status.ACTIVE, self.now, self.now
        self.taken[row.course_id] += 1
        self.waiting[row.course_id] -= 1
        if row.id and row.id not in self.changed:
            self.promoted[row.id] = row

    def _queue(self, course: Course) -> list[Enrollment]:
        """Those who wait, as they came; some may have gone since."""
        if course.id not in self.queues:
            waiting = Enrollment.objects.filter(course=course, status=Status.WAITLISTED).select_related("student")
            rows = [self.rows.setdefault((row.student_id, row.course_id), row) for row in waiting.order_by("enrolled_at", "pk")]
            self.queues[course.id] = rows
            self._read_completed([row.student_id for row in rows], [course])
        return self.queues[course.id]

    def _opened_by(self, changes: Sequence[Change]) -> Iterable[int]:
        """The courses that students wait for who now complete another one: it may let them in."""
        completing = [change.student_id for change in changes if change.verb.status == Status.COMPLETED]
        if not completing:
            return ()
        held = _lock_students(change.student_id for change in changes)
        return [course for [course] in WAITED_FOR(students={*completing} & {*held})]

    def _has_room(self, course: Course) -> bool:
        return course.capacity is None or self.taken[course.id] < course.capacity

    def _read_completed(self, students: Iterable[int], courses: Iterable[Course]) -> None:
        """Which of the courses that these ask for each student has completed."""
        codes = {code for course in courses for code in course.prerequisites}
        if not codes:
            return
        rows = Enrollment.objects.filter(student__in=list(students), status=Status.COMPLETED, course__code__in=codes)
        for student, course, code in rows.order_by().values_list("student", "course", "course__code"):
            row = self.rows.get((student, course))
            # What was decided here is not in the database yet.
            if row is None or row.status == Status.COMPLETED:
                self.completed.setdefault((student, code), set()).add(course)

    def _missing(self, change: Change) -> Iterable[ValidationError]:
        if change.student_id not in self.students:
            yield _not_found(_("There is no student with the id %(student_id)s."), student_id=change.student_id)
        if change.course_id not in self.courses:
            yield _not_found(_("There is no course with the id %(course_id)s."), course_id=change.course_id)

    def _outcome(self, verb: Verb, before: Status | None) -> Outcome | None:
        """What coming from `before` is called; None where nothing is to be done, or nothing can."""
        if verb.pressing and before == Status.WAITLISTED and self.options.override:
            # Whoever takes a refusal upon themselves does not want the student to wait on.
            return Outcome.REACTIVATED
        return verb.moves.get(before)

    def _refusals(self, student: Student, course: Course, *, ask_window: bool = True) -> list[ValidationError]:
        missing = [code for code in course.prerequisites if not self.completed.get((student.id, code))]
        return list(refusals(student, course, taken=self.taken[course.id], today=self.today, missing=missing, ask_window=ask_window))

    def _put(self, row: Enrollment | None, change: Change, after: Status) -> Enrollment:
        student, course = change.student_id, change.course_id
        before = row.status if row else None
        if row is None:
            values = {"id": None, "student_id": student, "course_id": course, "status": after, "enrolled_at": self.now, "updated_at": self.now}
            row = self.rows[student, course] = instance_of(Enrollment, values.items(), adding=True)
            self._link(row)
            self.created.append(row)
        elif row.id:
            self.changed[row.id] = row
            self.promoted.pop(row.id, None)
        if after == Status.ACTIVE:
            row.enrolled_at = self.now
        if after == Status.WAITLISTED:
            self._enqueue(row)
        if Status.COMPLETED in (before, after):
            completed = self.completed.setdefault((student, self.courses[course].code), set())
            (completed.add if after == Status.COMPLETED else completed.discard)(course)
        row.status, row.updated_at = after, self.now
        self.taken[course] += (after == Status.ACTIVE) - (before == Status.ACTIVE)
        self.waiting[course] += (after == Status.WAITLISTED) - (before == Status.WAITLISTED)
        return row

    def _enqueue(self, row: Enrollment) -> None:
        queue = self._queue(self.courses[row.course_id])
        queue[:] = [other for other in queue if other is not row]
        # After everybody who waits, whatever the clocks of the servers say.
        row.enrolled_at = max(self.now, queue[-1].enrolled_at + INSTANT) if queue else self.now
        queue.append(row)

    def _link(self, row: Enrollment) -> None:
        # As setting them does, which looks at more than is open here.
        STUDENT.set_cached_value(row, self.students[row.student_id])
        COURSE.set_cached_value(row, self.courses[row.course_id])


def _not_found(message: Any, **key: int) -> ValidationError:
    return ValidationError(message, code="not_found", params=key)


def _no_such_move(before: Status | None, verb: Verb) -> ValidationError:
    message = _("An enrollment that is %(before)s cannot become %(after)s.")
    params = {"before": before and Said(before, before.label), "after": Said(verb.status, verb.status.label)}
    return ValidationError(message, code="invalid_status", params=params)
