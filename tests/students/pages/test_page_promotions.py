"""A message names the students whom a change promoted from a waitlist."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory
from students.messages import fold_names
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, messages_of, submit

pytestmark = pytest.mark.django_db
WAIT = Options(waitlist=True)


def queue(course: Course, number: int) -> list[Enrollment]:
    """Return enrollments on the waitlist of `course`, which is full."""
    rows = [
        result.enrollment
        for result in service.enroll(
            [(student.pk, course.pk) for student in StudentFactory.create_batch(number)], WAIT
        )
    ]
    return [row for row in rows if row and row.status == Status.WAITLISTED]


def promotion_messages(answer: Any) -> list[str]:
    return [message for message in messages_of(answer) if message.startswith("Moved up")]


def moved_up(*rows: Enrollment) -> list[str]:
    return [f"Moved up from the waitlist: {'; '.join(map(str, rows))}."]


@pytest.mark.parametrize("path", ["/courses/{}/edit/", "/admin/courses/course/{}/change/"])
class TestCourse:
    def test_a_higher_capacity(self, registrar: Client, path: str) -> None:
        course = CourseFactory.create(capacity=1)
        first, second, _third = queue(course, 4)
        assert promotion_messages(
            submit(registrar, path.format(course.pk), {"capacity": "3"}, follow=True)
        ) == moved_up(first, second)

    def test_a_course_opened_again(self, registrar: Client, path: str) -> None:
        course = CourseFactory.create(capacity=0)
        [row] = queue(course, 1)
        Course.objects.update(capacity=1, is_open=False)
        assert promotion_messages(
            submit(registrar, path.format(course.pk), {"is_open": "on"}, follow=True)
        ) == moved_up(row)

    def test_many_are_counted(self, registrar: Client, path: str) -> None:
        course = CourseFactory.create(capacity=0)
        rows = queue(course, 8)
        [message] = promotion_messages(
            submit(registrar, path.format(course.pk), {"capacity": ""}, follow=True)
        )
        names = fold_names([str(row) for row in rows], "; ")
        assert "and 3 more" in names
        assert message == f"Moved up from the waitlist: {names}."

    def test_no_promotion_gives_no_message(self, registrar: Client, path: str) -> None:
        course = CourseFactory.create(capacity=0)
        queue(course, 1)
        assert (
            promotion_messages(
                submit(registrar, path.format(course.pk), {"title": "New"}, follow=True)
            )
            == []
        )


@pytest.mark.parametrize("admin", [False, True])
def test_a_term_whose_window_is_changed(registrar: Client, *, admin: bool) -> None:
    term = TermFactory.create()
    rows = [
        row
        for course in CourseFactory.create_batch(2, term=term, capacity=0)
        for row in queue(course, 1)
    ]
    yesterday = timezone.localdate() - timedelta(days=1)
    Term.objects.update(enrollment_closes_on=yesterday)
    Course.objects.update(capacity=1)
    path = f"/admin/courses/term/{term.pk}/change/" if admin else f"/terms/{term.code}/edit/"
    assert promotion_messages(
        submit(registrar, path, {"enrollment_closes_on": ""}, follow=True)
    ) == moved_up(*rows)


def test_a_student_made_active_again(registrar: Client) -> None:
    course = CourseFactory.create(capacity=0)
    [row] = queue(course, 1)
    Student.objects.update(is_active=False)
    Course.objects.update(capacity=1)
    assert promotion_messages(
        submit(registrar, f"/students/{row.student_id}/edit/", {"is_active": "on"}, follow=True)
    ) == moved_up(row)


def test_withdrawals_in_the_admin(registrar: Client) -> None:
    course = CourseFactory.create(capacity=1)
    [row] = queue(course, 2)
    seated = Enrollment.objects.get(status=Status.ACTIVE)
    confirmation = registrar.post(
        "/admin/students/enrollment/", {"action": "withdraw", ACTION_CHECKBOX_NAME: [seated.pk]}
    )
    assert promotion_messages(confirmation) == []
    confirmed = {**fields_of(confirmation.content.decode()), "confirm": "yes"}
    assert promotion_messages(
        registrar.post("/admin/students/enrollment/", confirmed, follow=True)
    ) == moved_up(row)


def test_a_promotion_rolled_back_gives_no_message(registrar: Client) -> None:
    """A higher capacity and a refused addition on one page of the admin."""
    course = CourseFactory.create(capacity=0)
    queue(course, 1)
    inactive = StudentFactory.create(is_active=False)
    answer = submit(
        registrar,
        f"/admin/courses/course/{course.pk}/change/",
        {"capacity": "5", "enrollments-1-student": inactive.pk},
    )
    assert Enrollment.objects.get().status == Status.WAITLISTED
    assert promotion_messages(answer) == []
    assert "Moved up" not in registrar.get("/students/").content.decode()


def test_the_api_leaves_no_message_for_the_next_page(registrar: Client) -> None:
    course = CourseFactory.create(capacity=0)
    queue(course, 1)
    answer = registrar.patch(
        f"/api/v1/courses/{course.pk}", {"capacity": 1}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert Enrollment.objects.get().status == Status.ACTIVE
    assert "Moved up" not in registrar.get("/students/").content.decode()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "a"),
        (2, "a; b"),
        (5, "a; b; c; d; e"),
        (6, "a; b; c; d; e <details><summary>and 1 more</summary>f</details>"),
        (7, "a; b; c; d; e <details><summary>and 2 more</summary>f; g</details>"),
    ],
)
def test_the_first_are_named_and_the_others_folded(number: int, words: str) -> None:
    assert fold_names("abcdefg"[:number], "; ") == words
