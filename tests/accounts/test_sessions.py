"""Sessions: their limits and ends, and the cookies."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import AccessChange, SignInSession
from accounts.sessions import SEEN_INTERVAL

pytestmark = pytest.mark.django_db

PAGE = "/account/password/"


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


def sign_in(**headers: str) -> Client:
    client = Client(headers=headers)
    client.post("/login/", {"username": "clerk", "password": "pass"}, REMOTE_ADDR="192.0.2.7")
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get(PAGE).status_code == 200)


def test_a_sign_in_gets_a_new_key_and_is_stored_with_its_place(ann: User) -> None:
    client = Client()
    client.cookies["sessionid"] = "chosen-by-somebody-else-0000000"
    client.get("/login/")
    client.post(
        "/login/",
        {"username": "clerk", "password": "pass"},
        REMOTE_ADDR="192.0.2.7",
        headers={"user-agent": "Firefox"},
    )
    row = SignInSession.objects.get()
    assert client.cookies["sessionid"].value == row.session_key != "chosen-by-somebody-else-0000000"
    assert (row.user, row.address, row.user_agent) == (ann, "192.0.2.7", "Firefox")


def test_a_second_sign_in_in_the_same_browser_gets_another_key(ann: User) -> None:
    client = sign_in()
    first = client.cookies["sessionid"].value
    client.post("/login/", {"username": "clerk", "password": "pass"})
    assert client.cookies["sessionid"].value != first
    assert SignInSession.objects.count() == 1


@pytest.mark.usefixtures("ann")
class TestLimits:
    def test_an_idle_session_ends(self) -> None:
        start = timezone.now()
        with time_machine.travel(start, tick=False):
            client = sign_in()
        with time_machine.travel(start + timedelta(hours=8, seconds=1), tick=False):
            assert not is_signed_in(client)

    def test_use_extends_a_session_up_to_the_absolute_limit(self) -> None:
        start = timezone.now()
        with time_machine.travel(start, tick=False):
            client = sign_in()
        for hours in (7, 14, 21, 23.9):
            with time_machine.travel(start + timedelta(hours=hours), tick=False):
                assert is_signed_in(client), hours
        with time_machine.travel(start + timedelta(hours=24, seconds=1), tick=False):
            assert not is_signed_in(client)

    def test_a_session_is_written_at_most_each_five_minutes(self) -> None:
        start = timezone.now()
        with time_machine.travel(start, tick=False):
            client = sign_in()
        writes = []
        for offset in (timedelta(seconds=1), SEEN_INTERVAL / 2, SEEN_INTERVAL, SEEN_INTERVAL):
            with (
                time_machine.travel(start + offset, tick=False),
                CaptureQueriesContext(connection) as queries,
            ):
                client.get(PAGE)
            writes.append(sum(query["sql"].startswith("UPDATE") for query in queries))
        assert writes == [0, 0, 1, 0]
        assert SignInSession.objects.get().last_seen_at == start + SEEN_INTERVAL

    def test_expired_sessions_are_cleared(self) -> None:
        with time_machine.travel(timezone.now() - timedelta(days=2)):
            sign_in()
        call_command("clearsessions")
        assert not SignInSession.objects.exists()


class TestInactiveUser:
    @pytest.mark.parametrize("way", ["save", "admin"])
    def test_loses_sessions_and_tokens_for_good(
        self, ann: User, browser_of: Callable[[str], Client], way: str
    ) -> None:
        client, secret = sign_in(), AuthToken.objects.create(ann)[1]
        api = Client(headers={"authorization": f"Bearer {secret}"})
        assert api.get("/api/v1/students").status_code == 200
        if way == "save":
            ann.is_active = False
            ann.save()
        else:
            fields = {"username": "clerk", "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
            answer = browser_of("admin").post(f"/admin/auth/user/{ann.pk}/change/", fields)
            assert answer.status_code == 302
        User.objects.filter(pk=ann.pk).update(is_active=True)
        assert not is_signed_in(client)
        assert api.get("/api/v1/students").status_code == 401
        assert list(AccessChange.objects.filter(kind="token", after__isnull=True)) != []

    def test_other_changes_end_nothing(self, ann: User) -> None:
        client = sign_in()
        AuthToken.objects.create(ann)
        ann.email = "other@school.example"
        ann.save()
        assert is_signed_in(client)
        assert AuthToken.objects.count() == 1


def test_a_rehashed_password_ends_no_session(ann: User, settings: Any) -> None:
    sign_in()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    sign_in()
    assert SignInSession.objects.count() == 2
