"""Meeting times, clashes and credit limits in the admin."""

import pytest
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Status, Student
from tests.admin_page import submit
from tests.page_text import text_of

pytestmark = pytest.mark.django_db
CLASH = "clashes with ART-1 (2026-FA): Mon 10:30-11:00"


@pytest.fixture
def clashing() -> tuple[Student, Course]:
    """A student in two courses that meet at the same time."""
    other = CourseFactory.create(code="ART-1", term__code="2026-FA", meetings="Mon 10:30-11:30")
    course = CourseFactory.create(term=other.term, meetings="Mon 10:00-11:00 Hall 2")
    student = enrolled(StudentFactory.create(), other).student
    service.enroll([(student.pk, course.pk)], Options(override=["time_conflict"]))
    return student, course


def test_the_rows_show_times_and_clashes(
    registrar: Client, clashing: tuple[Student, Course]
) -> None:
    student, course = clashing
    for path in (f"students/student/{student.pk}", f"courses/course/{course.pk}"):
        text = text_of(registrar.get(f"/admin/{path}/change/").content.decode())
        assert "Mon 10:00-11:00 Hall 2" in text
        assert CLASH in text


def test_the_search_of_courses_shows_when_they_meet(
    registrar: Client, clashing: tuple[Student, Course]
) -> None:
    query = "term=art&app_label=students&model_name=enrollment&field_name=course"
    [found] = registrar.get(f"/admin/autocomplete/?{query}").json()["results"]
    assert found["text"] == "ART-1 (2026-FA) Mon 10:30-11:30"


def test_a_credit_limit_is_set_and_removed(registrar: Client) -> None:
    course = CourseFactory.create(credits=3, capacity=1, term__max_credits=3)
    held = CourseFactory.create(credits=3, term=course.term)
    student = enrolled(StudentFactory.create(), held).student
    first = enrolled(StudentFactory.create(), course)
    waiting = Options(waitlist=True, override=[])
    CreditLimit.objects.create(student=student, term=course.term, max_credits=6)
    service.enroll([(student.pk, course.pk)], waiting)
    limit = CreditLimit.objects.get()
    path = f"/admin/students/creditlimit/{limit.pk}/"
    assert submit(registrar, f"{path}change/", {"max_credits": "3"}).status_code == 302
    service.withdraw([(first.student_id, course.pk)])
    assert course.enrollments.get(student=student).status == Status.WAITLISTED

    assert submit(registrar, f"{path}change/", {"max_credits": "6"}).status_code == 302
    assert course.enrollments.get(student=student).status == Status.ACTIVE
    assert registrar.post(f"{path}delete/", {"post": "yes"}).status_code == 302
    assert not CreditLimit.objects.exists()
    assert "Credit limits" in registrar.get("/admin/").content.decode()
