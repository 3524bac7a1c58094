"""The one writer: nothing else writes an enrollment, whichever door it comes through.

A list of changes is decided and written in one transaction, all or nothing. The courses are locked first, then the
students, each in the order of their keys, and seats are counted after that. Every verb ends in `decide_and_save`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import BigIntegerField, Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.history import BATCH, record
from courses.models import Course
from students.models import Enrollment, Status, Student
from students.refusals import refusals

M = TypeVar("M", Course, Student)
R = TypeVar("R", Enrollment, Enrollment | None)


class Outcome(models.TextChoices):
    """What happened to one student-course pair."""

    CREATED = "created", _("enrolled")
    REACTIVATED = "reactivated", _("enrolled again")
    UNCHANGED = "unchanged", _("nothing to change")
    WITHDRAWN = "withdrawn", _("withdrawn")
    COMPLETED = "completed", _("completed")
    REFUSED = "refused", _("refused")


@dataclass(frozen=True)
class Verb:
    """The status a pair shall have, and what it is called to come there from each status it may come from (None: no row).

    From any other status nothing is changed, or, where the verb is `strict`, the change is refused.
    """

    status: Status
    moves: Mapping[Status | None, Outcome]
    strict: bool = False


A, W, C, X = Status.ACTIVE, Status.WAITLISTED, Status.COMPLETED, Status.WITHDRAWN
ENROLL = Verb(A, {None: Outcome.CREATED, X: Outcome.REACTIVATED})
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

    `at` is a JSON pointer, in which `{field}` stands for the field of the pair that a reason is about, or a line number.
    """

    student_id: int
    course_id: int
    verb: Verb = ENROLL
    at: str = ""


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


def write(changes: Sequence[Change]) -> list[Result]:
    """Make all `changes`, or none. Answers one result for each, in their order. Raises Refused."""
    with transaction.atomic():
        results = decide_and_save(changes)
        if any(result.outcome == Outcome.REFUSED for result in results):
            raise Refused(results)
    return results


