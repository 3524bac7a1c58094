"""The school behind a connection pooler, and the connections that it refuses."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from django.db import NotSupportedError, connection, connections, transaction
from knox.models import AuthToken
from rest_framework.test import APIClient

from conftest import Named
from core.db.connections import STALE_PLAN, UnsuitableConnection, raise_stale_plan
from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory
from students.models import Enrollment, Student
from tests.pgbouncer import KNOWS_PREPARED_STATEMENTS, pgbouncer, pgbouncer_version

VERSION = pgbouncer_version()
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server."),
    pytest.mark.skipif(VERSION is None, reason="PgBouncer is not installed."),
]
KNOWS = VERSION is not None and VERSION >= KNOWS_PREPARED_STATEMENTS
Pool = Callable[..., None]
THREADS = 6
# Of each thread; and of the race for seats. SCHOOL_REQUESTS=200 SCHOOL_ROUNDS=50 is a long run.
REQUESTS = int(os.environ.get("SCHOOL_REQUESTS", "40"))
ROUNDS = int(os.environ.get("SCHOOL_ROUNDS", "1"))
SEATS, APPLICANTS = 5, 60


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Pool]:
    """Return a function that directs the connections of new threads to a PgBouncer.

    The connection of the test itself stays a direct one.
    """
    settings.LOCK_SECONDS = 1.0
    managers = []
    database = connections.settings["default"]
    params = connection.get_connection_params()

    def start(pool_mode: str, *, prepares: bool = False, role: bool = True) -> None:
        if role:
            set_role_settings("1s", "off", "0")
        connection.ensure_connection()
        # An older version does not know the option.
        options = {"max_prepared_statements": 100 if prepares else 0} if KNOWS else {}
        manager = pgbouncer(params, pool_mode, **options)
        managers.append(manager)
        monkeypatch.setitem(database, "HOST", "127.0.0.1")
        monkeypatch.setitem(database, "PORT", str(manager.__enter__()))
        threshold = 1 if prepares else None
        monkeypatch.setitem(
            database, "OPTIONS", database["OPTIONS"] | {"prepare_threshold": threshold}
        )

    yield start
    for manager in managers:
        manager.__exit__(None, None, None)
    set_role_settings(*["DEFAULT"] * 3)


def set_role_settings(lock_timeout: str, jit: str, workers: str) -> None:
    values = {
        "lock_timeout": lock_timeout,
        "jit": jit,
        "max_parallel_workers_per_gather": workers,
    }
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        for setting, value in values.items():
            value = value if value == "DEFAULT" else f"'{value}'"
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {setting} TO {value}")


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Return the results of `work(number)` in `count` threads, each with a connection."""

    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as executor:
        return list(executor.map(run, range(count)))


def connect(_number: int) -> None:
    connection.ensure_connection()


MODES = [
    pytest.param("session", False, id="session"),
    pytest.param("transaction", False, id="transaction"),
    pytest.param(
        "transaction",
        True,
        id="prepared",
        marks=pytest.mark.skipif(
            not KNOWS, reason=f"PgBouncer {VERSION} does not support prepared statements."
        ),
    ),
]


