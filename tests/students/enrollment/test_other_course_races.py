"""Two requests at once about courses of which a student may take one, on two processes.

The courses are sections of one course, meet at the same time, or together have more credits than
the term allows. The first student must get into one of them and never into two, and no seat may be
left beside another who waits. The server pauses between each decision and its write.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from typing import Any, Self

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
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
# The fields of each of the courses, by the rule that allows one of them.
COURSES: dict[str, Callable[[int], dict[str, Any]]] = {
    "already_taking": lambda number: {"code": "CSE-8A", "section": f"A0{number}"},
    "time_conflict": lambda number: {"code": f"C-{number}", "meetings": f"Mon 10:{number}0-11:15"},
    "credit_limit": lambda number: {"code": f"C-{number}", "credits": 3},
}


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
    """Courses of one term; a rule allows a student one of them.

    Two are full, with one seat each. Two students wait for both.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.term = TermFactory.create(max_credits=5 if rule == "credit_limit" else None)
        self.courses: list[Course] = []
        *self.seated, self.first, self.second = StudentFactory.create_batch(4)
        for student in self.seated:
            enroll(student, self.add_course(capacity=1))
        for student in (self.first, self.second):
            for course in self.courses:
                enroll(student, course)

    def add_course(self, **fields: Any) -> Course:
        fields |= COURSES[self.rule](len(self.courses) + 1)
        self.courses.append(CourseFactory.create(term=self.term, **fields))
        return self.courses[-1]

    def find_faults(self) -> list[str]:
        """Who is in too many or too few of the courses, or waits beside a free seat."""
        rows = list(Enrollment.objects.filter(course__in=self.courses))
        taken = Counter(row.student_id for row in rows if row.status == Status.ACTIVE)
        faults = [f"one is in {number}" for number in taken.values() if number > 1]
        if not taken[self.first.pk]:
            faults.append("the first is in none")
        full = {row.course_id for row in rows if row.status == Status.ACTIVE}
        for row in rows:
            is_eligible = row.status == Status.WAITLISTED and not taken[row.student_id]
            if is_eligible and row.course_id not in full:
                faults.append("one waits beside a free seat")
        return faults


def enroll(student: Student, course: Course) -> None:
    service.enroll([(student.pk, course.pk)], Options(waitlist=True))


def leave_both(scene: Scene) -> list[Request]:
    """Both full courses lose a student at the same moment."""
    return [
        ("DELETE", f"/students/{student.pk}/courses/{course.pk}", None)
        for student, course in zip(scene.seated, scene.courses, strict=True)
    ]


def leave_one_while_the_first_enrolls(scene: Scene) -> list[Request]:
    """One course loses a student while the first who waits for it enrolls in a third course."""
    leave, _other = leave_both(scene)
    return [leave, enroll_first(scene)]


def enroll_in_two(scene: Scene) -> list[Request]:
    """The first enrolls in two courses that have free seats."""
    return [enroll_first(scene), enroll_first(scene)]


def enroll_first(scene: Scene) -> Request:
    path = f"/students/{scene.first.pk}/courses"
    return "POST", path, {"course_id": scene.add_course().pk}


Prepare = Callable[[Scene], list[Request]]
PROMOTIONS: list[Prepare] = [leave_both, leave_one_while_the_first_enrolls]


def find_faults(client: Client, rule: str, scenes: Sequence[Prepare], rounds: int) -> Iterator[str]:
    for _ in range(rounds):
        for prepare in scenes:
            # One commit, as a server may delay each.
            with transaction.atomic():
                scene = Scene(rule)
                requests = prepare(scene)
            client.send_at_once(requests)
            yield from scene.find_faults()


def read_statistics() -> tuple[int, int]:
    """The numbers of deadlocks and of transactions that were rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deadlocks, xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        deadlocks, rollbacks = cursor.fetchone()
    return deadlocks, rollbacks


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_the_first_is_in_one_course_and_no_seat_is_left(rounds: int) -> None:
    is_postgresql = connection.vendor == "postgresql"
    before = read_statistics() if is_postgresql else (0, 0)
    with serve(SERVER) as address, Client(address) as client:
        scenes = [*PROMOTIONS, enroll_in_two]
        faults = {rule: [*find_faults(client, rule, scenes, rounds)] for rule in COURSES}
    # The server has ended, so what it did is counted.
    after = read_statistics() if is_postgresql else (0, 0)
    deadlocks, rollbacks = (end - start for start, end in zip(before, after, strict=True))
    sys.stdout.write(f"{rounds} rounds, {dict(client.answers)}, {rollbacks} rolled back\n")
    assert faults == {rule: [] for rule in COURSES}
    assert set(client.answers) <= {201, 204, 409}
    # Of two enrollments at once, one is refused.
    assert client.answers[409] >= rounds * len(COURSES)
    assert deadlocks == 0


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
@pytest.mark.parametrize(
    ("variable", "scenes"),
    [("UNLOCKED_PROMOTIONS", PROMOTIONS), ("UNLOCKED", [enroll_in_two])],
)
def test_without_the_lock_somebody_is_in_two(variable: str, scenes: list[Prepare]) -> None:
    """The control: it shows that the races above are some."""
    with serve(SERVER, **{variable: "1"}) as address, Client(address) as client:
        for rule in COURSES:
            assert "one is in 2" in find_faults(client, rule, scenes, 20), rule
