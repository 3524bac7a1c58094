"""Courses that require or exclude each other are left, taken and changed at the same moment."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.students.enrollment.test_promotion_races import slow_writes
from tests.students.enrollment.test_races import at_once
from tests.unlocked import take_out_lock_of_promoted

__all__ = ["slow_writes"]
WAIT = Options(waitlist=True, override=["prerequisite_missing"])
ROUNDS = [8, pytest.param(100, marks=pytest.mark.slow)]
Scene = Callable[[], bool]


def withdraw(student: Student, course: Course) -> Callable[[], Any]:
    return lambda: service.withdraw([(student.pk, course.pk)])


def enroll(student: Student, *courses: Course) -> Callable[[], Any]:
    changes = [EnrollmentChange(student.pk, course.pk) for course in courses]
    return lambda: service.apply_changes(changes, all_or_nothing=False)


def change(course: Course, **fields: Any) -> Callable[[], Any]:
    def save() -> None:
        row = Course.objects.get(pk=course.pk)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()

    return save


def taken(student: Student) -> set[int]:
    rows = Enrollment.objects.filter(student=student, status=Status.ACTIVE)
    return set(rows.values_list("course", flat=True))


def make_pair(**fields: Any) -> list[Course]:
    term = TermFactory.create()
    return [CourseFactory.create(term=term, capacity=1, **fields) for _ in range(2)]


def seat_and_wait(courses: list[Course]) -> list[Student]:
    """Somebody in each course, and at the end one who waits for both."""
    *seated, waiter = StudentFactory.create_batch(len(courses) + 1)
    for student, course in zip(seated, courses, strict=True):
        enrolled(student, course)
        enrolled(waiter, course, Status.WAITLISTED)
    return [*seated, waiter]


def require(course: Course, *others: Course) -> None:
    change(course, prerequisites=", ".join(f"{other.code}*" for other in others))()


def drop_both() -> bool:
    """Two clerks drop two courses of one student, each of which requires the other one."""
    courses = make_pair()
    require(courses[0], courses[1])
    require(courses[1], courses[0])
    student = StudentFactory.create()
    enroll(student, *courses)()
    assert len(taken(student)) == 2
    at_once(*(withdraw(student, course) for course in courses))
    return not taken(student)


def leave_both() -> bool:
    """Who waits for a course, and for one that may be taken with it, gets both."""
    courses = make_pair()
    first, second, waiter = seat_and_wait(courses)
    require(courses[1], courses[0])
    at_once(withdraw(first, courses[0]), withdraw(second, courses[1]))
    return taken(waiter) == {course.pk for course in courses}


def take_one_while_the_other_is_left() -> bool:
    lecture, lab = make_pair()
    seated, waiter = seat_and_wait([lab])
    require(lab, lecture)
    at_once(withdraw(seated, lab), enroll(waiter, lecture))
    return taken(waiter) == {lecture.pk, lab.pk}


def correct_both_requirements() -> bool:
    """Each course lets the waiter in, and by that into the other one too."""
    courses = make_pair()
    *seated, waiter = seat_and_wait(courses)
    for course, student, other in zip(courses, seated, reversed(courses), strict=True):
        change(course, prerequisites=f"{other.code}*, NONE")()
        withdraw(student, course)()
    assert not taken(waiter)
    at_once(
        change(courses[0], prerequisites=f"{courses[1].code}*"),
        change(courses[1], prerequisites=[]),
    )
    return taken(waiter) == {course.pk for course in courses}


def leave_two_that_exclude_each_other() -> bool:
    courses = make_pair()
    first, second, waiter = seat_and_wait(courses)
    change(courses[0], excludes=[courses[1].code])()
    at_once(withdraw(first, courses[0]), withdraw(second, courses[1]))
    return len(taken(waiter)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_writes")
class TestRaces:
    @pytest.mark.parametrize("rounds", ROUNDS)
    @pytest.mark.parametrize(
        "race",
        [
            drop_both,
            leave_both,
            take_one_while_the_other_is_left,
            correct_both_requirements,
            leave_two_that_exclude_each_other,
        ],
    )
    def test_nobody_is_left_out(self, race: Scene, rounds: int) -> None:
        assert [race() for _ in range(rounds)] == [True] * rounds

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
    def test_without_the_lock_of_who_moves_up_both_are_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: it shows that a race above is one."""
        take_out_lock_of_promoted(monkeypatch.setattr)
        assert not all(leave_two_that_exclude_each_other() for _ in range(100))
