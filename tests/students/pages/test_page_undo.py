"""`/undo/`: reverses the last action."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory
from students.enrollment import service
from students.enrollment.transitions import COMPLETE, EnrollmentChange, Options
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


def tokens(page: str) -> list[str]:
    return re.findall(r'name="token" value="([^"]*)"', page)


def message_tokens(clerk: Client, student: Student) -> list[str]:
    """Return the tokens of the buttons beside the messages of the next page."""
    page = clerk.get(f"/students/{student.pk}/").content.decode()
    return tokens(page.partition('id="history-title"')[0])


def undo(clerk: Client, student: Student, token: str | None = None) -> str:
    """Click the button beside the message, or the one with `token`; return the next page."""
    if token is None:
        token = ["", *message_tokens(clerk, student)][-1]
    data = {"token": token, "next": f"/students/{student.pk}/"}
    return clerk.post("/undo/", data, follow=True).content.decode()


def test_the_button_is_shown_once_beside_the_message(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A", "B")
    page = clerk.get(f"/students/{student.pk}/?as_of=").content.decode()
    assert len(tokens(page.partition('id="history-title"')[0])) == 1
    assert f'name="next" value="/students/{student.pk}/?as_of="' in page
    assert message_tokens(clerk, student) == []


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
    assert "Somebody from the waitlist" not in text
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
    [token] = message_tokens(clerk, student)
    changed = student.enrollments.get(course__code="A")
    service.withdraw([(student.pk, changed.course_id)])
    service.enroll([(student.pk, changed.course_id)])
    text = undo(clerk, student, token)
    assert "Could not be undone, for it was changed since" in text
    assert statuses(student) == {"A": "active", "B": "withdrawn"}


def test_redirects_to_this_site_only(clerk: Client) -> None:
    assert clerk.post("/undo/", {"next": "https://elsewhere.example/"})["Location"] == "/"
    assert clerk.post("/undo/", {"next": "/courses/"})["Location"] == "/courses/"


def test_needs_the_permission(browser_of: Callable[[str], Client]) -> None:
    viewer = browser_of("Viewer")
    assert viewer.post("/undo/").status_code == 403
    assert Client().post("/undo/").status_code == 302


def test_each_button_undoes_what_it_stands_beside(clerk: Client, student: Student) -> None:
    """Two windows: in the other one, another student is enrolled later."""
    enroll(clerk, student, "A")
    [token] = message_tokens(clerk, student)
    other = StudentFactory.create()
    enroll(clerk, other, "B")
    undo(clerk, student, token)
    assert statuses(student) == {"A": "withdrawn"}
    assert statuses(other) == {"B": "active"}


def test_an_undone_enrollment_was_a_mistake(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A")
    page = undo(clerk, student)
    assert student.enrollments.get().by_mistake
    assert "entered there by mistake" in page
    assert "Completed and withdrawn" not in page
    assert (
        "entered by mistake"
        in clerk.get(f"/students/{student.pk}/?by_mistake=on")
        .content.decode()
        .partition("history-title")[0]
    )


def test_an_enrollment_that_had_been_withdrawn_is_no_mistake(
    clerk: Client, student: Student
) -> None:
    enroll(clerk, student, "A")
    course = student.enrollments.get().course_id
    clerk.post(f"/students/{student.pk}/courses/{course}/withdraw/", {})
    clerk.post(f"/students/{student.pk}/courses/", {"courses": [course]})
    undo(clerk, student)
    row = student.enrollments.get()
    assert (row.status, row.by_mistake) == (Status.WITHDRAWN, False)


class TestHistory:
    """The buttons beside the entries of the history."""

    def history_tokens(self, client: Client, path: str) -> list[str]:
        return tokens(client.get(path).content.decode().partition('-title">History')[2])

    @pytest.mark.parametrize("path", ["/students/{student}/", "/courses/{course}/", "/"])
    def test_undoes_an_entry_of_the_student_the_course_or_the_desk(
        self, clerk: Client, viewer: Client, student: Student, path: str
    ) -> None:
        enroll(clerk, student, "A")
        message_tokens(clerk, student)
        course = student.enrollments.get().course_id
        path = path.format(student=student.pk, course=course)
        assert tokens(viewer.get(path).content.decode()) == []
        [token] = tokens(clerk.get(path).content.decode())
        undo(clerk, student, token)
        assert statuses(student) == {"A": "withdrawn"}

    def test_is_offered_for_the_latest_change_of_an_enrollment_only(
        self, clerk: Client, student: Student
    ) -> None:
        enroll(clerk, student, "A")
        course = student.enrollments.get().course_id
        clerk.post(f"/students/{student.pk}/courses/{course}/withdraw/", {})
        message_tokens(clerk, student)
        [token] = self.history_tokens(clerk, f"/students/{student.pk}/")
        undo(clerk, student, token)
        assert statuses(student) == {"A": "active"}

    def test_ends_after_24_hours(self, clerk: Client, student: Student) -> None:
        enroll(clerk, student, "A")
        message_tokens(clerk, student)
        [token] = self.history_tokens(clerk, f"/students/{student.pk}/")
        with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
            clerk.force_login(User.objects.get(username="clerk"))
            assert self.history_tokens(clerk, f"/students/{student.pk}/") == []
            assert "more than 24 hours old" in undo(clerk, student, token)
        assert statuses(student) == {"A": "active"}

    def test_a_completion_can_be_undone_by_a_registrar(
        self, registrar: Client, clerk: Client, student: Student
    ) -> None:
        enroll(clerk, student, "A")
        row = student.enrollments.get()
        service.apply_changes([EnrollmentChange(student.pk, row.course_id, COMPLETE)])
        message_tokens(clerk, student)
        assert self.history_tokens(clerk, f"/students/{student.pk}/") == []
        [token] = self.history_tokens(registrar, f"/students/{student.pk}/")
        assert clerk.post("/undo/", {"token": token}).status_code == 403
        undo(registrar, student, token)
        assert statuses(student) == {"A": "active"}

    def test_says_that_a_waiting_student_has_the_seat(
        self, registrar: Client, student: Student
    ) -> None:
        course = CourseFactory.create(capacity=1)
        row = enrolled(student, course)
        service.enroll([(StudentFactory.create().pk, course.pk)], Options(waitlist=True))
        service.apply_changes([EnrollmentChange(student.pk, course.pk, COMPLETE)])
        [token] = self.history_tokens(registrar, f"/students/{student.pk}/")
        assert "Somebody from the waitlist has the seat by now." in undo(registrar, student, token)
        row.refresh_from_db()
        assert row.status == Status.COMPLETED


def test_a_bad_token_undoes_nothing(clerk: Client, student: Student) -> None:
    enroll(clerk, student, "A")
    assert "There is nothing to undo any more." in undo(clerk, student, "eyJh:bad")
    assert statuses(student) == {"A": "active"}
