"""Writes who teaches which courses. Nothing else does, so that nothing about the past is lost."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from core.history.bulk import BATCH_SIZE, record_history
from courses.teachers import Teaching


class Assignment(NamedTuple):
    """A teacher of a course, by id."""

    teacher_id: int
    is_primary: bool


def set_teachers(assignments: Mapping[int, Iterable[Assignment]]) -> set[int]:
    """Give each course, by id, exactly these teachers. Returns the ids of the courses that changed.

    Who is left out stays on record: the teaching has ended. The courses must be locked. A course
    must have each teacher once, and at most one primary teacher.
    """
    now = timezone.now()
    wanted = {course: dict(of_course) for course, of_course in assignments.items()}
    changed = [
        row
        for row in Teaching.objects.filter(course__in=assignments)
        if _change(row, wanted[row.course_id].pop(row.teacher_id, None), now)
    ]
    created = [
        Teaching(course_id=course, teacher_id=teacher, is_primary=is_primary)
        for course, added in wanted.items()
        for teacher, is_primary in added.items()
    ]
    # The former primary teachers come first: the database allows one at any moment.
    former = [row for row in changed if row.ended_at or not row.is_primary]
    primary = [row for row in changed if row.is_primary and not row.ended_at]
    for rows in (former, primary):
        if rows:
            Teaching.objects.bulk_update(rows, ["is_primary", "ended_at"], batch_size=BATCH_SIZE)
            record_history(Teaching, rows, changed=True)
    if created:
        Teaching.objects.bulk_create(created, batch_size=BATCH_SIZE)
        record_history(Teaching, created, changed=False)
    return {row.course_id for row in (*created, *changed)}


def _change(row: Teaching, is_primary: bool | None, now: datetime) -> bool:  # noqa: FBT001
    """End a teaching (`is_primary` is None) or make it current. Returns whether it differs."""
    before = row.is_primary, row.ended_at
    if is_primary is None:
        row.ended_at = row.ended_at or now
    else:
        row.is_primary, row.ended_at = is_primary, None
    return (row.is_primary, row.ended_at) != before
