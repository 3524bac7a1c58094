"""Locks of students and courses.

Every transaction locks the students first, then the courses, each in the order of their ids, so
that two transactions never wait for each other.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import BigIntegerField, QuerySet

from core.db.compiled import CompiledQuery
from core.db.parameters import IdListParameter, InIdList
from courses.models import Course
from students.models import Enrollment, Student

Q = TypeVar("Q", bound=QuerySet[Any])


def for_update(rows: Q) -> Q:
    """`rows`, locked until the transaction ends. Others can still write rows that refer to them."""
    return rows.select_for_update(no_key=True, of=("self",))


STUDENTS = Student.objects.filter(InIdList("pk", IdListParameter("students"))).order_by("pk")
COURSES = Course.objects.filter(InIdList("pk", IdListParameter("courses"))).order_by("pk")
LOCK_STUDENTS = CompiledQuery(for_update(STUDENTS).values_list("pk"))
LOCK_COURSES = CompiledQuery(for_update(COURSES).values_list("pk"))
# The courses that students are on the waitlist of.
WAITED_FOR = CompiledQuery(
    Enrollment.objects.filter(InIdList("student", IdListParameter("students")), status="waitlisted")
    .order_by()
    .values_list("course")
)


def lock_students_and_courses(students: Iterable[int], courses: Iterable[int]) -> None:
    """Lock students, then courses and those that the students wait for, by their ids.

    For a transaction that calls the enrollment service several times, or that also saves a student
    or a course. The locks last until the transaction ends.
    """
    locked = lock_students(students)
    waited_for = [course for [course] in WAITED_FOR(students=locked)]
    lock_courses({*courses, *waited_for})


def lock_students(students: Iterable[int]) -> list[int]:
    """Lock these students until the transaction ends. Return the ids of those that exist."""
    # Only ids are read, as an import locks a hundred thousand students.
    return [pk for [pk] in LOCK_STUDENTS(students=valid_ids(students))]


def lock_courses(courses: Iterable[int]) -> None:
    """Lock these courses until the transaction ends."""
    LOCK_COURSES(courses=valid_ids(courses))


def valid_ids(ids: Iterable[int]) -> set[int]:
    """Those of `ids` that fit the column. For a larger one, a database raises an error."""
    return {key for key in ids if key <= BigIntegerField.MAX_BIGINT}
