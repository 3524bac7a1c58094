"""A database that takes no changes: read-only, or with a full disk. It is answered 503."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test import Client
from knox.models import AuthToken
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from core.db.errors import FREE_BYTES, Obstacle, find_obstacle, sqlite_obstacle
from courses.factories import CourseFactory
from students.factories import StudentFactory
from students.models import Enrollment

pytestmark = pytest.mark.django_db(transaction=True)
NEW_TERM = {
    "code": "NEW",
    "name": "New",
    "starts_on": "2026-01-01",
    "ends_on": "2026-06-30",
}


@pytest.fixture
def api(api_of: Callable[[str], APIClient]) -> APIClient:
    return api_of("admin")


@pytest.fixture
def read_only() -> Iterator[Callable[[], None]]:
    """Makes the database refuse changes, as a standby or a read-only file does."""

    def execute(for_sqlite: str, for_postgres: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(for_sqlite if connection.vendor == "sqlite" else for_postgres)

    def start() -> None:
        execute("PRAGMA query_only = ON", "SET default_transaction_read_only = on")

    yield start
    execute("PRAGMA query_only = OFF", "SET default_transaction_read_only = off")


class TestReadOnly:
    def test_api_says_so_and_when_to_try_again(
        self, api: APIClient, read_only: Callable[[], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        student, course = StudentFactory.create(), CourseFactory.create()
        read_only()
        with caplog.at_level(logging.ERROR):
            answer = api.post(f"/api/v1/students/{student.pk}/courses", {"course_id": course.pk})

        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer["Retry-After"]) > 0
        assert "only be read" in answer.json()["detail"]
        assert "The database is read-only." in caplog.text

    def test_what_is_read_is_answered(
        self, user_of: Callable[[str], User], read_only: Callable[[], None]
    ) -> None:
        admin, api, student = Client(), APIClient(), StudentFactory.create()
        user = user_of("admin")
        admin.force_login(user)
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {AuthToken.objects.create(user)[1]}")
        read_only()

        assert api.get(f"/api/v1/students/{student.pk}").status_code == 200
        for page in ("/", "/students/", f"/students/{student.pk}/", "/login/"):
            assert admin.get(page).status_code == 200

    def test_a_page_says_so_and_keeps_what_was_typed(
        self, browser_of: Callable[[str], Client], read_only: Callable[[], None]
    ) -> None:
        admin = browser_of("admin")
        read_only()
        answer = admin.post("/terms/new/", NEW_TERM)

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert "only be read" in answer.content.decode()
        assert 'value="NEW"' in answer.content.decode()

    @pytest.mark.parametrize("password", ["pass", "wrong"])
    def test_nobody_signs_in(
        self, user_of: Callable[[str], User], read_only: Callable[[], None], password: str
    ) -> None:
        """Not even with a wrong password: it could not be counted."""
        user_of("Clerk")
        client = Client(raise_request_exception=False)
        read_only()
        answer = client.post("/login/", {"username": "clerk", "password": password})

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0

    @pytest.mark.skipif("connection.vendor != 'postgresql'", reason="A file says it by its mode.")
    def test_readyz_says_so(self, client: Client, read_only: Callable[[], None]) -> None:
        read_only()
        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["reason"] == "The database is read-only."


def disk_is_full(*_args: Any, **_kwargs: Any) -> None:
    """Raise the database's own error for a full disk."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$")
        else:
            # Other tests leave free pages in the file, which SQLite would use first.
            cursor.execute(
                "SELECT freelist_count, page_size FROM pragma_freelist_count, pragma_page_size"
            )
            [free_pages, page_size] = cursor.fetchone()
            cursor.execute("PRAGMA max_page_count = 1")
            size = (free_pages + 10) * page_size
            cursor.execute(f"CREATE TABLE one_more AS SELECT randomblob({size}) AS content")


class TestFullDisk:
    @pytest.fixture(autouse=True)
    def full_disk(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
        """The disk is full while enrollments are saved."""
        settings.CACHES = {
            **settings.CACHES,
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        }
        monkeypatch.setattr("students.api.viewsets.StudentViewSet.create", disk_is_full)
        yield
        caches["default"].clear()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA max_page_count = 4294967294")

    def test_is_called_that(self, api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.ERROR):
            answer = api.post("/api/v1/students", {})

        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "The disk of the server is full." in answer.json()["detail"]
        [line] = [record for record in caplog.records if record.name == "school.api.problems"]
        assert line.getMessage().startswith("The disk of the database is full.")
        assert not Enrollment.objects.exists()

    @pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's disk is asked.")
    def test_is_what_readyz_says_then(self, api: APIClient) -> None:
        assert api.get("/readyz").status_code == 200
        api.post("/api/v1/students", {})
        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["reason"] == "The disk of the database is full."


class TestFileOfSqlite:
    def test_to_which_nobody_can_connect_because_the_disk_is_full(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cause = sqlite3.OperationalError("disk I/O error")
        cause.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
        error = OperationalError("disk I/O error")
        error.__cause__ = cause
        obstacle = Obstacle.DISK_FULL
        monkeypatch.setattr("core.db.errors.sqlite_obstacle", lambda _name: obstacle)
        monkeypatch.setattr("school.health.MigrationExecutor", Mock(side_effect=error))

        assert find_obstacle(error) is obstacle
        assert client.get("/readyz").json()["reason"] == obstacle.value

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "school.sqlite3"
        path.touch()
        return path

    def test_that_can_be_written(self, path: Path) -> None:
        assert sqlite_obstacle(str(path)) is None

    def test_that_is_not_there_yet(self, tmp_path: Path) -> None:
        assert sqlite_obstacle(str(tmp_path / "none" / "school.sqlite3")) is None

    @pytest.mark.parametrize("name", ["school.sqlite3", ""])
    def test_that_is_read_only_or_in_a_read_only_folder(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr("os.access", lambda asked, _mode: asked != path.parent / name)
        assert sqlite_obstacle(str(path)) is Obstacle.READ_ONLY

    def test_on_a_full_disk(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = shutil.disk_usage(path)._replace(free=FREE_BYTES - 1)
        monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
        assert sqlite_obstacle(str(path)) is Obstacle.DISK_FULL
