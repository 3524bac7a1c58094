"""Changes of enrollments, and their state at any time, from the history records."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet, Subquery

from students.history.sentences import FreedSeats, is_promotion
from students.models import Enrollment, Status, Student, waitlist_position

Records = QuerySet[Any]


def enrollment_changes() -> Records:
    """All changes of enrollments, oldest first, each with `before`, the status before it.

    `before` is None for the first change of an enrollment.
    """
    records: Records = Enrollment.history.model.objects.all()
    earlier = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by(
        "-history_id"
    )
    before = Subquery(earlier.values("status")[:1])
    changes: Records = records.annotate(before=before).order_by("history_id")
    return changes


def latest_changes(**lookups: object) -> Records:
    """The changes of enrollments, latest first, with student and course.

    `lookups` filter them, such as `student=7`.
    """
    return (
        enrollment_changes()
        .filter(**lookups)
        .select_related("student", "course__term")
        .order_by("-history_id")
    )


def attach_causes(records: Iterable[Any]) -> None:
    """Set the cause of each of `records` that is a promotion, where it is on record.

    `left`: the students who gave up a seat of the course in the same transaction (FreedSeats).
    `completed`: the course that the student completed in it. Changes of one transaction have the
    same `updated_at`, and no other change of the same course or student has it, because the
    service takes a later one under their locks.
    """
    promoted = [record for record in records if is_promotion(record)]
    if not promoted:
        return
    left = _find_freed_seats(promoted)
    completed = _find_completed_courses(promoted)
    for record in promoted:
        record.left = left.get((record.course_id, record.updated_at))
        record.completed = completed.get((record.student_id, record.updated_at))


def _find_freed_seats(promoted: Iterable[Any]) -> dict[tuple[int, datetime], FreedSeats]:
    """The seats freed at the times of the promotions, by course id and time."""
    times = {record.updated_at for record in promoted}
    courses = {record.course_id for record in promoted}
    left = (
        enrollment_changes()
        .filter(updated_at__in=times, course__in=courses, before=Status.ACTIVE)
        .exclude(status=Status.ACTIVE)
        .order_by()
    )
    # One row for each course and time, however many were withdrawn together.
    groups = list(
        left.values_list("course", "updated_at").annotate(
            Count("pk"), Min("student"), Max("status")
        )
    )
    students = Student.objects.in_bulk([student for *_rest, student, _status in groups])
    return {
        (course, time): FreedSeats(number, students[student], status)
        for course, time, number, student, status in groups
    }


def _find_completed_courses(promoted: Iterable[Any]) -> dict[tuple[int, datetime], Any]:
    """The courses completed by promoted students at that time, by student id and time."""
    records: Records = Enrollment.history.model.objects.filter(
        updated_at__in={record.updated_at for record in promoted},
        student__in={record.student_id for record in promoted},
        status=Status.COMPLETED,
    ).select_related("course__term")
    return {(record.student_id, record.updated_at): record.course for record in records}


def as_of(time: datetime, enrollments: QuerySet[Enrollment]) -> Records:
    """The state of `enrollments` at `time`: the last history record of each until then.

    A record has the attributes of an enrollment, and `position`; but `pk` is the record's own key,
    and `student` and `course` are the rows of today.
    """
    records: Records = Enrollment.history.model.objects.filter(history_date__lte=time)
    later = records.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
    states = records.filter(~Exists(later))
    found: Records = states.filter(id__in=enrollments.values("id")).annotate(
        position=waitlist_position(states)
    )
    return found.select_related("student", "course__term")
