"""`/courses/{id}/students/`: the association form from the course's side."""

import pytest
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.history.queries import enrollment_changes
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(code="BIO-1", capacity=2)


@pytest.fixture
def url(course: Course) -> str:
    return f"/courses/{course.pk}/students/"


def test_shows_the_course_and_finds_students(clerk: Client, course: Course, url: str) -> None:
    held, ann, bob = (
        enrolled(StudentFactory.create(), course).student,
        StudentFactory.create(first_name="Ann"),
        StudentFactory.create(first_name="Bob"),
    )
    answer = clerk.get(url, {"q": "an", "students": str(bob.pk)})
    assert [choice.row for choice in answer.context["chosen"]] == [bob]
    assert ann in [choice.row for choice in answer.context["found"]]
    assert {choice.row: choice.is_settled for choice in clerk.get(url).context["found"]} == {
        held: True,
        ann: False,
        bob: False,
    }
    assert "1 / 2" in answer.content.decode()


def test_the_filter_shows_active_students_only(clerk: Client, url: str) -> None:
    active, _inactive = StudentFactory.create(), StudentFactory.create(is_active=False)
    assert [choice.row for choice in clerk.get(url, {"is_active": "true"}).context["found"]] == [
        active
    ]


def test_enrolls_all_of_them_and_names_each(clerk: Client, course: Course, url: str) -> None:
    students = StudentFactory.create_batch(2)
    answer = clerk.post(url, {"students": [student.pk for student in students]})
    assert (answer.status_code, answer["Location"]) == (302, f"/courses/{course.pk}/")
    assert (
        f"enrolled: {students[0]}, {students[1]}." in clerk.get(answer["Location"]).content.decode()
    )
    assert Enrollment.objects.filter(course=course, status=Status.ACTIVE).count() == 2


def test_one_refusal_enrolls_nobody(clerk: Client, url: str) -> None:
    students = StudentFactory.create_batch(3)
    answer = clerk.post(url, {"students": [student.pk for student in students]})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert [choice.row for choice in answer.context["chosen"]] == sorted(
        students, key=lambda student: (student.last_name, student.first_name, student.pk)
    )
    assert text.count("is full: 2 of 2 seats are taken.") == 2
    assert text.count("would be: enrolled") == 2
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize(
    ("students", "words"),
    [
        ([], "Choose at least one student."),
        (["x"], "is not an id."),
        ([404], "There is no student with the id 404."),
    ],
)
def test_an_invalid_student_is_refused(
    clerk: Client, url: str, students: list[object], words: str
) -> None:
    answer = clerk.post(url, {"students": students})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_students_without_a_seat_wait_with_the_option(
    clerk: Client, course: Course, url: str
) -> None:
    students = StudentFactory.create_batch(4)
    answer = clerk.post(
        url, {"students": [student.pk for student in students], "on_full": "waitlist"}
    )
    assert answer.status_code == 302
    text = clerk.get(answer["Location"]).content.decode()
    assert f"{course}, enrolled: {students[0]}, {students[1]}." in text
    for place, student in enumerate(students[2:], start=1):
        assert f"{course}, on the waitlist, place {place}: {student}." in text


def test_a_registrar_enrolls_over_capacity(registrar: Client, course: Course, url: str) -> None:
    students = StudentFactory.create_batch(3)
    fields = {"students": [student.pk for student in students]}
    answer = registrar.post(url, fields)
    assert answer.status_code == 422
    assert "Enroll although the course is full" in answer.content.decode()
    answer = registrar.post(
        url, {**fields, "override": ["course_full"], "reason": "one more chair"}
    )
    assert answer.status_code == 302
    assert Enrollment.objects.filter(course=course, status=Status.ACTIVE).count() == 3
    assert [
        (record.override, record.history_change_reason)
        for record in enrollment_changes().filter(student=students[2])
    ] == [(["course_full"], "one more chair")]


def test_a_registrar_gives_a_seat_to_a_waiting_student(
    registrar: Client, course: Course, url: str
) -> None:
    students = StudentFactory.create_batch(4)
    registrar.post(url, {"students": [student.pk for student in students], "on_full": "waitlist"})
    text = " ".join(registrar.get(url).content.decode().split())
    assert f'id="pick-{students[3].pk}"' in text
    assert "place 2" in text.partition(f'id="remarks-{students[3].pk}"')[2].partition("</td>")[0]
    fields = {"students": [students[3].pk], "override": ["course_full"], "reason": "one more chair"}
    assert registrar.post(url, fields).status_code == 302
    assert Enrollment.objects.get(student=students[3]).status == Status.ACTIVE
    assert Enrollment.objects.get(student=students[2]).status == Status.WAITLISTED


def test_an_override_without_the_permission_is_403(clerk: Client, url: str) -> None:
    fields = {
        "students": [StudentFactory.create().pk],
        "override": ["course_full"],
        "reason": "one more chair",
    }
    assert clerk.post(url, fields).status_code == 403
    assert not Enrollment.objects.exists()
