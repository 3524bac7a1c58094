"""What happened to enrollments, and how they stood at any moment, told from their history records."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet, Subquery

from students.history.sentences import FreedSeats, is_promotion
from students.models import Enrollment, Status, Student, waitlist_position

Records = QuerySet[Any]


def enrollment_changes() -> Records:
    """All changes of enrollments, oldest first, each with `before`, the status it had before (None at its beginning)."""
    records: Records = Enrollment.history.model.objects.all()
    earlier = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by(
        "-history_id"
    )
    told: Records = records.annotate(before=Subquery(earlier.values("status")[:1])).order_by(
        "history_id"
    )
    return told


def latest_changes(**of: object) -> Records:
    """The changes of enrollments, latest first, each with its student and course. `of` picks some, such as `student=7`."""
    return (
        enrollment_changes()
        .filter(**of)
        .select_related("student", "course__term")
        .order_by("-history_id")
    )


def attach_causes(records: Iterable[Any]) -> None:
    """Give each of `records` that is a promotion what let it happen, where that is on record.

    `left` are those who gave up a seat of the course in the same act, `completed` the course that the student completed
    in it. All that is done to one course, or one student, in one act has one moment, and nothing else has that moment:
    the writer takes a later one each time, under their locks.
    """
    promoted = [record for record in records if is_promotion(record)]
    if not promoted:
        return
    left, completed = _left(promoted), _completed(promoted)
    for record in promoted:
        record.left = left.get((record.course_id, record.history_date))
        record.completed = completed.get((record.student_id, record.history_date))


def _left(promoted: Iterable[Any]) -> dict[tuple[int, datetime], FreedSeats]:
    moments, courses = _moments(promoted), {record.course_id for record in promoted}
    left = (
        enrollment_changes()
        .filter(history_date__in=moments, course__in=courses, before=Status.ACTIVE)
        .exclude(status=Status.ACTIVE)
        .order_by()
    )
    # However many a list withdrew, one line for each course.
    found = list(
        left.values_list("course", "history_date").annotate(
            Count("pk"), Min("student"), Max("status")
        )
    )
    students = Student.objects.in_bulk([student for *_act, student, _status in found])
    return {
        (course, moment): FreedSeats(number, students[student], status)
        for course, moment, number, student, status in found
    }


def _completed(promoted: Iterable[Any]) -> dict[tuple[int, datetime], Any]:
    records: Records = Enrollment.history.model.objects.filter(
        history_date__in=_moments(promoted), status=Status.COMPLETED
    )
    own = records.filter(student__in={record.student_id for record in promoted}).select_related(
        "course__term"
    )
    return {(record.student_id, record.history_date): record.course for record in own}


def _moments(records: Iterable[Any]) -> set[datetime]:
    return {record.history_date for record in records}


def as_of(moment: datetime, enrollments: QuerySet[Enrollment]) -> Records:
    """How `enrollments` stood at `moment`: for each that there was, the record of its last change before, with `position`.

    A record has the attributes of an enrollment but `pk`, which is its own; its student and course are as they are today.
    """
    records: Records = Enrollment.history.model.objects.filter(history_date__lte=moment)
    later = records.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
    standing = records.filter(~Exists(later))
    found: Records = standing.filter(id__in=enrollments.values("id")).annotate(
        position=waitlist_position(standing)
    )
    return found.select_related("student", "course__term")
