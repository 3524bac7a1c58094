"""`/students/{id}/courses/{course_id}/withdraw/`."""

import re

import pytest
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.history.queries import latest_changes
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db


def path(row: Enrollment) -> str:
    return f"/students/{row.student_id}/courses/{row.course_id}/withdraw/"


@pytest.fixture
def row() -> Enrollment:
    return enrolled(StudentFactory.create(), CourseFactory.create())


def test_shows_a_confirmation_first(clerk: Client, row: Enrollment) -> None:
    text = clerk.get(path(row)).content.decode()
    assert str(row.course) in text
    assert row.student.name in text
    assert Enrollment.objects.get().status == Status.ACTIVE


def test_withdraws_with_a_reason_and_keeps_the_row(clerk: Client, row: Enrollment) -> None:
    answer = clerk.post(path(row), {"reason": "moved away"})
    assert (answer.status_code, answer["Location"]) == (302, f"/students/{row.student_id}/")
    assert Enrollment.objects.get().status == Status.WITHDRAWN
    record = latest_changes()[0]
    assert (record.before, record.status, record.door, record.history_user.username) == (
        "active",
        "withdrawn",
        "staff",
        "clerk",
    )
    assert record.history_change_reason == "moved away"
    text = clerk.get(answer["Location"]).content.decode()
    assert f"{row.student} was withdrawn from {row.course}." in text
    assert "moved away" in text


def test_the_reason_may_be_left_out(clerk: Client, row: Enrollment) -> None:
    assert clerk.post(path(row)).status_code == 302
    assert latest_changes()[0].history_change_reason == ""


def test_returns_to_the_course_it_was_opened_from(clerk: Client, row: Enrollment) -> None:
    assert (
        f'href="/courses/{row.course_id}/"'
        in clerk.get(f"{path(row)}?from=course").content.decode()
    )
    assert clerk.post(f"{path(row)}?from=course")["Location"] == f"/courses/{row.course_id}/"


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.COMPLETED])
def test_an_enrollment_that_is_not_current_is_404(clerk: Client, status: Status) -> None:
    row = enrolled(StudentFactory.create(), CourseFactory.create(), status)
    assert clerk.get(path(row)).status_code == 404
    assert clerk.post(path(row)).status_code == 404
    assert Enrollment.objects.get().status == status


@pytest.mark.parametrize("reason", ["x" * 501, "\0"])
def test_an_invalid_reason_is_refused(clerk: Client, row: Enrollment, reason: str) -> None:
    answer = clerk.post(path(row), {"reason": reason})
    assert answer.status_code == 422
    assert 'href="#id_reason"' in answer.content.decode()
    assert reason in answer.content.decode()
    assert Enrollment.objects.get().status == Status.ACTIVE


def full(*, seats: int = 1, waiters: int = 2) -> tuple[Course, list[Enrollment]]:
    """A full course and its enrollments: the active ones, then the waiting ones."""
    course = CourseFactory.create(code="BIO-101", capacity=seats)
    results = service.enroll(
        [(student.pk, course.pk) for student in StudentFactory.create_batch(seats + waiters)],
        Options(waitlist=True),
    )
    return course, [result.enrollment for result in results if result.enrollment]


def promised(client: Client, row: Enrollment) -> list[str]:
    """Return the promotions that the page shows; check that it writes nothing."""
    before = list(Enrollment.objects.order_by("pk").values())
    text = client.get(path(row)).content.decode()
    assert list(Enrollment.objects.order_by("pk").values()) == before
    _form, moving, who = text.partition("These move up from the waitlist:")
    assert bool(moving) != ("Nobody moves up from the waitlist." in text)
    return re.findall("<li>(.*?)</li>", who.partition("</ul>")[0])


class TestWaitlist:
    def test_previews_the_promotion(self, clerk: Client) -> None:
        _course, [seated, first, second] = full()
        assert promised(clerk, seated) == [str(first.student)]
        assert promised(clerk, first) == []
        clerk.post(path(first))
        assert promised(clerk, seated) == [str(second.student)]

    def test_a_student_who_cannot_be_enrolled_is_not_named(self, clerk: Client) -> None:
        _course, [seated, first, second] = full()
        Student.objects.filter(pk=first.student_id).update(is_active=False)
        assert promised(clerk, seated) == [str(second.student)]

    def test_nobody_moves_up_where_nobody_waits_or_no_seat_becomes_free(
        self, clerk: Client
    ) -> None:
        _course, [alone] = full(waiters=0)
        assert promised(clerk, alone) == []
        course, [seated, *_others] = full(seats=2)
        Course.objects.filter(pk=course.pk).update(capacity=1)
        assert promised(clerk, seated) == []

    def test_names_the_promoted_student(self, clerk: Client) -> None:
        course, [seated, first, _second] = full()
        text = clerk.post(path(seated), follow=True).content.decode()
        assert f"Moved up from the waitlist: {first.student}: {course}." in text
        assert Enrollment.objects.get(pk=first.pk).status == Status.ACTIVE

    def test_a_student_who_cannot_be_enrolled_is_passed_over(self, clerk: Client) -> None:
        course, [seated, first, second] = full()
        Student.objects.filter(pk=first.student_id).update(is_active=False)
        text = clerk.post(path(seated), follow=True).content.decode()
        assert f"Moved up from the waitlist: {second.student}: {course}." in text

    def test_nobody_moves_up_where_somebody_stops_waiting(self, clerk: Client) -> None:
        _course, [_seated, first, _second] = full()
        assert "Moved up" not in clerk.post(path(first), follow=True).content.decode()
