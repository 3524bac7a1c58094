"""What a request stores beside an answer that only reads does not wait for a writer."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

from accounts import sessions
from accounts.models import SignInSession
from core.db.connections import without_waiting
from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from tests.students.enrollment.test_looks import somebody_writing

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_page_that_would_extend_the_session_waits_for_nobody(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer. The session is extended by the next page."""
    client.force_login(User.objects.create_superuser("looker", "looker@school.example", "pass"))
    row = enrolled(StudentFactory(), CourseFactory())
    monkeypatch.setattr(sessions, "SEEN_INTERVAL", timedelta(0))
    before = SignInSession.objects.get().last_seen_at
    assert before
    with somebody_writing(row.student, row.course):
        assert client.get("/students/").status_code == 200
    if connection.vendor == "sqlite":
        assert SignInSession.objects.get().last_seen_at == before
    assert client.get("/students/").status_code == 200
    after = SignInSession.objects.get().last_seen_at
    assert after
    assert after > before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers.")
def test_a_write_that_must_not_wait_fails_at_once() -> None:
    row = enrolled(StudentFactory(), CourseFactory())
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        waits = cursor.fetchone()
    with somebody_writing(row.student, row.course):
        with pytest.raises(OperationalError, match="locked"), without_waiting():
            StudentFactory.create()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            assert cursor.fetchone() == waits
