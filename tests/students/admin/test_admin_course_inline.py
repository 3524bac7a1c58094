"""The students on a course's page in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, messages_of, submit
from tests.queries import count_queries


def page_of(course: Course) -> str:
    return f"/admin/courses/course/{course.pk}/change/"


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


def statuses(course: Course) -> dict[str, str]:
    return dict(course.enrollments.values_list("student__number", "status"))


def add(browser: Client, course: Course, *students: Student, **more: Any) -> Any:
    page = fields_of(browser.get(page_of(course)).content.decode())
    first = int(page["enrollments-INITIAL_FORMS"][0])
    rows = {
        f"enrollments-{first + number}-student": student.pk
        for number, student in enumerate(students)
    }
    changes: dict[str, Any] = {"enrollments-TOTAL_FORMS": first + len(students), **rows, **more}
    return submit(browser, page_of(course), changes, page=page, follow=True)


def test_adds_students(registrar: Client) -> None:
    course = CourseFactory(capacity=2)

    response = add(registrar, course, StudentFactory(number="S1"), StudentFactory(number="S2"))

    assert "was changed successfully" in messages_of(response)[0]
    assert statuses(course) == {"S1": "active", "S2": "active"}
    records = Enrollment.history.all()
    assert {(record.door, record.history_user.username) for record in records} == {
        ("admin", "registrar")
    }


def test_two_for_the_last_seat_are_refused_together(registrar: Client) -> None:
    course = CourseFactory(capacity=1, title="Biology")

    response = add(
        registrar, course, StudentFactory(number="S1"), StudentFactory(number="S2"), title="Botany"
    )

    assert response.status_code == 200
    [inline] = response.context["inline_admin_formsets"]
    assert inline.formset.errors == [
        {},
        {"__all__": [f"{course} is full: 1 of 1 seats are taken."]},
    ]
    assert messages_of(response) == []
    course.refresh_from_db()
    assert (course.title, course.history.count()) == ("Biology", 1)
    assert statuses(course) == {}
    assert not LogEntry.objects.exists()


def test_a_seat_freed_on_the_page_can_be_used_on_it(registrar: Client) -> None:
    course = CourseFactory(capacity=1)
    ending = enrolled(StudentFactory(number="S1"), course)

    add(registrar, course, StudentFactory(number="S2"), withdraw=ending.pk)

    assert statuses(course) == {"S1": "withdrawn", "S2": "active"}


def test_seats_added_on_the_page_can_be_used_on_it(registrar: Client) -> None:
    course = CourseFactory(capacity=0, is_open=False)

    add(registrar, course, StudentFactory(number="S1"), capacity=1, is_open="on")

    assert statuses(course) == {"S1": "active"}


def test_a_withdrawn_student_is_enrolled_again_and_an_active_one_stays(registrar: Client) -> None:
    course = CourseFactory()
    gone, here = (
        enrolled(StudentFactory(number="S1"), course, Status.WITHDRAWN),
        enrolled(StudentFactory(number="S2"), course),
    )

    response = add(registrar, course, gone.student, here.student)

    assert f"Nothing to change: {here}." in messages_of(response)
    assert statuses(course) == {"S1": "active", "S2": "active"}
    assert (gone.history.count(), here.history.count()) == (2, 1)


def test_a_new_course_comes_with_students(registrar: Client) -> None:
    term, student = CourseFactory().term, StudentFactory(number="S1")
    fields = {
        "code": "NEW",
        "title": "New",
        "term": term.pk,
        "credits": 3,
        "enrollments-0-student": student.pk,
    }

    submit(registrar, "/admin/courses/course/add/", fields)

    assert statuses(Course.objects.get(code="NEW")) == {"S1": "active"}


def test_a_capacity_below_the_seats_taken_warns_and_evicts_nobody(registrar: Client) -> None:
    course = CourseFactory(capacity=2)
    for _ in range(2):
        enrolled(StudentFactory(), course)

    response = submit(registrar, page_of(course), {"capacity": 1}, follow=True)

    assert (
        f"{course}: more seats are taken (2) than there are (1). Everybody who has a seat keeps it."
        in messages_of(response)
    )
    assert set(statuses(course).values()) == {"active"}


@pytest.mark.parametrize("key", ["0", "99999", str(10**30), "x"])
def test_an_unknown_student_is_an_error(registrar: Client, key: str) -> None:
    course = CourseFactory()

    response = submit(registrar, page_of(course), {"enrollments-0-student": key})

    assert "Select a valid choice" in response.content.decode()
    assert statuses(course) == {}


def test_queries_do_not_grow_with_rows(registrar: Client) -> None:
    course = CourseFactory()

    def opened(number: int) -> int:
        for _ in range(number):
            enrolled(StudentFactory(), course)
        return count_queries(lambda: registrar.get(page_of(course)))

    assert opened(3) == opened(27)