def enroll(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Enroll each (student id, course id), all or none. Raises Refused."""
    return write([Change(student, course) for student, course in pairs])


def withdraw(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Withdraw each (student id, course id) that is current; the others stay unchanged."""
    return write([Change(student, course, WITHDRAW) for student, course in pairs])


def replace(student_id: int, wanted: Sequence[Change]) -> list[Result]:
    """Make exactly the courses of `wanted` the student's current ones and withdraw the others. Raises Refused."""
    keep = {change.course_id for change in wanted}
    while True:
        surplus = [Change(student_id, course, WITHDRAW) for course in sorted(_current_courses(student_id) - keep)]
        with transaction.atomic():
            results = write([*wanted, *surplus])
            if _current_courses(student_id) <= keep:
                return results
            # Somebody enrolled the student elsewhere before we had the lock. Begin again, with that course locked too.
            transaction.set_rollback(True)


def _current_courses(student_id: int) -> set[int]:
    return set(Enrollment.objects.filter(student=student_id).current().values_list("course", flat=True))


def decide_and_save(changes: Sequence[Change], *, ask_window: bool = True) -> list[Result]:
    """Make those of `changes` that no rule refuses, within the caller's transaction.

    Answers one result for each, in their order. A caller who comes several times in one transaction calls
    `lock_courses` for all of them first, and brings the students in the order of their keys.
    """
    ledger = _Ledger(changes, ask_window=ask_window)
    results = [ledger.decide(change) for change in changes]
    ledger.save()
    return results


def lock_courses(ids: Iterable[int]) -> dict[int, Course]:
    """Lock these courses until the transaction ends. Answers them by id, without those that do not exist."""
    return _lock(Course.objects.select_related("term"), ids)


def _lock(queryset: QuerySet[M], ids: Iterable[int]) -> dict[int, M]:
    # A larger one is in no table, and a database takes it for an error.
    possible = {key for key in ids if key <= BigIntegerField.MAX_BIGINT}
    rows = queryset.filter(pk__in=possible).order_by("pk").select_for_update(no_key=True, of=("self",))
    return {row.pk: row for row in rows}


class _Ledger:
    """The locked rows that a list of changes is about, the seats taken, and what is to be written."""

    def __init__(self, changes: Sequence[Change], *, ask_window: bool) -> None:
        self.ask_window = ask_window
        self.courses = lock_courses(change.course_id for change in changes)
        self.students = _lock(Student.objects.all(), (change.student_id for change in changes))
        # Read after the locks were had, so that times run in the order of the changes.
        self.now = timezone.now()
        held = Enrollment.objects.filter(student__in=list(self.students), course__in=list(self.courses))
        self.rows = {(row.student_id, row.course_id): row for row in held}
        limited = [course.pk for course in self.courses.values() if course.capacity is not None]
        active = Enrollment.objects.filter(course__in=limited, status=Status.ACTIVE).order_by()
        self.taken = Counter(dict(active.values_list("course").annotate(Count("pk")))) if limited else Counter[int]()
        self.created: list[Enrollment] = []
        self.changed: dict[int, Enrollment] = {}

    def decide(self, change: Change) -> Result:
        row = self.rows.get((change.student_id, change.course_id))
        before = Status(row.status) if row else None
        if missing := tuple(self._missing(change)):
            return Result(change, Outcome.REFUSED, None, missing)
        outcome = change.verb.moves.get(before)
        if outcome is None and change.verb.strict and before != change.verb.status:
            return Result(change, Outcome.REFUSED, self._linked(row), (_no_such_move(before, change.verb),))
        if outcome is None:
            return Result(change, Outcome.UNCHANGED, self._linked(row))
        if change.verb.status == Status.ACTIVE and (reasons := tuple(self._refusals(change))):
            return Result(change, Outcome.REFUSED, self._linked(row), reasons)
        return Result(change, outcome, self._put(row, change))

    def save(self) -> None:
        """Write what was decided, with its history. A plain queryset: the model's own ways of writing are closed."""
        rows: QuerySet[Enrollment] = QuerySet(Enrollment)
        rows.bulk_create(self.created, batch_size=BATCH)
        record(Enrollment, self.created, changed=False)
        for status in {row.status for row in self.changed.values()}:
            same = [row for row in self.changed.values() if row.status == status]
            times = {"updated_at": self.now} | ({"enrolled_at": self.now} if status == Status.ACTIVE else {})
            for start in range(0, len(same), BATCH):
                rows.filter(pk__in=[row.pk for row in same[start : start + BATCH]]).update(status=status, **times)
        record(Enrollment, self.changed.values(), changed=True)

    def _missing(self, change: Change) -> Iterable[ValidationError]:
        if change.student_id not in self.students:
            yield _not_found(_("There is no student with the id %(student_id)s."), student_id=change.student_id)
        if change.course_id not in self.courses:
            yield _not_found(_("There is no course with the id %(course_id)s."), course_id=change.course_id)

    def _refusals(self, change: Change) -> Iterable[ValidationError]:
        course = self.courses[change.course_id]
        student = self.students[change.student_id]
        return refusals(student, course, taken=self.taken[course.pk], today=timezone.localdate(self.now), ask_window=self.ask_window)

    def _put(self, row: Enrollment | None, change: Change) -> Enrollment:
        pair = change.student_id, change.course_id
        before = row.status if row else None
        after = change.verb.status
        if row is None:
            row = self.rows[pair] = Enrollment(student_id=pair[0], course_id=pair[1], enrolled_at=self.now)
            self.created.append(row)
        elif row.pk:
            self.changed[row.pk] = row
        if after == Status.ACTIVE:
            row.enrolled_at = self.now
        row.status, row.updated_at = after, self.now
        self.taken[pair[1]] += (after == Status.ACTIVE) - (before == Status.ACTIVE)
        return self._linked(row)

    def _linked(self, row: R) -> R:
        if row is not None:
            row.student, row.course = self.students[row.student_id], self.courses[row.course_id]
        return row


def _not_found(message: Any, **key: int) -> ValidationError:
    return ValidationError(message, code="not_found", params=key)


def _no_such_move(before: Status | None, verb: Verb) -> ValidationError:
    message = _("An enrollment that is %(before)s cannot become %(after)s.")
    return ValidationError(message, code="invalid_status", params={"before": before, "after": verb.status})
