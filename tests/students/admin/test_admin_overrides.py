"""Overrides in the admin: offered after a refusal, with a reason, and recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.rules import Refusal
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import Fields, fields_of, messages_of, submit

Made = Callable[[str], Client]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Page:
    """A page that enrolls, and its fields for a student and a course."""

    url: str
    fields: dict[str, Any]


def add_page(student: Student, course: Course) -> Page:
    return Page("/admin/students/enrollment/add/", {"student": student.pk, "course": course.pk})


def status_page(student: Student, course: Course) -> Page:
    row = enrollments_of(student, course) or enrolled(student, course, Status.WITHDRAWN)
    return Page(f"/admin/students/enrollment/{row.pk}/change/", {"status": "active"})


def student_page(student: Student, course: Course) -> Page:
    return Page(
        f"/admin/students/student/{student.pk}/change/", {"enrollments-0-course": course.pk}
    )


def course_page(student: Student, course: Course) -> Page:
    return Page(f"/admin/courses/course/{course.pk}/change/", {"enrollments-0-student": student.pk})


def enrollments_of(student: Student, course: Course) -> Enrollment | None:
    return Enrollment.objects.filter(student=student, course=course).first()


PAGES = [add_page, status_page, student_page, course_page]
each_page = pytest.mark.parametrize("page_for", PAGES)
PageFor = Callable[[Student, Course], Page]


@pytest.fixture(params=["admin", "Registrar"])
def person(request: pytest.FixtureRequest, browser_of: Made) -> Client:
    return browser_of(request.param)


@pytest.fixture
def registrar(browser_of: Made) -> Client:
    return browser_of("Registrar")


@pytest.fixture
def student(db: None) -> Student:
    return StudentFactory()


@pytest.fixture
def full(db: None) -> Course:
    return CourseFactory(capacity=0)


def offered(response: Any) -> list[str]:
    """Return the refusals that the page offers to override."""
    html = response.content.decode()
    assert 'name="reason"' in html
    return [code for code in Refusal.values if f'name="override" value="{code}"' in html]


def again(response: Any) -> Fields:
    return fields_of(response.content.decode())


@each_page
class TestOnEachPage:
    def test_is_offered_only_after_the_refusal(
        self, person: Client, student: Student, full: Course, page_for: PageFor
    ) -> None:
        page = page_for(student, full)
        assert offered(person.get(page.url)) == []

        response = submit(person, page.url, page.fields)

        assert response.status_code == 200
        assert offered(response) == ["course_full"]

    def test_enrolls_and_is_recorded_with_the_reason(
        self, person: Client, student: Student, full: Course, page_for: PageFor
    ) -> None:
        page = page_for(student, full)
        refused = submit(person, page.url, page.fields)

        response = submit(
            person,
            page.url,
            {"override": "course_full", "reason": "The dean asked."},
            page=again(refused),
            follow=True,
        )

        assert "successfully" in " ".join(messages_of(response))
        row = Enrollment.objects.get(student=student, course=full)
        record = row.history.latest()
        assert (row.status, record.door, record.override, record.history_change_reason) == (
            "active",
            "admin",
            ["course_full"],
            "The dean asked.",
        )

    def test_without_a_reason_the_form_keeps_the_tick(
        self, person: Client, student: Student, full: Course, page_for: PageFor
    ) -> None:
        page = page_for(student, full)
        refused = submit(person, page.url, page.fields)

        response = submit(
            person, page.url, {"override": "course_full", "reason": " "}, page=again(refused)
        )

        assert "An override needs a reason." in response.content.decode()
        assert again(response)["override"] == ["course_full"]
        assert not Enrollment.objects.filter(status=Status.ACTIVE).exists()

    def test_a_reason_has_a_maximum_length(
        self, person: Client, student: Student, full: Course, page_for: PageFor
    ) -> None:
        page = page_for(student, full)

        response = submit(
            person, page.url, {**page.fields, "override": "course_full", "reason": "x" * 501}
        )

        assert "at most 500 characters" in response.content.decode()
        assert not Enrollment.objects.filter(status=Status.ACTIVE).exists()

    def test_a_refusal_not_ticked_is_offered_too(
        self, registrar: Client, student: Student, page_for: PageFor
    ) -> None:
        page = page_for(student, CourseFactory(capacity=0, is_open=False))

        response = submit(
            registrar, page.url, {**page.fields, "override": "course_full", "reason": "Why"}
        )

        assert offered(response) == ["course_closed", "course_full"]
        assert (again(response)["override"], again(response)["reason"]) == (
            ["course_full"],
            ["Why"],
        )

    @pytest.mark.parametrize("code", ["student_inactive", "nonsense"])
    def test_a_refusal_that_cannot_be_overridden_is_an_error(
        self, registrar: Client, student: Student, page_for: PageFor, code: str
    ) -> None:
        Student.objects.update(is_active=False)
        page = page_for(student, CourseFactory())

        response = submit(registrar, page.url, {**page.fields, "override": code, "reason": "Why"})

        assert "look at “Enrolling”" in response.content.decode()
        assert not Enrollment.objects.filter(status=Status.ACTIVE).exists()

    def test_is_not_offered_without_the_permission(
        self, assistant: Client, student: Student, full: Course, page_for: PageFor
    ) -> None:
        page = page_for(student, full)

        response = submit(assistant, page.url, page.fields)

        assert "is full: 0 of 0 seats are taken" in response.content.decode()
        assert 'name="on_full"' in response.content.decode()
        assert offered(response) == []


@pytest.fixture
def assistant(user_of: Callable[[str], User], client: Client) -> Client:
    """A user with the rights of a Clerk and those to change students and courses."""
    user = user_of("Clerk")
    user.is_staff = True
    user.save()
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["change_student", "change_course"])
    )
    client.force_login(user)
    return client


def test_an_inactive_student_is_never_enrolled(registrar: Client, full: Course) -> None:
    page = add_page(StudentFactory(is_active=False), full)

    assert offered(submit(registrar, page.url, page.fields)) == ["course_full"]
    full.capacity = 1
    full.save()
    assert offered(submit(registrar, page.url, page.fields)) == []


def test_a_waiting_student_gets_a_seat(registrar: Client, student: Student, full: Course) -> None:
    service.enroll([(student.pk, full.pk)], Options(waitlist=True))
    page = status_page(student, full)

    submit(registrar, page.url, {**page.fields, "override": "course_full", "reason": "Why"})

    assert student.enrollments.get().status == Status.ACTIVE


def test_keeps_all_other_fields(registrar: Client, student: Student, full: Course) -> None:
    other = CourseFactory()
    had = enrolled(student, CourseFactory())
    page = student_page(student, full)
    rows = {
        "enrollments-TOTAL_FORMS": 3,
        "enrollments-1-course": full.pk,
        "enrollments-2-course": other.pk,
    }
    refused = submit(registrar, page.url, {**rows, "first_name": "Anna", "withdraw": had.pk})

    submit(registrar, page.url, {"override": "course_full", "reason": "Why"}, page=again(refused))

    student.refresh_from_db()
    assert student.first_name == "Anna"
    assert dict(student.enrollments.values_list("course", "status")) == {
        had.course_id: "withdrawn",
        full.pk: "active",
        other.pk: "active",
    }
    overridden = {
        record.course_id: record.override
        for record in Enrollment.history.filter(history_change_reason="Why")
    }
    assert overridden == {had.course_id: [], full.pk: ["course_full"], other.pk: []}
    assert student.history.latest().history_change_reason == ""


def test_the_history_page_shows_the_override(
    registrar: Client, student: Student, full: Course
) -> None:
    page = add_page(student, full)
    submit(
        registrar, page.url, {**page.fields, "override": "course_full", "reason": "The dean asked."}
    )

    html = registrar.get(
        f"/admin/students/enrollment/{student.enrollments.get().pk}/history/"
    ).content.decode()

    assert "although the course is full" in html
    assert "<td>The dean asked.</td>" in html


@pytest.mark.skipif(
    not connection.features.has_select_for_update, reason="SQLite locks the whole database"
)
@pytest.mark.parametrize(
    ("page_for", "saved"), [(student_page, "students_student"), (course_page, "courses_course")]
)
def test_students_are_locked_before_courses_and_both_before_the_page_is_saved(
    registrar: Client, student: Student, page_for: PageFor, saved: str
) -> None:
    page = page_for(student, CourseFactory())
    field = {"students_student": "first_name", "courses_course": "title"}[saved]
    with CaptureQueriesContext(connection) as queries:
        submit(registrar, page.url, {**page.fields, field: "New"})

    statements = [query["sql"] for query in queries]

    locks = [sql for sql in statements if "FOR NO KEY UPDATE" in sql]
    assert 'FROM "students_student"' in locks[0]
    assert 'FROM "courses_course"' in locks[1]
    assert statements.index(locks[1]) < next(
        number for number, sql in enumerate(statements) if sql.startswith(f'UPDATE "{saved}"')
    )
