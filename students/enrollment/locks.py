"""Locks of students and courses.

Every transaction locks the students first, then the courses, each in the order of their ids, so
that two transactions never wait for each other. Rows that it finds to be needed later are locked
without waiting; if another transaction has one of them, this one is run again and locks it first
(`core.db.transactions`).

An enrollment is written under the locks of its student and its course. So the lock of a student
keeps all enrollments of that student as they are.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from django.db import connection
from django.db.models import BigIntegerField, Model, QuerySet

from core.db.compiled import CompiledQuery, Query
from core.db.parameters import IdListParameter, InIdList
from core.db.transactions import RunAgain, held_locks
from courses.models import Course, Term
from students.models import Enrollment, Student

Q = TypeVar("Q", bound=QuerySet[Any])


def for_update(rows: Q, *, skip_locked: bool = False) -> Q:
    """`rows`, locked until the transaction ends. Others can still write rows that refer to them.

    With `skip_locked`, those that another transaction has locked are left out.
    """
    return rows.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)


STUDENTS = Student.objects.filter(InIdList("pk", IdListParameter("students"))).order_by("pk")
COURSES = Course.objects.filter(InIdList("pk", IdListParameter("courses"))).order_by("pk")
_IDS = IdListParameter("ids")
_STUDENTS_BY_ID = Student.objects.filter(InIdList("pk", _IDS)).order_by("pk")
_COURSES_BY_ID = Course.objects.filter(InIdList("pk", _IDS)).order_by("pk")
_WAITLISTED = Enrollment.objects.filter(status="waitlisted").order_by()
LOCK_STUDENTS = CompiledQuery(for_update(_STUDENTS_BY_ID).values_list("pk"))
LOCK_COURSES = CompiledQuery(for_update(_COURSES_BY_ID).values_list("pk"))
LOCK_FREE_STUDENTS = CompiledQuery(for_update(_STUDENTS_BY_ID, skip_locked=True).values_list("pk"))
LOCK_FREE_COURSES = CompiledQuery(for_update(_COURSES_BY_ID, skip_locked=True).values_list("pk"))
FIND_STUDENTS = CompiledQuery(_STUDENTS_BY_ID.values_list("pk"))
FIND_COURSES = CompiledQuery(_COURSES_BY_ID.values_list("pk"))
# The courses that students wait for, and the students who wait for courses.
COURSES_OF_WAITERS = CompiledQuery(
    _WAITLISTED.filter(InIdList("student", _IDS)).values_list("course")
)
WAITERS_OF_COURSES = CompiledQuery(
    _WAITLISTED.filter(InIdList("course", _IDS)).values_list("student")
)


def lock_students_and_courses(
    students: Iterable[int], courses: Iterable[int], *, with_waiters: bool = False
) -> None:
    """Lock students, then courses and those that the students wait for, by their ids.

    For a transaction that calls the enrollment service several times, or that also saves a student
    or a course. The locks last until the transaction ends. `with_waiters` also locks the students
    who wait for these courses: for a long transaction, which would take long to run again.
    """
    students = valid_ids(students)
    courses = valid_ids(courses)
    if with_waiters:
        concerned = {*courses, *_find_ids(COURSES_OF_WAITERS, students)}
        students |= _find_ids(WAITERS_OF_COURSES, concerned)
    lock_students(students)
    lock_courses(courses | _find_ids(COURSES_OF_WAITERS, students))


def lock_before_reading(students: Iterable[int], courses: Iterable[int]) -> None:
    """Lock what the caller's queries must not wait for, because the transaction has locks already.

    The queries then lock what is left, students before courses.
    """
    held = held_locks()
    if held[Student] or held[Course]:
        lock_students(students)
    if held[Course]:
        lock_courses(courses)


def lock_promoted(students: Iterable[int]) -> bool:
    """Lock students who are about to move up. Return whether there were any to lock.

    Their enrollments may have changed until then.
    """
    # SQLite has one writer.
    new = {*students} - held_locks()[Student]
    if not (new and connection.features.has_select_for_update):
        return False
    lock_students(new)
    return True


def lock_students(students: Iterable[int]) -> None:
    """Lock these students until the transaction ends. Raises RunAgain."""
    held = held_locks()
    new = valid_ids(students) - held[Student]
    if not new:
        return
    if held[Student] or held[Course]:
        _lock_free(Student, new)
    else:
        # Only ids are read, as an import locks a hundred thousand students.
        LOCK_STUDENTS(ids=new)
    held[Student] |= new


def lock_courses(courses: Iterable[int]) -> None:
    """Lock these courses until the transaction ends. Raises RunAgain."""
    held = held_locks()
    new = valid_ids(courses) - held[Course]
    if not new:
        return
    if held[Course]:
        _lock_free(Course, new)
    else:
        LOCK_COURSES(ids=new)
    held[Course] |= new


def _lock_free(model: type[Student | Course], ids: set[int]) -> None:
    """Lock these rows. Raises RunAgain if another transaction has one of them."""
    lock: Query = LOCK_FREE_STUDENTS
    find: Query = FIND_STUDENTS
    if model is Course:
        lock, find = LOCK_FREE_COURSES, FIND_COURSES
    left = ids - _find_ids(lock, ids)
    # What is left may not exist.
    if not _find_ids(find, left):
        return
    held = held_locks()
    needed: dict[type[Model], set[int]] = {
        Term: held[Term],
        Student: held[Student],
        Course: held[Course],
    }
    needed[model] = needed[model] | ids
    raise RunAgain(partial(_lock_first, needed))


def _lock_first(ids_by_model: Mapping[type[Model], set[int]]) -> None:
    """Take locks at the beginning of a transaction, in the order of the models and the ids."""
    terms = Term.objects.filter(pk__in=ids_by_model[Term]).order_by("pk")
    list(for_update(terms).values_list("pk"))
    held_locks()[Term] |= ids_by_model[Term]
    lock_students(ids_by_model[Student])
    lock_courses(ids_by_model[Course])


def _find_ids(query: Query, ids: Collection[int]) -> set[int]:
    """What `query` finds for `ids`."""
    return {pk for [pk] in query(ids=ids)} if ids else set()


def valid_ids(ids: Iterable[int]) -> set[int]:
    """Those of `ids` that fit the column. For a larger one, a database raises an error."""
    return {key for key in ids if key <= BigIntegerField.MAX_BIGINT}
