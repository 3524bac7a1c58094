"""Writes enrollments. No other code does, whichever door a request comes through.

A list of changes is decided and written in one transaction. It locks the students first, then the
courses, each in the order of their ids, and counts seats after that. Those who wait move up in the
same transaction, which is run again if another one has locked one of them (`locks.py`).
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from core.db.bulk_upsert import BulkUpsert
from core.db.compiled import CompiledQuery, Rows, execute_all
from core.db.parameters import IdListParameter, InIdList, Parameter
from core.db.transactions import atomic_with_reruns, held_locks
from core.history.bulk import history_entry, history_insert, history_params
from core.history.reasons import MOVED_UP
from students.enrollment.decisions import EnrollmentDecisions, decide_changes
from students.enrollment.locks import LOCK_STUDENTS, lock_before_reading, valid_ids
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
from students.models import Enrollment, Status, Student

CURRENT_ENROLLMENTS = (
    Enrollment.objects.current()
    .filter(InIdList("student", IdListParameter("students")))
    .order_by("pk")
)
CURRENT_COURSES = CompiledQuery(CURRENT_ENROLLMENTS.values_list("course"))
CURRENT_COURSES_OF_TERM = CompiledQuery(
    CURRENT_ENROLLMENTS.filter(course__term=Parameter("term")).values_list("course")
)
UPSERT = BulkUpsert(
    Enrollment,
    ["student", "course"],
    ["status", "enrolled_at", "updated_at", "by_mistake", "waitlist_number", "overridden"],
)
INSERT_HISTORY = history_insert(Enrollment, "student", "course")


def apply_changes(
    changes: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    *,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make all `changes`, or none. Return one result for each, in their order. Raises Refused.

    With `all_or_nothing=False`, make those that no rule refuses; the results say which were
    refused. With `validate_only`, return what would happen, and lock and write nothing.
    """
    if validate_only:
        return _preview(changes, options)
    results = _write_in_transaction(changes, options, all_or_nothing=all_or_nothing)
    return _raise_refusals(results, all_or_nothing=all_or_nothing)


def replace_courses(
    student_id: int,
    wanted: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    *,
    term_id: int | None = None,
    all_or_nothing: bool = True,
    validate_only: bool = False,
) -> list[Result]:
    """Make the courses of `wanted` the student's current ones, and withdraw all others.

    With `term_id`, only courses of that term are withdrawn. Options, results and errors are those
    of `apply_changes`.
    """
    ids = valid_ids([student_id])
    params: dict[str, Any] = {"ids": ids, "students": ids}
    find_current = CURRENT_COURSES
    if term_id is not None:
        params["term"] = term_id
        find_current = CURRENT_COURSES_OF_TERM

    def find_changes(current: Rows) -> list[EnrollmentChange]:
        return _find_replacing_changes(student_id, wanted, [course for [course] in current])

    @atomic_with_reruns
    def replace() -> list[Result]:
        lock_before_reading(ids, ())
        # Under this lock nobody else can enroll the student.
        _locked, current = execute_all([LOCK_STUDENTS, find_current], params)
        held_locks()[Student] |= ids
        return _write(find_changes(current), options, all_or_nothing=all_or_nothing)

    if validate_only:
        return _preview(find_changes(find_current(**params)), options)
    return _raise_refusals(replace(), all_or_nothing=all_or_nothing)


def _find_replacing_changes(
    student_id: int, wanted: Sequence[EnrollmentChange], current: Sequence[int]
) -> list[EnrollmentChange]:
    """The changes that turn a student's `current` courses (ids) into those of `wanted`."""
    changes = []
    held = set(current)
    for change in wanted:
        is_held = change.course_id in held
        changes.append(dataclasses.replace(change, transition=KEEP_COURSE) if is_held else change)
    kept = {change.course_id for change in wanted}
    dropped = [course_id for course_id in current if course_id not in kept]
    return changes + [EnrollmentChange(student_id, course_id, WITHDRAW) for course_id in dropped]


