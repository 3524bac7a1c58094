"""The one writer: nothing else writes an enrollment, whichever door it comes through.

A list of changes is decided and written in one transaction, all or nothing. The students are locked first, then the
courses, each in the order of their keys, and seats are counted after that. Whoever waits moves up in the same transaction.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction

from core.db.bulk_upsert import BulkUpsert
from core.db.compiled import CompiledQuery, execute_all
from core.db.parameters import IdListParameter, InIdList
from core.history.bulk import history_entry, history_insert, history_params
from core.history.reasons import MOVED_UP
from students.enrollment.decisions import EnrollmentDecisions
from students.enrollment.locks import LOCK_STUDENTS, valid_ids
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    KEEP_COURSE,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
    Result,
)
from students.models import Enrollment, Status

CURRENT_OF = CompiledQuery(
    Enrollment.objects.current()
    .filter(InIdList("student", IdListParameter("students")))
    .order_by("pk")
    .values_list("course")
)
UPSERT = BulkUpsert(Enrollment, ["student", "course"], ["status", "enrolled_at", "updated_at"])
INSERT_HISTORY = history_insert(Enrollment, "student", "course")


def apply_changes(
    changes: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    *,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make all `changes`, or none. Answers one result for each, in their order. Raises Refused.

    With `all_or_nothing=False`, what can be done is done and the rest refused in the results; with `validate_only` the results
    tell what would happen, and nothing is locked or written.
    """
    if validate_only:
        return _preview(changes, options)
    with transaction.atomic():
        return _write(changes, options, all_or_nothing=all_or_nothing)


def replace_courses(
    student_id: int,
    wanted: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    *,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make exactly the courses of `wanted` the student's current ones and withdraw the others, as `write` does. Raises Refused."""
    student = {"students": valid_ids([student_id])}
    if validate_only:
        return _preview(_replacing(student_id, wanted, CURRENT_OF(**student)), options)
    with transaction.atomic():
        # Under this lock nobody gives the student another course.
        _locked, current = execute_all([LOCK_STUDENTS, CURRENT_OF], student)
        return _write(
            _replacing(student_id, wanted, current), options, all_or_nothing=all_or_nothing
        )


def _replacing(
    student_id: int, wanted: Sequence[EnrollmentChange], current: Sequence[Sequence[int]]
) -> list[EnrollmentChange]:
    """What makes a student's `current` courses those of `wanted`."""
    held, keep = {course for [course] in current}, {change.course_id for change in wanted}
    kept = [
        dataclasses.replace(change, transition=KEEP_COURSE) if change.course_id in held else change
        for change in wanted
    ]
    return [
        *kept,
        *(
            EnrollmentChange(student_id, course, WITHDRAW)
            for [course] in current
            if course not in keep
        ),
    ]


def enroll(pairs: Iterable[tuple[int, int]], options: Options = DEFAULT_OPTIONS) -> list[Result]:
    """Enroll each (student id, course id), all or none. Raises Refused."""
    return apply_changes([EnrollmentChange(student, course) for student, course in pairs], options)


def withdraw(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Withdraw each (student id, course id) that is current; the others stay unchanged."""
    return apply_changes([EnrollmentChange(student, course, WITHDRAW) for student, course in pairs])


def promote_waiting(course_ids: Iterable[int]) -> None:
    """Give free seats of these courses to those who wait for them: something was changed that may let them in."""
    with transaction.atomic():
        waiting = Enrollment.objects.filter(course__in=list(course_ids), status=Status.WAITLISTED)
        if courses := set(waiting.order_by().values_list("course", flat=True)):
            decisions = EnrollmentDecisions([], courses=courses)
            _decide(decisions, [])
            _save(decisions)


def decide_and_save(
    changes: Sequence[EnrollmentChange], options: Options = DEFAULT_OPTIONS
) -> list[Result]:
    """Make those of `changes` that no rule refuses, within the caller's transaction.

    Answers one result for each, in their order. A caller who comes several times in one transaction takes the locks
    (`students.enrollment.locks.lock`) of all of them first.
    """
    decisions = EnrollmentDecisions(changes, options)
    results = _decide(decisions, changes)
    _save(decisions)
    return results


def _preview(changes: Sequence[EnrollmentChange], options: Options) -> list[Result]:
    decisions = EnrollmentDecisions(changes, options, locks=False)
    results = _decide(decisions, changes)
    decisions.set_positions(results)
    return results


def _write(
    changes: Sequence[EnrollmentChange], options: Options, *, all_or_nothing: bool
) -> list[Result]:
    decisions = EnrollmentDecisions(changes, options)
    results = _decide(decisions, changes)
    decisions.set_positions(results)
    if all_or_nothing and any(result.outcome == Outcome.REFUSED for result in results):
        raise Refused(results)
    _save(decisions)
    return results


# Who moved up, for who wants to tell it.
_promoted: ContextVar[list[Enrollment]] = ContextVar("promoted")


@contextmanager
def collect_promotions() -> Iterator[list[Enrollment]]:
    """A list that gets everybody inside whom the writer moves up from a waitlist, or would, even where that is rolled back later."""
    promoted: list[Enrollment] = []
    token = _promoted.set(promoted)
    try:
        yield promoted
    finally:
        _promoted.reset(token)
        # Whoever asks around this hears of them too.
        _promoted.get([]).extend(promoted)


def _decide(decisions: EnrollmentDecisions, changes: Sequence[EnrollmentChange]) -> list[Result]:
    results = [decisions.decide(change) for change in changes]
    decisions.promote_waiting()
    _promoted.get([]).extend(decisions.promoted.values())
    return results


def _save(decisions: EnrollmentDecisions) -> None:
    """Write what was decided, with its history."""
    rows = [*decisions.created, *decisions.changed.values(), *decisions.promoted.values()]
    if not rows:
        return

    def record(row: Enrollment, *, changed: bool, reason: str = "") -> list[Any]:
        pair = (row.student_id, row.course_id)
        return history_entry(
            pair, changed=changed, reason=reason, override=decisions.overridden.get(pair, ())
        )

    entries = [
        *(record(row, changed=False) for row in decisions.created),
        *(record(row, changed=True) for row in decisions.changed.values()),
        *(record(row, changed=True, reason=MOVED_UP) for row in decisions.promoted.values()),
    ]
    UPSERT(rows, INSERT_HISTORY.question, **history_params(entries, decisions.now))
