"""Previews (`validate_only`): they lock and write nothing, and the write then does the same."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken
from rest_framework.test import APIClient

from core.db.transactions import atomic_with_reruns
from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import locks, service
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Options, Outcome, Result
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student
from tests.queries import executed_statements

WAIT = Options(waitlist=True)
Look = Callable[[APIClient, Client, Enrollment], Any]


@contextmanager
def somebody_writing(student: Student, course: Course) -> Iterator[None]:
    """Inside, another connection is about to change the same student and course."""
    has_begun, is_over = Event(), Event()

    @atomic_with_reruns
    def lock_and_wait() -> None:
        locks.lock_students_and_courses([student.pk], [course.pk])
        has_begun.set()
        is_over.wait(60)

    def work() -> None:
        try:
            lock_and_wait()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(work)
        assert has_begun.wait(10)
        try:
            yield
        finally:
            is_over.set()
            job.result()


def in_api(method: str, path: str, body: Callable[[Enrollment], dict[str, Any]]) -> Look:
    def look(api: APIClient, _browser: Client, row: Enrollment) -> Any:
        address = path.format(row=row.pk, student=row.student_id, course=row.course_id)
        return getattr(api, method)(f"/api/v1{address}", body(row) | {"validate_only": True})

    return look


def in_admin(address: str, action: str, chosen: str) -> Look:
    def look(_api: APIClient, browser: Client, row: Enrollment) -> Any:
        subject = {"enroll": row.student_id, "enroll_students": row.course_id, "withdraw": row.pk}[
            action
        ]
        more = {"chosen": getattr(row, chosen)} if chosen else {}
        return browser.post(
            f"/admin/{address}/",
            {"action": action, ACTION_CHECKBOX_NAME: [subject], "rows": subject, **more},
        )

    return look


LOOKS: dict[str, Look] = {
    "POST an enrollment": in_api(
        "post",
        "/enrollments",
        lambda row: {"student_id": row.student_id, "course_id": row.course_id},
    ),
    "PUT a student's courses": in_api(
        "put", "/students/{student}/courses", lambda _row: {"course_ids": []}
    ),
    "PATCH an enrollment": in_api(
        "patch", "/enrollments/{row}", lambda _row: {"status": "completed"}
    ),
    "the form of a student": lambda _api, browser, row: browser.post(
        f"/students/{row.student_id}/courses/?do=check", {"courses": row.course_id}
    ),
    "the form of a course": lambda _api, browser, row: browser.post(
        f"/courses/{row.course_id}/students/?do=check", {"students": row.student_id}
    ),
    "the page that withdraws": lambda _api, browser, row: browser.get(
        f"/students/{row.student_id}/courses/{row.course_id}/withdraw/"
    ),
    "the page that withdraws several": lambda _api, browser, row: browser.get(
        f"/courses/{row.course_id}/withdraw/?students={row.student_id}"
    ),
    "the admin's enrolling": in_admin("students/student", "enroll", "course_id"),
    "the admin's enrolling of students": in_admin(
        "courses/course", "enroll_students", "student_id"
    ),
    "the admin's withdrawing": in_admin("students/enrollment", "withdraw", ""),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_waits_for_nobody(look: Look, client: Client) -> None:
    user = User.objects.create_superuser("looker", "looker@school.example", "pass")
    _token, secret = AuthToken.objects.create(user)
    client.force_login(user)
    row = enrolled(StudentFactory(), CourseFactory())
    with somebody_writing(row.student, row.course):
        assert (
            look(APIClient(headers={"Authorization": f"Bearer {secret}"}), client, row).status_code
            == 200
        )


@pytest.mark.django_db(transaction=True)
def test_only_reads() -> None:
    rows = [enrolled(StudentFactory(), CourseFactory()) for _ in range(3)]
    changes = [
        *(EnrollmentChange(row.student_id, row.course_id, WITHDRAW) for row in rows),
        EnrollmentChange(StudentFactory().pk, rows[0].course_id),
    ]
    with CaptureQueriesContext(connection) as queries:
        service.apply_changes(changes, validate_only=True)
        service.replace_courses(rows[0].student_id, [], validate_only=True)
    statements = executed_statements(queries)
    assert {statement.split()[0] for statement in statements} == {"SELECT"}
    assert not [
        statement
        for statement in statements
        if "FOR NO KEY UPDATE" in statement or "advisory" in statement
    ]


@pytest.mark.django_db
class TestPositions:
    """Told of rows that are not written."""

    @pytest.fixture
    def queue(self) -> list[Enrollment]:
        """A full course: one who has the seat, then three who wait."""
        course = CourseFactory.create(capacity=1)
        results = service.enroll(
            [(student.pk, course.pk) for student in StudentFactory.create_batch(4)], WAIT
        )
        return [result.enrollment for result in results if result.enrollment]

    def places(self, results: list[Result]) -> list[tuple[Outcome, int | None]]:
        return [
            (result.outcome, result.enrollment.position if result.enrollment else None)
            for result in results
        ]

    def test_of_those_who_would_come(self, queue: list[Enrollment]) -> None:
        changes = [
            EnrollmentChange(student.pk, queue[0].course_id)
            for student in StudentFactory.create_batch(2)
        ]
        reported = self.places(service.apply_changes(changes, WAIT, validate_only=True))
        assert (
            reported
            == [(Outcome.WAITLISTED, 4), (Outcome.WAITLISTED, 5)]
            == self.places(service.apply_changes(changes, WAIT))
        )

    def test_of_one_who_stays_while_another_before_goes(self, queue: list[Enrollment]) -> None:
        changes = [
            EnrollmentChange(queue[1].student_id, queue[1].course_id, WITHDRAW),
            EnrollmentChange(queue[3].student_id, queue[3].course_id),
        ]
        reported = self.places(service.apply_changes(changes, WAIT, validate_only=True))
        assert (
            reported
            == [(Outcome.WITHDRAWN, None), (Outcome.UNCHANGED, 2)]
            == self.places(service.apply_changes(changes, WAIT))
        )

    def test_of_one_who_stays_while_another_moves_up(self, queue: list[Enrollment]) -> None:
        changes = [
            EnrollmentChange(queue[0].student_id, queue[0].course_id, WITHDRAW),
            EnrollmentChange(queue[3].student_id, queue[3].course_id),
        ]
        reported = self.places(service.apply_changes(changes, WAIT, validate_only=True))
        assert (
            reported
            == [(Outcome.WITHDRAWN, None), (Outcome.UNCHANGED, 2)]
            == self.places(service.apply_changes(changes, WAIT))
        )

    def test_beside_a_refusal(self, queue: list[Enrollment], api: APIClient) -> None:
        changes = [
            {"student_id": queue[2].student_id, "course_id": queue[2].course_id},
            {"student_id": queue[2].student_id, "course_id": 404},
        ]
        answer = api.post("/api/v1/enrollments", {"enrollments": changes, "on_full": "waitlist"})
        assert answer.status_code == 400
        assert answer.json()["outcomes"][0]["enrollment"]["position"] == 2
