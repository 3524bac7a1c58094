"""`/tokens/`: the API tokens of the user."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from tests.students.enrollment.test_races import at_once

pytestmark = pytest.mark.django_db

Browser = Callable[[str], Client]


def secret_in(text: str) -> str:
    found = re.search(r"<p>\s*<code>(\w+)</code>\s*</p>", text)
    assert found
    return found[1]


def test_a_new_token_is_shown_once_and_works(browser_of: Browser, client: Client) -> None:
    browser = browser_of("Clerk")
    answer = browser.post("/tokens/")
    secret = secret_in(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert client.get("/api/v1/students", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code == 200
    later = browser.get("/tokens/").content.decode()
    assert secret not in later
    assert AuthToken.objects.get().token_key in later
    assert AuthToken.objects.get().user.username == "clerk"


def test_a_form_that_is_sent_again_makes_no_other_token(browser_of: Browser) -> None:
    browser = browser_of("Clerk")
    once = browser.get("/tokens/").context["once"]
    first = browser.post("/tokens/", {"once": once})
    assert "made no other" in browser.post("/tokens/", {"once": once}, follow=True).content.decode()
    assert AuthToken.objects.count() == 1
    browser.post("/tokens/", {"once": first.context["once"]})
    assert AuthToken.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(5))
def test_a_form_that_is_sent_twice_in_the_same_instant_makes_one_token(
    browser_of: Browser, _round: int
) -> None:
    browser = browser_of("Clerk")
    once = browser.get("/tokens/").context["once"]

    def send() -> int:
        other = Client()
        other.cookies = browser.cookies
        return other.post("/tokens/", {"once": once}).status_code

    assert sorted(at_once(*[send] * 4)) == [200, 302, 302, 302]
    assert AuthToken.objects.count() == 1


def test_when_a_token_was_made_and_expires_is_shown(browser_of: Browser) -> None:
    browser = browser_of("Clerk")
    browser.post("/tokens/")
    text = browser.get("/tokens/").content.decode()
    today = timezone.localdate()
    assert str(today) in text
    assert str(today + timedelta(days=365)) in text
    AuthToken.objects.update(expiry=None)
    assert "never" in browser.get("/tokens/").content.decode()


def test_a_revoked_token_is_of_no_use(browser_of: Browser, client: Client) -> None:
    browser = browser_of("Clerk")
    secret = secret_in(browser.post("/tokens/").content.decode())
    answer = browser.post(
        reverse("token_revoke", args=[AuthToken.objects.get().token_key]), follow=True
    )
    assert "was revoked" in answer.content.decode()
    assert client.get("/api/v1/students", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code == 401


def test_revoking_is_a_post(browser_of: Browser) -> None:
    browser = browser_of("Clerk")
    browser.post("/tokens/")
    assert (
        browser.get(reverse("token_revoke", args=[AuthToken.objects.get().token_key])).status_code
        == 405
    )
    assert AuthToken.objects.exists()


def test_the_tokens_of_others_are_neither_shown_nor_revoked(
    browser_of: Browser, user_of: Callable[[str], User]
) -> None:
    other, _secret = AuthToken.objects.create(user_of("Registrar"))
    browser = browser_of("Clerk")
    assert other.token_key not in browser.get("/tokens/").content.decode()
    assert browser.post(reverse("token_revoke", args=[other.token_key])).status_code == 404
    assert AuthToken.objects.filter(pk=other.pk).exists()
