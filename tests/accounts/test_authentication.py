"""Authentication of programs by a bearer token."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(user_of: Any) -> tuple[AuthToken, str]:
    made: tuple[AuthToken, str] = AuthToken.objects.create(user_of("Viewer"))
    return made


def status(header: str) -> int:
    answer = APIClient().get("/api/v1/students", HTTP_AUTHORIZATION=header)
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"] == "Bearer"
        assert answer["Content-Type"] == "application/problem+json"
    code: int = answer.status_code
    return code


def test_a_valid_token(token: tuple[AuthToken, str]) -> None:
    assert status(f"Bearer {token[1]}") == status(f"bearer {token[1]}") == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer a b",
        "Bearer nonsense",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 64,
        "Bearer é",
        "Basic YTpi",
        "x",
        "",
    ],
)
def test_an_invalid_token(header: str) -> None:
    assert status(header) == 401


def test_the_key_alone_is_not_enough(token: tuple[AuthToken, str]) -> None:
    assert status(f"Bearer {token[0].token_key}") == 401
    assert status(f"Bearer {token[1][:-1]}x") == 401


def test_a_revoked_token_is_refused_at_once(token: tuple[AuthToken, str]) -> None:
    token[0].delete()
    assert status(f"Bearer {token[1]}") == 401


def test_an_expired_token(token: tuple[AuthToken, str]) -> None:
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert status(f"Bearer {token[1]}") == 401


def test_a_token_expires_after_a_year(token: tuple[AuthToken, str]) -> None:
    assert timedelta(days=364) < token[0].expiry - timezone.now() <= timedelta(days=365)


def test_the_token_of_an_inactive_user(token: tuple[AuthToken, str]) -> None:
    User.objects.update(is_active=False)
    assert status(f"Bearer {token[1]}") == 401


def test_a_removed_role_is_seen_at_the_next_request(token: tuple[AuthToken, str]) -> None:
    token[0].user.groups.clear()
    assert status(f"Bearer {token[1]}") == 403


def test_the_secret_is_not_in_the_database(token: tuple[AuthToken, str]) -> None:
    assert token[1] not in str(AuthToken.objects.values_list())
