"""The options of API tokens: name, access, life, and the day of the last use."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import AccessChange, TokenDetails

pytestmark = pytest.mark.django_db

URL = "/api/v1/students"
SCHEMA: dict[str, Any] = SchemaGenerator().get_schema(public=True)
OPERATIONS = [(method, path) for path, methods in SCHEMA["paths"].items() for method in methods]
WRITES = [(method, path) for method, path in OPERATIONS if method != "get"]
READS = [(method, path) for method, path in OPERATIONS if method == "get"]


def client_of(secret: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def make_token(browser: Client, **fields: object) -> str:
    return str(browser.post("/tokens/", fields).context["secret"])


def path_of(path: str) -> str:
    for name in ("id", "student_id", "course_id", "code"):
        path = path.replace(f"{{{name}}}", "1")
    return path


@pytest.fixture
def read_only(registrar: Client) -> APIClient:
    return client_of(make_token(registrar, access="read"))


@pytest.mark.parametrize(("method", "path"), WRITES, ids=" ".join)
def test_a_read_only_token_gets_403_at_every_write(
    read_only: APIClient, method: str, path: str
) -> None:
    answer = getattr(read_only, method)(path_of(path), {})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert answer.json()["detail"] == "This token may only read."


@pytest.mark.parametrize(("method", "path"), READS, ids=" ".join)
def test_a_read_only_token_reads_everything(read_only: APIClient, method: str, path: str) -> None:
    assert read_only.get(path_of(path)).status_code in (200, 404)
    assert read_only.options(path_of(path)).status_code in (200, 404)


def test_a_token_is_full_unless_said_otherwise(registrar: Client) -> None:
    api = client_of(make_token(registrar))
    assert api.post(URL, {}).status_code == 400
    # A token that was made before there were options.
    _token, secret = AuthToken.objects.create(User.objects.get(username="registrar"))
    assert client_of(secret).post(URL, {}).status_code == 400


def test_name_access_and_life_are_listed(registrar: Client) -> None:
    make_token(registrar, name="Nightly <sync>", access="read", days="30")
    token = AuthToken.objects.get()
    assert token.expiry - token.created == pytest.approx(
        timedelta(days=30), abs=timedelta(minutes=1)
    )
    text = " ".join(registrar.get("/tokens/").content.decode().split())
    assert "Nightly &lt;sync&gt;" in text
    assert "Only read </td>" in text


@pytest.mark.parametrize("fields", [{"days": "366"}, {"days": "0"}, {"days": "x"}, {"access": "x"}])
def test_a_life_or_access_that_is_not_offered_makes_no_token(
    registrar: Client, fields: dict[str, str]
) -> None:
    assert registrar.post("/tokens/", fields).status_code == 422
    assert not AuthToken.objects.exists()


def test_no_token_lives_longer_than_the_setting(registrar: Client, settings: Any) -> None:
    settings.TOKEN_DAYS = 30
    assert registrar.post("/tokens/", {"days": "90"}).status_code == 422
    make_token(registrar)
    token = AuthToken.objects.get()
    assert token.expiry <= timezone.now() + timedelta(days=30)


def test_the_last_use_is_written_once_a_day_and_other_requests_take_one_query_for_the_token(
    registrar: Client,
) -> None:
    api, now = client_of(make_token(registrar)), timezone.now()
    counts = []
    for offset in (timedelta(), timedelta(), timedelta(days=1), timedelta(days=1)):
        with time_machine.travel(now + offset, tick=False):
            with CaptureQueriesContext(connection) as queries:
                assert api.get(URL).status_code == 200
            assert TokenDetails.objects.get().last_used_on == timezone.localdate()
        counts.append(sum("accounts_tokendetails" in query["sql"] for query in queries))
    assert counts == [2, 1, 2, 1]


def test_the_last_use_keeps_the_other_options(registrar: Client) -> None:
    client_of(make_token(registrar, name="Sync", access="read")).get(URL)
    details = TokenDetails.objects.get()
    assert (details.name, details.is_read_only, details.last_used_on) == (
        "Sync",
        True,
        timezone.localdate(),
    )


def test_administrators_list_all_tokens_without_secrets(
    registrar: Client, browser_of: Callable[[str], Client]
) -> None:
    secret = make_token(registrar, name="Nightly sync", access="read")
    AuthToken.objects.create(User.objects.get(username="registrar"))
    text = browser_of("admin").get("/admin/knox/authtoken/").content.decode()
    assert "Nightly sync" in text
    assert secret not in text


def test_options_are_on_record(registrar: Client) -> None:
    make_token(registrar, name="Sync", access="read")
    token = AuthToken.objects.get()
    records = AccessChange.objects.filter(name=token.token_key).order_by("pk")
    assert records[0].before is None
    assert records[1].after == {"name": "Sync", "access": "read"}
