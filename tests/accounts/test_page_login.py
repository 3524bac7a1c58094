"""Signing in and out."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


def test_signing_in_leads_to_the_page_that_was_asked_for(
    client: Client, user_of: Callable[[str], User]
) -> None:
    user_of("Clerk")
    asked = client.get("/students/?q=ann", follow=True)
    assert asked.status_code == 200
    assert 'value="/students/?q=ann"' in asked.content.decode()
    answer = client.post(
        "/login/", {"username": "clerk", "password": "pass", "next": "/students/?q=ann"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/students/?q=ann")
    assert client.post("/login/", {"username": "clerk", "password": "pass"})["Location"] == "/"


def test_a_wrong_password_shows_an_error_and_the_name(
    client: Client, user_of: Callable[[str], User]
) -> None:
    user_of("Clerk")
    answer = client.post("/login/", {"username": "clerk", "password": "wrong"})
    text = answer.content.decode()
    assert 'role="alert"' in text
    assert "correct username and password" in text
    assert 'value="clerk"' in text
    assert "_auth_user_id" not in client.session


def test_signing_out_is_a_post(browser_of: Callable[[str], Client]) -> None:
    browser = browser_of("Clerk")
    assert browser.get("/logout/").status_code == 405
    assert browser.post("/logout/")["Location"] == "/login/"
    assert browser.get("/").status_code == 302


def test_every_form_carries_a_csrf_token(user_of: Callable[[str], User]) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user_of("Registrar"))
    refused = browser.post("/students/new/", {"number": "1"})
    assert refused.status_code == 403
    assert "This form is too old" in refused.content.decode()
    for path in ("/students/new/", "/tokens/", "/courses/new/", "/terms/new/"):
        # The forms of the page, to sign out, and of languages.
        text = browser.get(path).content.decode()
        assert text.count('<input type="hidden" name="csrfmiddlewaretoken"') == 3
