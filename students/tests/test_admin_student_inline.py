"""The courses on a student's page in the admin."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from courses.tests.admin_page import fields_of, messages_of, submit
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

NEW = "enrollments-{}-course"


def page_of(student: Student) -> str:
    return f"/admin/students/student/{student.pk}/change/"


def row(student: Student, number: int = 0) -> str:
    """The name of the field of a new course, on the page of a student with so many enrollments."""
    return NEW.format(number)


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


@pytest.fixture
def student(db: None) -> Student:
    return StudentFactory(first_name="Ann", last_name="Smith", number="S1")


def statuses(student: Student) -> dict[str, str]:
    return dict(student.enrollments.values_list("course__code", "status"))


def test_adds_a_course(registrar: Client, student: Student) -> None:
    course = CourseFactory()

    response = submit(registrar, page_of(student), {NEW.format(0): course.pk}, follow=True)

    assert "was changed successfully" in messages_of(response)[0]
    assert statuses(student) == {course.code: "active"}
