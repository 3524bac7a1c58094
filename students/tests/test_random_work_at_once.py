"""Threads on connections of their own do random work at once; afterwards everything that must hold does hold."""

import os
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students import enrollments
from students.enrollments import COMPLETE, ENROLL, LOAD, WITHDRAW, Change, Options, Refused, Verb
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from students.refusals import refusals
from students.tests.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8
WAIT = Options(waitlist=True)
CAPACITIES = [3, 4, 5]
OPERATIONS = int(os.environ.get("SCHOOL_WORK", "40"))


def work(seed: int, students: list[int], courses: list[int]) -> list[str]:
    """Random work of one thread. Answers what failed by anything but a refusal."""
    random, failed = Random(seed), []

    def pair(verb: Verb) -> Change:
        return Change(random.choice(students), random.choice(courses), verb)

    def replaced() -> None:
        student = random.choice(students)
        enrollments.replace(student, [Change(student, course) for course in random.sample(courses, 2)], WAIT)

    deeds: list[Callable[[], object]] = [
        lambda: enrollments.write([pair(ENROLL)], WAIT),
        lambda: enrollments.write([pair(ENROLL) for _ in range(3)], WAIT, all_or_nothing=random.random() < 0.5),
        replaced,
        lambda: enrollments.write([pair(WITHDRAW)]),
        lambda: enrollments.write([pair(WITHDRAW), pair(WITHDRAW)]),
        lambda: enrollments.write([pair(COMPLETE)]),
        lambda: enrollments.write([pair(random.choice(list(LOAD.values())))]),
        lambda: save(Course, random.choice(courses), capacity=random.choice(CAPACITIES)),
        lambda: save(Course, random.choice(courses), is_open=random.random() < 0.7),
        lambda: save(Student, random.choice(students), is_active=random.random() < 0.7),
    ]
    for _ in range(OPERATIONS):
        try:
            random.choice(deeds)()
        except Refused:
            pass
        except OperationalError as error:
            failed.append(str(error))
    return failed


def save(model: Any, key: int, **values: Any) -> None:
    row = model.objects.get(pk=key)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def wrongs(today: date) -> list[str]:
    """What must never be, in the school as it is now."""
    found = []
    for course in Course.objects.with_seats().select_related("term"):
        # A capacity that is lowered evicts nobody.
        if course.taken > max(CAPACITIES):
            found.append(f"{course} has {course.taken} for {course.capacity}")
        completed = set(Enrollment.objects.filter(status=Status.COMPLETED).values_list("student", "course__code"))
        for row in course.enrollments.filter(status=Status.WAITLISTED).select_related("student"):
            missing = [code for code in course.prerequisites if (row.student_id, code) not in completed]
            if not list(refusals(row.student, course, taken=course.taken, today=today, missing=missing)):
                found.append(f"{row.student} waits beside a free seat of {course}")
    for row in Enrollment.objects.all():
        last = row.history.latest("history_id")
        if (last.status, last.enrolled_at) != (row.status, row.enrolled_at):
            found.append(f"{row} is {row.status}, its history says {last.status}")
    return found


def run(seed: int) -> tuple[list[str], list[str]]:
    term = TermFactory.create()
    first = CourseFactory.create(term=term, capacity=3, code="FIRST")
    courses = [first, *CourseFactory.create_batch(3, term=term, capacity=3), CourseFactory.create(term=term, capacity=3, prerequisites=["FIRST"])]
    students = [student.pk for student in StudentFactory.create_batch(12)]
    keys = [course.pk for course in courses]
    failed = at_once(*(lambda seed=seed * 100 + thread: work(seed, students, keys) for thread in range(THREADS)))
    return [error for errors in failed for error in errors], wrongs(timezone.localdate())


@pytest.mark.parametrize("seed", range(3))
def test_everything_holds(seed: int) -> None:
    failed, found = run(seed)
    assert not found
    assert not failed
    assert Enrollment.objects.count() > 20


def test_a_checker_that_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where the waitlist does not move, the checker says so."""
    monkeypatch.setattr(enrollments._Ledger, "_move_up", lambda self, course: None)
    assert any("waits beside a free seat" in wrong for seed in range(20) for wrong in run(seed)[1])


def test_lists_of_courses_in_any_order_never_wait_in_a_circle() -> None:
    """32 people, each for 5 of 8 courses in an order of their own: nobody fails, nobody has some of them."""
    courses = [course.pk for course in CourseFactory.create_batch(8)]
    students = [student.pk for student in StudentFactory.create_batch(16)]

    def enroll(student: int) -> int:
        return len(enrollments.enroll([(student, course) for course in Random(student).sample(courses, 5)]))

    for _ in range(int(os.environ.get("SCHOOL_ROUNDS", "3"))):
        assert at_once(*(lambda student=student: enroll(student) for student in students)) == [5] * len(students)
        enrollments.withdraw([(student, course) for student in students for course in courses])


def test_locks_out_of_order_end_in_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the order: courses locked as they come are locked in a circle."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all at once.")
    lock = enrollments._lock

    def as_they_come(queryset: Any, ids: Any) -> Any:
        ids = list(ids)
        return {key: row for one in Random().sample(ids, len(ids)) for key, row in lock(queryset, [one]).items()}

    def until_it_fails() -> None:
        for _ in range(20):
            test_lists_of_courses_in_any_order_never_wait_in_a_circle()

    monkeypatch.setattr(enrollments, "_lock", as_they_come)
    with pytest.raises(OperationalError):
        until_it_fails()
