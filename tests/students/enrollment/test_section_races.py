"""Two requests at once about the sections of one course, on a server of two processes.

The first student who waits must not get into both sections, and no seat may be left beside the
second one. The server pauses between each decision and its write.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from typing import Self

import pytest
from django.contrib.auth.models import User
from django.db import connection
from knox.models import AuthToken

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from tests.serving import serve

pytestmark = pytest.mark.django_db(transaction=True)
SERVER = "tests.slow_server:application"
# Method, path and body.
Request = tuple[str, str, object]


class Client:
    """Sends requests to the server, two at once. Counts the answers by their status."""

    def __init__(self, address: str) -> None:
        user = User.objects.create_superuser("racer", "racer@school.example", "pass")
        _token, secret = AuthToken.objects.create(user)
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.connections = [HTTPConnection(address, timeout=60) for _ in range(2)]
        self.answers: Counter[int] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for http in self.connections:
            http.close()

    def send_at_once(self, requests: Sequence[Request]) -> None:
        start = Barrier(len(requests))

        def send(http: HTTPConnection, request: Request) -> int:
            method, path, body = request
            start.wait(10)
            http.request(method, f"/api/v1{path}", json.dumps(body), self.headers)
            answer = http.getresponse()
            answer.read()
            return answer.status

        with ThreadPoolExecutor(len(requests)) as pool:
            self.answers.update(pool.map(send, self.connections, requests))


class Scene:
    """Two full sections of one seat, for both of which two students wait."""

    def __init__(self) -> None:
        term = TermFactory.create()
        self.sections = [
            CourseFactory.create(term=term, code="CSE-8A", section=name, capacity=1)
            for name in ("A01", "A02")
        ]
        *self.seated, self.first, self.second = StudentFactory.create_batch(4)
        for student, course in zip(self.seated, self.sections, strict=True):
            enroll(student, course)
        for student in (self.first, self.second):
            for course in self.sections:
                enroll(student, course)

    def find_faults(self) -> list[str]:
        """Who is in two sections, or waits beside a free seat and is in none."""
        rows = list(Enrollment.objects.filter(course__in=self.sections))
        taken = Counter(row.student_id for row in rows if row.status == Status.ACTIVE)
        faults = [f"{student} is in {number}" for student, number in taken.items() if number > 1]
        full = {row.course_id for row in rows if row.status == Status.ACTIVE}
        for row in rows:
            is_eligible = row.status == Status.WAITLISTED and not taken[row.student_id]
            if is_eligible and row.course_id not in full:
                faults.append(f"{row.student_id} waits beside a free seat")
        return faults


def enroll(student: Student, course: Course) -> None:
    service.enroll([(student.pk, course.pk)], Options(waitlist=True))


def leave_both(scene: Scene) -> list[Request]:
    """Both sections lose a student at the same moment."""
    return [
        ("DELETE", f"/students/{student.pk}/courses/{course.pk}", None)
        for student, course in zip(scene.seated, scene.sections, strict=True)
    ]


def leave_one_while_the_first_enrolls(scene: Scene) -> list[Request]:
    """One section loses a student while the first who waits for it enrolls in a third section."""
    leave, _other = leave_both(scene)
    third = CourseFactory.create(term=scene.sections[0].term, code="CSE-8A", section="A03")
    scene.sections.append(third)
    return [
        leave,
        ("POST", f"/students/{scene.first.pk}/courses", {"course_id": third.pk}),
    ]


def find_faults(client: Client, rounds: int) -> list[str]:
    faults = []
    for _ in range(rounds):
        for prepare in (leave_both, leave_one_while_the_first_enrolls):
            scene = Scene()
            client.send_at_once(prepare(scene))
            faults += scene.find_faults()
    return faults


def read_statistics() -> tuple[int, int]:
    """The numbers of deadlocks and of transactions that were rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deadlocks, xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        deadlocks, rollbacks = cursor.fetchone()
    return deadlocks, rollbacks


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_nobody_is_in_two_sections_and_no_seat_is_left(rounds: int) -> None:
    is_postgresql = connection.vendor == "postgresql"
    before = read_statistics() if is_postgresql else (0, 0)
    with serve(SERVER) as address, Client(address) as client:
        faults = find_faults(client, rounds)
    # The server has ended, so what it did is counted.
    after = read_statistics() if is_postgresql else (0, 0)
    deadlocks, rollbacks = (end - start for start, end in zip(before, after, strict=True))
    sys.stdout.write(f"{rounds} rounds, {dict(client.answers)}, {rollbacks} rolled back\n")
    assert faults == []
    assert set(client.answers) <= {201, 204, 409}
    assert deadlocks == 0


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
def test_without_the_lock_of_who_moves_up_somebody_is_in_two() -> None:
    """The control: it shows that the races above are some."""
    with serve(SERVER, UNLOCKED_PROMOTIONS="1") as address, Client(address) as client:
        assert any("is in 2" in fault for fault in find_faults(client, 20))