def enroll(pairs: Iterable[tuple[int, int]], options: Options = DEFAULT_OPTIONS) -> list[Result]:
    """Enroll each (student id, course id), all or none. Raises Refused."""
    return apply_changes([EnrollmentChange(student, course) for student, course in pairs], options)


def withdraw(pairs: Iterable[tuple[int, int]]) -> list[Result]:
    """Withdraw each (student id, course id) that is current; the others stay unchanged."""
    return apply_changes([EnrollmentChange(student, course, WITHDRAW) for student, course in pairs])


@atomic_with_reruns
def promote_waiting(course_ids: Collection[int]) -> None:
    """Give free seats of these courses to those who wait for them.

    Call this after a change that frees seats, or that makes a student eligible, and in its
    transaction (`atomic_with_reruns`).
    """
    waiting = Enrollment.objects.filter(course__in=list(course_ids), status=Status.WAITLISTED)
    if waited_for := set(waiting.order_by().values_list("course", flat=True)):
        _save(_decide([], more_courses=waited_for))


@atomic_with_reruns
def decide_and_save(
    changes: Sequence[EnrollmentChange], options: Options = DEFAULT_OPTIONS
) -> list[Result]:
    """Make those of `changes` that no rule refuses, as a part of the caller's transaction.

    Return one result for each, in their order. A caller that does this several times in one
    transaction first takes the locks of all changes (`locks.lock_students_and_courses`).
    """
    decisions = _decide(changes, options)
    _save(decisions)
    return decisions.results


def _preview(changes: Sequence[EnrollmentChange], options: Options) -> list[Result]:
    decisions = _decide(changes, options, locks=False)
    decisions.set_positions()
    return decisions.results


def _write(
    changes: Sequence[EnrollmentChange], options: Options, *, all_or_nothing: bool
) -> list[Result]:
    decisions = _decide(changes, options)
    decisions.set_positions()
    if not (all_or_nothing and _has_refusals(decisions.results)):
        _save(decisions)
    return decisions.results


_write_in_transaction = atomic_with_reruns(_write)


def _has_refusals(results: Iterable[Result]) -> bool:
    return any(result.outcome == Outcome.REFUSED for result in results)


def _raise_refusals(results: list[Result], *, all_or_nothing: bool) -> list[Result]:
    """Return `results`, or raise Refused if one refusal stops all changes.

    This is done after the transaction. It has written nothing, and psycopg would discard the
    connection's prepared statements with a rollback.
    """
    if all_or_nothing and _has_refusals(results):
        raise Refused(results)
    return results


# The list that `collect_promotions` fills.
_promoted: ContextVar[list[Enrollment]] = ContextVar("promoted")


@contextmanager
def collect_promotions() -> Iterator[list[Enrollment]]:
    """Collect the enrollments that move up from a waitlist inside the block.

    Those of previews and of transactions that are rolled back are collected too.
    """
    promoted: list[Enrollment] = []
    token = _promoted.set(promoted)
    try:
        yield promoted
    finally:
        _promoted.reset(token)
        # A block around this one collects them as well.
        _promoted.get([]).extend(promoted)


def _decide(
    changes: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    more_courses: Iterable[int] = (),
    *,
    locks: bool = True,
) -> EnrollmentDecisions:
    decisions = decide_changes(changes, options, more_courses, locks=locks)
    _promoted.get([]).extend(decisions.promoted.values())
    return decisions


def _save(decisions: EnrollmentDecisions) -> None:
    """Write the rows that were decided, and the history record of each."""
    rows: list[Enrollment] = []
    entries = []
    for group, changed, reason in (
        (decisions.created, False, ""),
        (decisions.changed.values(), True, ""),
        (decisions.promoted.values(), True, MOVED_UP),
    ):
        for row in group:
            pair = (row.student_id, row.course_id)
            override = decisions.overridden.get(pair, ())
            rows.append(row)
            entries.append(history_entry(pair, changed=changed, reason=reason, override=override))
    if rows:
        params = history_params(entries, decisions.snapshot.times.now)
        UPSERT(rows, INSERT_HISTORY.query, **params)
