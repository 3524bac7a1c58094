"""Whether a student's courses meet the prerequisites of a course, or exclude it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from courses.models import Course
from courses.requirements import Requirement, name_requirement, read_requirements
from students.enrollment.other_courses import OtherCourse


class OpenRequirement(NamedTuple):
    """A requirement of a course that a student has not completed.

    `taken` is the alternative that the student takes before the course or at the same time: the
    one that ends first.
    """

    requirement: Requirement
    taken: OtherCourse | None
    ends_before: bool

    def __str__(self) -> str:
        return name_requirement(self.requirement)


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
        codes |= {other.code for other in taken if _ends_before(other, course)}
    concurrent = codes | {other.code for other in taken_at_end if _begins_in_time(other, course)}
    return [
        requirement
        for requirement in read_requirements(course.prerequisites)
        if (concurrent if requirement.concurrent else codes).isdisjoint(requirement.codes)
    ]


def find_open(
    course: Course, *, completed: Collection[OtherCourse], taken: Collection[OtherCourse]
) -> list[OpenRequirement]:
    """The requirements of `course` that a student has not completed, whether they are met or not.

    `completed` and `taken` are the other courses that the student has completed and takes.
    """
    found = []
    for requirement in find_unmet(course, completed=completed, taken=(), taken_at_end=()):
        alternatives = [
            other
            for other in taken
            if other.code in requirement.codes and _begins_in_time(other, course)
        ]
        first = min(alternatives, key=lambda other: (other.last_day, other), default=None)
        ends_before = first is not None and _ends_before(first, course)
        found.append(OpenRequirement(requirement, first, ends_before))
    return found


def _ends_before(other: OtherCourse, course: Course) -> bool:
    return other.last_day < course.first_day


def _begins_in_time(other: OtherCourse, course: Course) -> bool:
    return other.first_day <= course.last_day


def find_excluding(course: Course, others: Collection[OtherCourse]) -> list[OtherCourse]:
    """Those of `others` that exclude `course`, or are excluded by it, in the order of the ids."""
    return sorted(
        other for other in others if other.code in course.excludes or course.code in other.excludes
    )
