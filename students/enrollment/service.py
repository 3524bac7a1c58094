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

from core.db.bulk_upsert import Put
from core.db.compiled import Compiled, ask
from core.db.parameters import Among, Ids
from core.history.models import entry, records_of, told
from core.history.reasons import MOVED_UP
from students.enrollment.decisions import Ledger
from students.enrollment.locks import LOCK_STUDENTS, possible
from students.enrollment.transitions import (
    KEEP,
    PLAIN,
    WITHDRAW,
    Change,
    Options,
    Outcome,
    Refused,
    Result,
)
from students.models import Enrollment, Status

CURRENT_OF = Compiled(
    Enrollment.objects.current()
    .filter(Among("student", Ids("students")))
    .order_by("pk")
    .values_list("course")
)
PUT = Put(Enrollment, ["student", "course"], ["status", "enrolled_at", "updated_at"])
RECORDS = records_of(Enrollment, "student", "course")


def write(
    changes: Sequence[Change],
    options: Options = PLAIN,
    *,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make all `changes`, or none. Answers one result for each, in their order. Raises Refused.

    With `all_or_nothing=False`, what can be done is done and the rest refused in the results; with `validate_only` the results
    tell what would happen, and nothing is locked or written.
    """
    if validate_only:
        return _look(changes, options)
    with transaction.atomic():
        return _write(changes, options, all_or_nothing=all_or_nothing)


def replace(
    student_id: int,
    wanted: Sequence[Change],
    options: Options = PLAIN,
    *,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make exactly the courses of `wanted` the student's current ones and withdraw the others, as `write` does. Raises Refused."""
    student = {"students": possible([student_id])}
    if validate_only:
        return _look(_replacing(student_id, wanted, CURRENT_OF(**student)), options)
    with transaction.atomic():
        # Under this lock nobody gives the student another course.
        _locked, current = ask([LOCK_STUDENTS, CURRENT_OF], student)
        return _write(
            _replacing(student_id, wanted, current), options, all_or_nothing=all_or_nothing
        )


def _replacing(
    student_id: int, wanted: Sequence[Change], current: Sequence[Sequence[int]]
) -> list[Change]:
    """What makes a student's `current` courses those of `wanted`."""
    held, keep = {course for [course] in current}, {change.course_id for change in wanted}
    kept = [
        dataclasses.replace(change, verb=KEEP) if change.course_id in held else change
        for change in wanted
    ]
    return [
        *kept,
        *(Change(student_id, course, WITHDRAW) for [course] in current if course not in keep),
    ]


def enroll(pairs: Iterable[tuple[int, int]], options: Options = PLAIN) -> list[Result]:
    """Enroll each (student id, course id), all or none. Raises Refused."""
    return write([Change(student, course) for student, course in pairs], options)


def withdraw(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Withdraw each (student id, course id) that is current; the others stay unchanged."""
    return write([Change(student, course, WITHDRAW) for student, course in pairs])


def move_up(course_ids: Iterable[int]) -> None:
    """Give free seats of these courses to those who wait for them: something was changed that may let them in."""
    with transaction.atomic():
        waiting = Enrollment.objects.filter(course__in=list(course_ids), status=Status.WAITLISTED)
        if courses := set(waiting.order_by().values_list("course", flat=True)):
            ledger = Ledger([], courses=courses)
            _decide(ledger, [])
            _save(ledger)


def decide_and_save(changes: Sequence[Change], options: Options = PLAIN) -> list[Result]:
    """Make those of `changes` that no rule refuses, within the caller's transaction.

    Answers one result for each, in their order. A caller who comes several times in one transaction takes the locks
    (`students.enrollment.locks.lock`) of all of them first.
    """
    ledger = Ledger(changes, options)
    results = _decide(ledger, changes)
    _save(ledger)
    return results


def _look(changes: Sequence[Change], options: Options) -> list[Result]:
    ledger = Ledger(changes, options, locks=False)
    results = _decide(ledger, changes)
    ledger.tell_positions(results)
    return results


def _write(changes: Sequence[Change], options: Options, *, all_or_nothing: bool) -> list[Result]:
    ledger = Ledger(changes, options)
    results = _decide(ledger, changes)
    ledger.tell_positions(results)
    if all_or_nothing and any(result.outcome == Outcome.REFUSED for result in results):
        raise Refused(results)
    _save(ledger)
    return results


# Who moved up, for who wants to tell it.
_promoted: ContextVar[list[Enrollment]] = ContextVar("promoted")


@contextmanager
def promotions() -> Iterator[list[Enrollment]]:
    """A list that gets everybody inside whom the writer moves up from a waitlist, or would, even where that is rolled back later."""
    promoted: list[Enrollment] = []
    token = _promoted.set(promoted)
    try:
        yield promoted
    finally:
        _promoted.reset(token)
        # Whoever asks around this hears of them too.
        _promoted.get([]).extend(promoted)


def _decide(ledger: Ledger, changes: Sequence[Change]) -> list[Result]:
    results = [ledger.decide(change) for change in changes]
    ledger.settle()
    _promoted.get([]).extend(ledger.promoted.values())
    return results


def _save(ledger: Ledger) -> None:
    """Write what was decided, with its history."""
    rows = [*ledger.created, *ledger.changed.values(), *ledger.promoted.values()]
    if not rows:
        return

    def record(row: Enrollment, *, changed: bool, reason: str = "") -> list[Any]:
        pair = (row.student_id, row.course_id)
        return entry(pair, changed=changed, reason=reason, override=ledger.overridden.get(pair, ()))

    entries = [
        *(record(row, changed=False) for row in ledger.created),
        *(record(row, changed=True) for row in ledger.changed.values()),
        *(record(row, changed=True, reason=MOVED_UP) for row in ledger.promoted.values()),
    ]
    PUT(rows, RECORDS.question, **told(entries, ledger.now))
