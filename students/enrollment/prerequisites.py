"""Whether a student's courses meet the prerequisites of a course, or exclude it."""

from __future__ import annotations

from collections.abc import Collection

from courses.models import Course
from courses.requirements import Requirement, read_requirements
from students.enrollment.other_courses import OtherCourse


def find_unmet(
    course: Course,
    *,
    completed: Collection[OtherCourse],
    taken: Collection[OtherCourse],
    taken_at_end: Collection[OtherCourse],
) -> list[Requirement]:
    """The requirements of `course` that a student does not meet by other courses.

    `completed` and `taken` are those that the student has completed and takes, `taken_at_end`
    those that the student takes at the end of the request: they count for what may be taken at the
    same time.
    """
    if not course.prerequisites:
        return []
    codes = {other.code for other in completed}
    if course.term.accepts_in_progress:
        codes |= {other.code for other in taken if other.last_day < course.first_day}
    concurrent = codes | {
        other.code for other in taken_at_end if other.first_day <= course.last_day
    }
    return [
        requirement
        for requirement in read_requirements(course.prerequisites)
        if (concurrent if requirement.concurrent else codes).isdisjoint(requirement.codes)
    ]


def find_excluding(course: Course, others: Collection[OtherCourse]) -> list[OtherCourse]:
    """Those of `others` that exclude `course`, or are excluded by it, in the order of the ids."""
    return sorted(
        other for other in others if other.code in course.excludes or course.code in other.excludes
    )
