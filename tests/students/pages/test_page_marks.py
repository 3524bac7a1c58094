"""Rows that were just changed are marked on the next page only."""

import re

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Status, Student
from tests.admin_page import submit
from tests.undoing import last_changes_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(code="NEW-1")


def marked(client: Client, path: str) -> list[str]:
    """Return the text of each marked row of a page."""
    text = client.get(path).content.decode()
    return [
        " ".join(re.sub("<.*?>", " ", row).split())
        for row in re.findall(
            r'<(?:tr|dl)\b[^>]*class="[^"]*changed">(.*?)</(?:tr|dl)>', text, re.S
        )
    ]


def test_a_new_enrollment_is_marked_once(clerk: Client, student: Student, course: Course) -> None:
    enrolled(student, CourseFactory.create())
    clerk.post(f"/students/{student.pk}/courses/", {"courses": course.pk})
    [row] = marked(clerk, f"/students/{student.pk}/")
    assert row.startswith("NEW-1")
    assert "active just now" in row
    assert marked(clerk, f"/students/{student.pk}/") == []


def test_a_withdrawal_is_marked(clerk: Client, student: Student, course: Course) -> None:
    enrolled(student, course)
    clerk.post(f"/students/{student.pk}/courses/{course.pk}/withdraw/")
    [row] = marked(clerk, f"/students/{student.pk}/")
    assert "withdrawn just now" in row


def test_an_undone_change_is_marked(clerk: Client, student: Student, course: Course) -> None:
    enrolled(student, course)
    clerk.post(f"/students/{student.pk}/courses/{course.pk}/withdraw/", follow=True)
    clerk.post("/undo/", {"token": last_changes_token()})
    [row] = marked(clerk, f"/students/{student.pk}/")
    assert "active just now" in row


def test_withdrawn_and_promoted_students_are_marked_on_the_roster(
    clerk: Client, course: Course
) -> None:
    course.capacity = 2
    course.save()
    for row in (
        first := enrolled(StudentFactory.create(), course),
        second := enrolled(StudentFactory.create(), course),
    ):
        assert row.status == Status.ACTIVE
    waiter = StudentFactory.create()
    service.enroll([(waiter.pk, course.pk)], Options(waitlist=True))
    clerk.post(f"/courses/{course.pk}/withdraw/", {"students": first.student_id})
    rows = marked(clerk, f"/courses/{course.pk}/?status=all")
    assert sorted(first.student.number in row or waiter.number in row for row in rows) == [
        True,
        True,
    ]
    assert not any(second.student.number in row for row in rows)


def test_an_edited_row_is_marked(registrar: Client, student: Student, course: Course) -> None:
    term = TermFactory.create(code="T-1")
    registrar.post(
        f"/students/{student.pk}/edit/",
        {
            "number": "N-77",
            "first_name": "A",
            "last_name": "B",
            "email": "a@b.example",
            "is_active": "on",
        },
    )
    assert ["N-77" in row for row in marked(registrar, f"/students/{student.pk}/")] == [True]
    registrar.post(
        f"/courses/{course.pk}/edit/",
        {"term": course.term.pk, "code": "C", "title": "T", "credits": "7.5", "capacity": ""},
    )
    assert ["7.5" in row for row in marked(registrar, f"/courses/{course.pk}/")] == [True]
    registrar.post(
        "/terms/T-1/edit/",
        {"code": "T-1", "name": "Other", "starts_on": term.starts_on, "ends_on": term.ends_on},
    )
    assert ["Other" in row for row in marked(registrar, "/terms/")] == [True]


@pytest.mark.parametrize(
    ("path", "numbers"), [("/courses/{}/edit/", 1), ("/admin/courses/course/{}/change/", 0)]
)
def test_a_promotion_is_marked_on_the_page_with_its_message(
    registrar: Client, course: Course, path: str, numbers: int
) -> None:
    Course.objects.update(capacity=0)
    service.enroll([(StudentFactory.create().pk, course.pk)], Options(waitlist=True))
    submit(registrar, path.format(course.pk), {"capacity": "1"})
    assert (
        len(
            [row for row in marked(registrar, f"/courses/{course.pk}/") if "active just now" in row]
        )
        == numbers
    )
