"""`/undo/`: reverses the last action."""

from collections.abc import Callable

import pytest
from django.test import Client

from courses.factories import CourseFactory
from students.enrollment import service
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


def statuses(student: Student) -> dict[str, str]:
    return dict(student.enrollments.values_list("course__code", "status"))


def enroll(clerk: Client, student: Student, *codes: str, **options: object) -> None:
    courses = [CourseFactory.create(code=code) for code in codes]
    clerk.post(
        f"/students/{student.pk}/courses/",
        {"courses": [course.pk for course in courses], **options},
    )


def undo(clerk: Client, student: Student) -> str:
    return clerk.post("/undo/", {"next": f"/students/{student.pk}/"}, follow=True).content.decode()


def test_the_button_is_shown_once_beside_the_message(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A", "B")
    page = clerk.get(f"/students/{student.pk}/").content.decode()
    assert page.count('action="/undo/"') == 1
    assert f'name="next" value="/students/{student.pk}/"' in page
    assert 'action="/undo/"' not in clerk.get(f"/students/{student.pk}/").content.decode()


def test_withdraws_the_students_enrolled_last(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "KEPT")
    enroll(clerk, student, "A", "B")
    assert "Undone: " in undo(clerk, student)
    assert statuses(student) == {"KEPT": "active", "A": "withdrawn", "B": "withdrawn"}
    record = Enrollment.history.filter(course__code="A").latest()
    assert (record.door, record.history_change_reason) == ("staff", "Undone.")


def test_works_once(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A")
    undo(clerk, student)
    assert "There is nothing to undo any more." in undo(clerk, student)
    assert Enrollment.history.filter(course__code="A").count() == 2


def test_enrolls_the_withdrawn_student_again(clerk: Client, student: Student) -> None:
    course = CourseFactory.create(capacity=1)
    enrolled(student, course)
    clerk.post(f"/students/{student.pk}/courses/{course.pk}/withdraw/", {})
    assert "enrolled again" in undo(clerk, student)
    assert student.enrollments.get().status == Status.ACTIVE


def test_a_seat_taken_in_the_meantime_stays_taken(clerk: Client, student: Student) -> None:
    course, other = CourseFactory.create(code="ONE", capacity=1), StudentFactory.create()
    enrolled(student, course)
    clerk.post(f"/students/{student.pk}/courses/{course.pk}/withdraw/", {})
    service.enroll([(other.pk, course.pk)])
    text = undo(clerk, student)
    assert "Could not be undone" in text
    assert "is full: 1 of 1 seats are taken." in text
    assert student.enrollments.get().status == Status.WITHDRAWN
    assert other.enrollments.get().status == Status.ACTIVE


def test_a_waiting_student_waits_again_at_the_end(clerk: Client, student: Student) -> None:
    course = CourseFactory.create(capacity=0)
    for waiter in (student, StudentFactory.create()):
        clerk.post(
            f"/students/{waiter.pk}/courses/", {"courses": [course.pk], "on_full": "waitlist"}
        )
    clerk.post(f"/students/{student.pk}/courses/{course.pk}/withdraw/", {})
    undo(clerk, student)
    assert Enrollment.objects.with_position().get(student=student).position == 2


def test_a_row_changed_since_stays_as_it_is(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A", "B")
    changed = student.enrollments.get(course__code="A")
    service.withdraw([(student.pk, changed.course_id)])
    service.enroll([(student.pk, changed.course_id)])
    text = undo(clerk, student)
    assert "Could not be undone, for it was changed since" in text
    assert statuses(student) == {"A": "active", "B": "withdrawn"}


def test_redirects_to_this_site_only(clerk: Client) -> None:
    assert clerk.post("/undo/", {"next": "https://elsewhere.example/"})["Location"] == "/"
    assert clerk.post("/undo/", {"next": "/courses/"})["Location"] == "/courses/"


def test_needs_the_permission(browser_of: Callable[[str], Client]) -> None:
    viewer = browser_of("Viewer")
    assert viewer.post("/undo/").status_code == 403
    assert Client().post("/undo/").status_code == 302
