"""The action on the list of students in the admin that enrolls; and what keeps the lists quick."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client

from courses.factories import CourseFactory
from courses.tests.admin_page import messages_of
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student

pytestmark = pytest.mark.django_db
LIST = "/admin/students/student/"


def act(browser: Client, students: list[Student], **more: Any) -> Any:
    return browser.post(LIST, {"action": "enroll_in", ACTION_CHECKBOX_NAME: [student.pk for student in students], **more}, follow=True)


def test_asks_for_the_course_first(registrar: Client) -> None:
    students = StudentFactory.create_batch(2)
    text = act(registrar, students).content.decode()
    assert 'name="course"' in text
    assert "This field is required" not in text
    assert 'name="confirmed"' not in text


def test_lists_what_would_happen_to_each_and_writes_nothing(registrar: Client) -> None:
    course, students = CourseFactory.create(capacity=1), StudentFactory.create_batch(2)
    answer = act(registrar, students, course=course.pk, check="Check")
    text = answer.content.decode()
    assert [outcome for _name, outcome, _reasons in answer.context["results"]] == ["enrolled", "refused"]
    assert all(str(student) in text for student in students)
    assert "is full: 1 of 1 seats are taken." in text
    assert 'value="course_full"' in text
    assert not Enrollment.objects.exists()


def test_enrolls_all_of_them_or_nobody(registrar: Client) -> None:
    course, students = CourseFactory.create(capacity=1), StudentFactory.create_batch(2)
    answer = act(registrar, students, course=course.pk, confirmed="Enroll")
    assert "is full: 1 of 1 seats are taken." in answer.content.decode()
    assert not Enrollment.objects.exists()

    answer = act(registrar, students, course=course.pk, on_full="waitlist", confirmed="Enroll")
    assert sorted(message.partition(":")[0] for message in messages_of(answer)) == ["Enrolled", "On the waitlist"]
    assert sorted(Enrollment.objects.values_list("status", flat=True)) == ["active", "waitlisted"]
    assert {record.door for record in Enrollment.history.all()} == {"admin"}


def test_an_override_needs_a_reason(registrar: Client) -> None:
    course, students = CourseFactory.create(capacity=0), StudentFactory.create_batch(1)
    options: dict[str, Any] = {"course": course.pk, "override": ["course_full"], "confirmed": "Enroll"}
    assert "An override needs a reason." in act(registrar, students, **options).content.decode()
    assert not Enrollment.objects.exists()
    act(registrar, students, **options, reason="the dean says so")
    assert Enrollment.history.get().history_change_reason == "the dean says so"


def test_a_course_of_nobody_is_told(registrar: Client) -> None:
    for course in ("404", "x", str(2**70)):
        assert "Select a valid choice" in act(registrar, StudentFactory.create_batch(1), course=course, confirmed="Enroll").content.decode()


def test_no_list_counts_all_of_its_rows(registrar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("courses.admin.COUNTED", 3)
    StudentFactory.create_batch(5)
    assert registrar.get(LIST).context["cl"].result_count == 3


@pytest.mark.parametrize(("wanted", "shown"), [("left", {"FREE", "ANY"}), ("full", {"FULL"}), ("waiting", set()), ("", {"FREE", "ANY", "FULL"})])
def test_courses_are_filtered_by_their_seats(registrar: Client, wanted: str, shown: set[str]) -> None:
    CourseFactory.create(code="FREE", capacity=1)
    CourseFactory.create(code="ANY", capacity=None)
    enrolled(StudentFactory.create(), CourseFactory.create(code="FULL", capacity=1))
    rows = registrar.get("/admin/courses/course/", {"seats": wanted} if wanted else {}).context["cl"].result_list
    assert {course.code for course in rows} == shown
