"""Clashes and loads, for people who decide: before a course is changed or a student enrolled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from courses.meetings import Hour
from courses.models import Course
from students.enrollment.other_courses import Load, OtherCourse, OtherCourses
from students.enrollment.rules import find_time_conflicts
from students.models import Enrollment, Status, Student

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
    return bool(_find_clashes(course, [OtherCourse.of(other)]))


@dataclass(frozen=True)
class Clash:
    """A course that a student takes, and the first time at which another one meets too."""

    other: OtherCourse
    hour: Hour


@dataclass(frozen=True)
class PairFacts:
    """What a course would mean for a student: its clashes, and the credits without it."""

    clashes: list[Clash] = field(default_factory=list)
    load: Load | None = None


def find_pair_facts(
    students: Collection[Student], courses: Collection[Course]
) -> dict[tuple[int, int], PairFacts]:
    """The facts of each student with each course, by their ids. The number of queries is fixed."""
    others = OtherCourses()
    others.read_all({student.pk for student in students}, courses, {})
    facts = {}
    for student in students:
        for course in courses:
            load = others.find_load(student, course)
            facts[student.pk, course.pk] = PairFacts(
                _find_clashes(course, others.find_taken(student, course)),
                None if load.limit is None else load,
            )
    return facts


def attach_clashes(rows: Collection[Enrollment]) -> None:
    """Set `clashes` on each active enrollment: those with other courses that the student takes.

    `rows` are enrollments of one student, or of one course.
    """
    active = [row for row in rows if row.status == Status.ACTIVE]
    courses = {row.course for row in active if row.course.meetings}
    facts = find_pair_facts({row.student for row in active}, courses) if courses else {}
    for row in active:
        pair = facts.get((row.student_id, row.course_id), PairFacts())
        row.clashes = pair.clashes  # type: ignore[attr-defined]


def _find_clashes(course: Course, others: Collection[OtherCourse]) -> list[Clash]:
    return [Clash(other, hour) for other, hour in find_time_conflicts(course, others)]
