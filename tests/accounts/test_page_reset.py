"""A new password by a link that is sent by mail."""

import re
from collections.abc import Callable
from datetime import timedelta
from threading import Event as ThreadEvent
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accounts.models import AccessEvent, Event, SignInSession
from accounts.pages.reset import LIMIT_OF_CLIENT, LIMIT_OF_EMAIL

pytestmark = pytest.mark.django_db

NEW = "a long new one 7"
PASSWORDS = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


def request_link(client: Client, address: str = "clerk@school.example") -> Any:
    return client.post("/account/reset/", {"email": address}, follow=True)


def link_in(mail: Any) -> str:
    match = re.search(r"http://testserver(/account/reset/\S+)", mail.body)
    assert match
    return match[1]


def open_form(client: Client, link: str) -> str:
    """Open the link and return the address of its form, which no longer has the token."""
    answer = client.get(link)
    return str(answer["Location"]) if answer.status_code == 302 else ""


def test_the_link_sets_a_password(client: Client, ann: User, mailoutbox: list[Any]) -> None:
    request_link(client)
    [mail] = mailoutbox
    assert mail.to == ["clerk@school.example"]
    assert "clerk" in mail.body
    form = open_form(client, link_in(mail))
    answer = client.post(form, PASSWORDS, follow=True)
    assert "Your password was set." in answer.content.decode()
    assert client.login(username="clerk", password=NEW)
    events = AccessEvent.objects.values_list("event", "name")
    assert (Event.RESET_REQUESTED, "clerk@school.example") in events
    assert (Event.RESET_DONE, "clerk") in events


def test_a_new_password_ends_all_sessions(client: Client, ann: User, mailoutbox: list[Any]) -> None:
    other = Client()
    other.login(username="clerk", password="pass")
    request_link(client)
    client.post(open_form(client, link_in(mailoutbox[0])), PASSWORDS)
    assert not SignInSession.objects.filter(user=ann).exists()
    assert other.get("/account/").status_code == 302


def test_a_link_works_once(client: Client, ann: User, mailoutbox: list[Any]) -> None:
    request_link(client)
    link = link_in(mailoutbox[0])
    client.post(open_form(client, link), PASSWORDS)
    again = Client()
    assert open_form(again, link) == ""
    assert "This link does not work" in again.get(link).content.decode()


def test_a_link_is_late_after_an_hour(client: Client, ann: User, mailoutbox: list[Any]) -> None:
    request_link(client)
    link, now = link_in(mailoutbox[0]), timezone.now()
    with time_machine.travel(now + timedelta(minutes=59)):
        assert open_form(Client(), link) != ""
    with time_machine.travel(now + timedelta(minutes=61)):
        assert open_form(Client(), link) == ""


def test_an_older_link_does_not_work_after_a_sign_in(
    client: Client, ann: User, mailoutbox: list[Any]
) -> None:
    request_link(client)
    client.login(username="clerk", password="pass")
    assert open_form(Client(), link_in(mailoutbox[0])) == ""


@pytest.mark.parametrize("address", ["nobody@school.example", "inactive@school.example"])
def test_the_answer_does_not_show_who_has_an_account(
    client: Client, ann: User, mailoutbox: list[Any], address: str
) -> None:
    User.objects.create_user("inactive", "inactive@school.example", "pass", is_active=False)
    known, unknown = request_link(client), request_link(client, address)
    assert unknown.redirect_chain == known.redirect_chain
    contents = [re.sub(rb'value="\w{64}"', b"", page.content) for page in (known, unknown)]
    assert contents[0] == contents[1]
    assert len(mailoutbox) == 1


def test_an_address_that_only_looks_the_same_gets_no_link(
    client: Client, ann: User, mailoutbox: list[Any]
) -> None:
    # The Kelvin sign is an ASCII k without case in some comparisons.
    request_link(client, "cler\u212a@school.example")
    assert [mail.to for mail in mailoutbox] in ([], [["clerk@school.example"]])


def test_few_links_are_sent_to_one_address_and_the_answer_does_not_show_it(
    client: Client, ann: User, mailoutbox: list[Any]
) -> None:
    answers = [request_link(client) for _time in range(LIMIT_OF_EMAIL + 2)]
    assert len(mailoutbox) == LIMIT_OF_EMAIL
    assert {tuple(answer.redirect_chain) for answer in answers} == {
        (("/account/reset/sent/", 302),)
    }


def test_few_links_are_sent_for_one_client(client: Client, mailoutbox: list[Any]) -> None:
    for number in range(LIMIT_OF_CLIENT + 2):
        User.objects.create_user(f"u{number}", f"u{number}@school.example")
        request_link(client, f"u{number}@school.example")
    assert len(mailoutbox) == LIMIT_OF_CLIENT


def test_the_answer_does_not_wait_for_the_mail_server(
    client: Client, ann: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, sent = ThreadEvent(), ThreadEvent()

    def send(_mail: Any) -> None:
        answered.wait(60)
        sent.set()

    settings.EMAIL_IN_THREAD = True
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", send)
    assert request_link(client).status_code == 200
    assert not sent.is_set()
    answered.set()
    assert sent.wait(60)


def test_mail_that_cannot_be_sent_is_no_error(
    client: Client, ann: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_mail: Any) -> None:
        raise OSError("no server")

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    assert request_link(client).status_code == 200


@pytest.mark.parametrize("link", ["/account/reset/x/y/", "/account/reset/MQ/set-password/"])
def test_a_link_of_nothing(client: Client, link: str) -> None:
    assert "This link does not work" in client.get(link).content.decode()


def test_the_page_to_sign_in_links_it(client: Client) -> None:
    assert 'href="/account/reset/"' in client.get("/login/").content.decode()
