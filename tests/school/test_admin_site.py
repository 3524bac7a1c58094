"""The admin site: its look, who may use it, and its page of tokens."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken

TOKENS = "/admin/knox/authtoken/"


@pytest.fixture
def admin(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("admin")


def test_is_called_school_looks_like_it_and_leads_back(admin: Client) -> None:
    html = admin.get("/admin/").content.decode()

    assert "<title>Administration | School</title>" in html
    assert "school.css" in html
    assert '<a href="/">View site</a>' in html


def test_takes_only_staff(browser_of: Callable[[str], Client]) -> None:
    assert browser_of("Clerk").get("/admin/").status_code == 302


class TestTokens:
    @pytest.fixture
    def token(self, user_of: Callable[[str], User]) -> AuthToken:
        token, _secret = AuthToken.objects.create(user_of("Clerk"))
        return token

    def test_are_listed_without_their_digest(self, admin: Client, token: AuthToken) -> None:
        html = admin.get(TOKENS).content.decode()

        assert token.token_key in html
        assert f">{token.digest}<" not in html

    def test_are_not_made(self, admin: Client, token: AuthToken) -> None:
        assert admin.post(TOKENS + "add/", {"user": token.user_id}).status_code == 403
        assert AuthToken.objects.count() == 1

    def test_are_not_changed(self, admin: Client, token: AuthToken) -> None:
        assert admin.post(f"{TOKENS}{token.pk}/change/", {"user": token.user_id}).status_code == 403

    def test_are_revoked(self, admin: Client, token: AuthToken) -> None:
        admin.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"})

        assert not AuthToken.objects.exists()
