"""Clashes of the meeting times of courses, before a course is changed or a student enrolled."""

from __future__ import annotations

from typing import NamedTuple

from courses.models import Course
from students.enrollment.other_courses import OtherCourse
from students.enrollment.rules import find_time_conflicts
from students.models import Enrollment, Status

# The fields of a course on which its clashes depend.
TIME_FIELDS = ("term", "starts_on", "ends_on", "meetings")


class ClashCount(NamedTuple):
    """The active students of a course, and how many of them would have a new clash."""

    clashing: int
    students: int


def count_new_clashes(course: Course, changed: Course) -> ClashCount:
    """Count the active students of `course` who would have a clash that they do not have now.

    `changed` is the course with other times or dates, which are not saved.
    """
    active = Enrollment.objects.filter(status=Status.ACTIVE).order_by()
    students = active.filter(course=course.pk).values("student")
    taken = active.filter(student__in=students).exclude(course=course.pk)
    others = Course.objects.filter(pk__in=taken.values("course")).exclude(meetings=[])
    clashing = [
        other.pk
        for other in others.select_related("term")
        if clashes(changed, other) and not clashes(course, other)
    ]
    with_clash = taken.filter(course__in=clashing).values("student").distinct()
    return ClashCount(with_clash.count() if clashing else 0, students.count())


def clashes(course: Course, other: Course) -> bool:
    """Whether two courses meet at the same time, on days that both have."""
    if not course.overlaps(other):
        return False
    return any(find_time_conflicts(course, [OtherCourse.of(other)]))