@pytest.mark.parametrize(("mode", "prepares"), MODES)
class TestPgBouncer:
    def test_mixed_requests_are_answered_as_on_a_direct_connection(
        self, pool: Pool, user_of: Named, mode: str, prepares: bool
    ) -> None:
        students, courses = StudentFactory.create_batch(12), CourseFactory.create_batch(6)
        _token, secret = AuthToken.objects.create(user_of("admin"))
        pool(mode, prepares=prepares)

        def send_request(number: int) -> Counter[str]:
            client, random, wrong = APIClient(raise_request_exception=False), Random(number), []
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
            for _turn in range(REQUESTS):
                student, course = random.choice(students), random.choice(courses)
                kind = random.randrange(6)
                if kind == 0:
                    row = client.get(f"/api/v1/students/{student.pk}")
                    is_right = row.status_code == 200 and row.json()["number"] == student.number
                elif kind == 1:
                    row = client.get(f"/api/v1/courses/{course.pk}")
                    is_right = row.status_code == 200 and row.json()["code"] == course.code
                elif kind == 2:
                    row = client.get(f"/api/v1/students/{student.pk}/courses")
                    is_right = row.status_code == 200
                elif kind == 3:
                    row = client.get("/api/v1/students?limit=5")
                    is_right = row.status_code == 200 and len(row.json()["results"]) == 5
                elif kind == 4:
                    body = {"student_id": student.pk, "course_id": course.pk}
                    row = client.post("/api/v1/enrollments", body)
                    is_right = row.status_code in (200, 201)
                else:
                    row = client.get(f"/api/v1/students/{10**9}")
                    is_right = row.status_code == 404
                if not is_right:
                    wrong.append(f"{kind}: {row.status_code} {row.content[:200]!r}")
            return Counter(wrong)

        assert sum(in_threads(THREADS, send_request), Counter()) == Counter()

    def test_no_seat_is_given_twice(
        self, pool: Pool, user_of: Named, mode: str, prepares: bool
    ) -> None:
        courses = CourseFactory.create_batch(ROUNDS, capacity=SEATS)
        students = StudentFactory.create_batch(APPLICANTS)
        _token, secret = AuthToken.objects.create(user_of("admin"))
        pool(mode, prepares=prepares)

        def enroll(number: int) -> Counter[int]:
            client, statuses = APIClient(raise_request_exception=False), Counter[int]()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
            for course in courses:
                for student in students[number::THREADS]:
                    body = {"student_id": student.pk, "course_id": course.pk}
                    statuses[client.post("/api/v1/enrollments", body).status_code] += 1
            return statuses

        statuses = sum(in_threads(THREADS, enroll), Counter[int]())
        assert statuses == {201: ROUNDS * SEATS, 409: ROUNDS * (APPLICANTS - SEATS)}
        for course in courses:
            assert Enrollment.objects.filter(course=course, status="active").count() == SEATS

    def test_a_locked_row_is_answered_503(
        self, pool: Pool, api_of: Callable[[str], APIClient], mode: str, prepares: bool
    ) -> None:
        course, student = CourseFactory(), StudentFactory()
        client = api_of("admin")
        pool(mode, prepares=prepares)

        def enroll(_number: int) -> Any:
            body = {"student_id": student.pk, "course_id": course.pk}
            return client.post("/api/v1/enrollments", body)

        with transaction.atomic():
            Student.objects.select_for_update().get(pk=student.pk)
            [response] = in_threads(1, enroll)
        assert (response.status_code, response["Retry-After"]) == (503, "2")


class TestRefusedConnections:
    def test_prepared_statements_are_refused_if_the_pooler_does_not_support_them(
        self,
        pool: Pool,
        monkeypatch: pytest.MonkeyPatch,
        client: Any,
        api_of: Callable[[str], APIClient],
    ) -> None:
        api = api_of("admin")
        pool("transaction")
        monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "prepare_threshold", 5)
        with pytest.raises(UnsuitableConnection, match="PREPARED_STATEMENTS=off"):
            in_threads(1, connect)
        [answer] = in_threads(1, lambda _number: client.get("/readyz"))
        assert answer.status_code == 503
        assert "PREPARED_STATEMENTS=off" in answer.json()["reason"]
        # No request is answered with the result of another statement.
        for answer in in_threads(3, lambda _number: api.get("/api/v1/students")):
            assert answer.status_code == 503

    def test_a_pooler_needs_the_settings_of_the_role(self, pool: Pool) -> None:
        pool("transaction", role=False)
        with pytest.raises(UnsuitableConnection) as caught:
            in_threads(1, connect)
        statements = str(caught.value).partition("Execute ")[2].split("; ")[:3]
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        # A PgBouncer that is started anew opens new server connections.
        pool("transaction", role=False)
        in_threads(1, connect)

    def test_a_direct_connection_needs_no_settings_of_the_role(self, settings: Any) -> None:
        settings.LOCK_SECONDS = 2.5

        def show(_number: int) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('lock_timeout'), current_setting('jit')")
                return cursor.fetchone()

        assert in_threads(1, show) == [("2500ms", "off")]


def test_behind_a_pooler_nothing_more_is_prepared_once_a_plan_is_stale(pool: Pool) -> None:
    pool("transaction")

    def prepares(_number: int) -> tuple[bool, Any]:
        connection.ensure_connection()
        raise_stale_plan(NotSupportedError(STALE_PLAN), connection)
        is_pooled: bool = connection.is_pooled  # type: ignore[attr-defined]
        return is_pooled, connections.settings["default"]["OPTIONS"]["prepare_threshold"]

    assert in_threads(1, prepares) == [(True, None)]
    assert Course.objects.count() == 0
