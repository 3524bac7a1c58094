"""`/students/{id}/`: one student."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, override_settings
from django.utils import timezone

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create(first_name="Ann", last_name="Lee")


def test_shows_the_fields(clerk: Client, student: Student) -> None:
    text = clerk.get(f"/students/{student.pk}/").content.decode()
    for words in (
        "Ann Lee",
        student.number,
        student.email,
        "No courses.",
        "Nothing has happened yet.",
    ):
        assert words in text


def test_shows_the_courses_by_term_the_latest_first(clerk: Client, student: Student) -> None:
    today = timezone.localdate()
    spring, fall = (
        TermFactory.create(code="SP", starts_on=today - timedelta(days=200)),
        TermFactory.create(code="FA"),
    )
    rows = [
        enrolled(student, CourseFactory.create(code=code, term=term), status)
        for code, term, status in [
            ("B", fall, Status.ACTIVE),
            ("A", fall, Status.ACTIVE),
            ("C", spring, Status.ACTIVE),
            ("D", spring, Status.COMPLETED),
            ("E", fall, Status.WITHDRAWN),
        ]
    ]
    answer = clerk.get(f"/students/{student.pk}/")
    assert answer.context["current"] == [rows[1], rows[0], rows[2]]
    assert answer.context["ended"] == [rows[4], rows[3]]
    text = answer.content.decode()
    assert [
        text.count(f'href="/students/{student.pk}/courses/{row.course_id}/withdraw/?next=')
        for row in rows
    ] == [1, 1, 1, 0, 0]


def test_shows_the_place_on_the_waitlist(clerk: Client, student: Student) -> None:
    course = CourseFactory.create(capacity=0)
    for waiter in (StudentFactory.create(), student):
        service.enroll([(waiter.pk, course.pk)], Options(waitlist=True))
    text = clerk.get(f"/students/{student.pk}/").content.decode()
    assert "waitlisted" in text
    assert "place 2" in text


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_shows_the_history_in_the_time_zone_of_the_school(clerk: Client, student: Student) -> None:
    course = CourseFactory.create(code="BIO-1")
    with (
        time_machine.travel("2026-09-01T20:30:00Z", tick=False),
        record_changes_as(Door.IMPORT, reason="from the old system"),
    ):
        service.enroll([(student.pk, course.pk)])
        service.withdraw([(student.pk, course.pk)])
    answer = clerk.get(f"/students/{student.pk}/")
    assert [(record.before, record.status) for record in answer.context["history"].rows] == [
        ("active", "withdrawn"),
        (None, "active"),
    ]
    text = answer.content.decode()
    for words in (
        "Wednesday, 2 September 2026",
        "05:30",
        "(import, nobody signed in).",
        "from the old system",
        "BIO-1",
    ):
        assert words in text


def test_the_history_has_pages(clerk: Client, student: Student) -> None:
    course = CourseFactory.create()
    for _turn in range(13):
        service.enroll([(student.pk, course.pk)])
        service.withdraw([(student.pk, course.pk)])
    first = clerk.get(f"/students/{student.pk}/")
    second = clerk.get(f"/students/{student.pk}/", {"history": first.context["history"].next})
    ids = [
        record.history_id for answer in (first, second) for record in answer.context["history"].rows
    ]
    assert len(ids) == 26
    assert ids == sorted(set(ids), reverse=True)


def test_typed_text_is_escaped(clerk: Client) -> None:
    student = StudentFactory.create(first_name="<b>Ann</b>", last_name="<script>")
    text = (
        clerk.get(f"/students/{student.pk}/").content.decode()
        + clerk.get("/students/").content.decode()
    )
    assert "<b>Ann" not in text
    assert "<script>" not in text


def test_takes_a_bounded_number_of_queries(
    clerk: Client, student: Student, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for course in CourseFactory.create_batch(6):
        enrolled(student, course)
    with django_assert_max_num_queries(10):
        clerk.get(f"/students/{student.pk}/")
