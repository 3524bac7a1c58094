"""The locks of a change: the students first, then the courses, each in the order of their keys, so that nobody waits in a circle."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import BigIntegerField, QuerySet

from core.db.compiled import CompiledQuery
from core.db.parameters import IdListParameter, InIdList
from courses.models import Course
from students.models import Enrollment, Student

Q = TypeVar("Q", bound=QuerySet[Any])


def for_update(rows: Q) -> Q:
    """`rows`, locked until the transaction ends. What refers to them can still be written."""
    return rows.select_for_update(no_key=True, of=("self",))


STUDENTS = Student.objects.filter(InIdList("pk", IdListParameter("students"))).order_by("pk")
COURSES = Course.objects.filter(InIdList("pk", IdListParameter("courses"))).order_by("pk")
LOCK_STUDENTS, LOCK_COURSES = (
    CompiledQuery(for_update(rows).values_list("pk")) for rows in (STUDENTS, COURSES)
)
WAITED_FOR = CompiledQuery(
    Enrollment.objects.filter(InIdList("student", IdListParameter("students")), status="waitlisted")
    .order_by()
    .values_list("course")
)


def lock_students_and_courses(students: Iterable[int], courses: Iterable[int]) -> None:
    """Lock these students, then these courses and those that the students wait for, until the transaction ends.

    For who comes to the writer several times in one transaction, or saves a student or a course beside it.
    """
    held = lock_students(students)
    lock_courses({*courses, *(course for [course] in WAITED_FOR(students=held))})


def lock_students(students: Iterable[int]) -> list[int]:
    """Lock these students until the transaction ends. Answers the ids of those that there are."""
    # Their ids alone: an import locks a hundred thousand.
    return [pk for [pk] in LOCK_STUDENTS(students=valid_ids(students))]


def lock_courses(courses: Iterable[int]) -> None:
    """Lock these courses until the transaction ends."""
    LOCK_COURSES(courses=valid_ids(courses))


def valid_ids(ids: Iterable[int]) -> set[int]:
    """Those of `ids` that can be in a table. A database takes a larger one for an error."""
    return {key for key in ids if key <= BigIntegerField.MAX_BIGINT}
