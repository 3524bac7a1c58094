"""Wrong passwords are limited by name and by address, for all processes together."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.checks import check_trusted_proxies
from accounts.sign_in_limits import (
    BROWSER_COOKIE,
    LIMIT_OF_ADDRESS,
    LIMIT_OF_BROWSER,
    LIMIT_OF_NAME,
    PERIOD_SECONDS,
    client_address,
)
from tests.students.enrollment.test_races import at_once

pytestmark = pytest.mark.django_db

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def clerk_user(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


def sign_in(
    client: Client,
    name: str = "clerk",
    password: str = "wrong",
    address: str = HERE,
    path: str = "/login/",
    **headers: str,
) -> Any:
    return client.post(
        path, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers
    )


def guess(client: Client, times: int, **values: Any) -> list[int]:
    return [sign_in(client, **values).status_code for _time in range(times)]


class TestName:
    def test_is_refused_after_some_wrong_passwords(self, client: Client) -> None:
        assert guess(client, LIMIT_OF_NAME) == [200] * LIMIT_OF_NAME
        answer = sign_in(client, password="pass")

        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= PERIOD_SECONDS + 1
        assert "Too many sign-ins that failed. Try again in 15 minutes." in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_is_let_in_again_later(self, client: Client) -> None:
        guess(client, LIMIT_OF_NAME)
        with time_machine.travel(timezone.now() + timedelta(seconds=PERIOD_SECONDS + 2)):
            assert sign_in(client, password="pass").status_code == 302

    def test_is_let_in_from_another_address(self, client: Client) -> None:
        guess(client, LIMIT_OF_NAME)
        assert sign_in(client, password="pass", address=ELSEWHERE).status_code == 302

    def test_of_another_user_is_let_in(self, client: Client, user_of: Any) -> None:
        user_of("Viewer")
        guess(client, LIMIT_OF_NAME)
        assert sign_in(client, name="viewer", password="pass").status_code == 302

    def test_is_counted_from_new_after_a_sign_in(self, client: Client) -> None:
        guess(client, LIMIT_OF_NAME - 1)
        assert sign_in(Client(), password="pass").status_code == 302
        assert guess(client, LIMIT_OF_NAME) == [200] * LIMIT_OF_NAME

    def test_in_other_letters_is_the_same(self, client: Client) -> None:
        guess(client, LIMIT_OF_NAME - 1)
        assert guess(client, 2, name="CLERK") == [200, 429]


class TestAddress:
    def test_is_refused_after_many_names(self, client: Client) -> None:
        for number in range(LIMIT_OF_ADDRESS):
            assert sign_in(client, name=f"nobody{number}").status_code == 200
        assert sign_in(client, password="pass").status_code == 429
        assert sign_in(client, password="pass", address=ELSEWHERE).status_code == 302

    def test_is_not_refused_for_sign_ins(self) -> None:
        for _time in range(LIMIT_OF_ADDRESS + 1):
            assert sign_in(Client(), password="pass").status_code == 302

    def test_is_still_counted_after_a_sign_in(self, client: Client) -> None:
        for number in range(LIMIT_OF_ADDRESS - 1):
            sign_in(client, name=f"nobody{number}")
        assert sign_in(Client(), password="pass").status_code == 302
        assert [sign_in(client, name=name).status_code for name in "ab"] == [200, 429]


class TestKnownBrowser:
    @pytest.fixture
    def known_browser(self) -> Client:
        browser = Client()
        sign_in(browser, password="pass")
        browser.post("/logout/")
        return browser

    def test_is_let_in_whatever_others_guess_at_its_address(
        self, client: Client, known_browser: Client
    ) -> None:
        guess(client, LIMIT_OF_NAME + 1)
        for number in range(LIMIT_OF_ADDRESS):
            sign_in(client, name=f"nobody{number}")
        assert sign_in(client, password="pass").status_code == 429
        assert sign_in(known_browser, password="pass").status_code == 302

    def test_has_a_limit_of_its_own(self, known_browser: Client) -> None:
        assert guess(known_browser, LIMIT_OF_BROWSER + 1) == [200] * LIMIT_OF_BROWSER + [429]

    def test_is_not_known_for_other_users(self, known_browser: Client, user_of: Any) -> None:
        user_of("Viewer")
        assert guess(known_browser, LIMIT_OF_NAME + 1, name="viewer")[-1] == 429

    def test_knows_each_user_who_signed_in(self, known_browser: Client, user_of: Any) -> None:
        user_of("Viewer")
        sign_in(known_browser, name="viewer", password="pass")
        for name in ("clerk", "viewer"):
            assert guess(known_browser, LIMIT_OF_NAME + 1, name=name)[-1] == 200

    def test_cannot_be_forged(self, client: Client, known_browser: Client) -> None:
        value, _colon, signature = known_browser.cookies[BROWSER_COOKIE].value.partition(":")
        client.cookies[BROWSER_COOKIE] = f"other{value}:{signature}"
        assert guess(client, LIMIT_OF_NAME + 1)[-1] == 429

    def test_keeps_its_cookie_from_scripts(self, known_browser: Client) -> None:
        cookie = known_browser.cookies[BROWSER_COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        assert "clerk" not in cookie.value


class TestAdmin:
    def test_shares_the_limits(self, client: Client) -> None:
        guess(client, LIMIT_OF_NAME)
        assert sign_in(client, path="/admin/login/").status_code == 429

    def test_signs_in_and_leads_to_the_admin(self, client: Client, user_of: Any) -> None:
        user_of("admin")
        answer = sign_in(client, name="admin", password="pass", path="/admin/login/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")
        assert client.get("/admin/").status_code == 200

    def test_leads_back_to_the_page_that_was_asked_for(self, client: Client) -> None:
        page = client.get("/admin/students/student/", follow=True)
        assert 'value="/admin/students/student/"' in page.content.decode()

    def test_tells_a_user_without_the_right_so(self, viewer: Client) -> None:
        assert viewer.get("/admin/", follow=True).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_time_are_all_counted() -> None:
    answers = at_once(*[lambda: sign_in(Client()).status_code] * 8)
    assert sorted(answers) == [200] * LIMIT_OF_NAME + [429] * (8 - LIMIT_OF_NAME)


class TestClientAddress:
    def address(self, forwarded: str = "", remote: str = HERE) -> str:
        request = RequestFactory().get("/", REMOTE_ADDR=remote)
        if forwarded:
            request.META["HTTP_X_FORWARDED_FOR"] = forwarded
        return client_address(request)

    def test_is_that_of_the_connection(self) -> None:
        assert self.address("203.0.113.5") == HERE

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (1, "203.0.113.5", "203.0.113.5"),
            (1, "10.9.8.7, 203.0.113.5", "203.0.113.5"),
            (2, "10.9.8.7, 203.0.113.5, 192.0.2.8", "203.0.113.5"),
            (2, "203.0.113.5", HERE),
            (1, "", HERE),
            (1, "nonsense", HERE),
            (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ],
    )
    def test_is_what_the_trusted_proxies_wrote(
        self, proxies: int, forwarded: str, address: str
    ) -> None:
        with override_settings(TRUSTED_PROXIES=proxies):
            assert self.address(forwarded) == address

    def test_of_ipv6_is_its_network(self) -> None:
        assert self.address(remote="2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"

    def test_forged_does_not_help_a_guesser(self, client: Client) -> None:
        headers = [{"X-Forwarded-For": f"10.0.0.{number}"} for number in range(LIMIT_OF_NAME + 1)]
        assert [sign_in(client, **each).status_code for each in headers][-1] == 429


@pytest.mark.parametrize(("proxies", "warnings"), [(0, ["accounts.W001"]), (1, [])])
def test_the_checks_of_deployment_find_a_proxy_that_hides_addresses(
    proxies: int, warnings: list[str]
) -> None:
    with override_settings(
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"), TRUSTED_PROXIES=proxies
    ):
        assert [found.id for found in check_trusted_proxies()] == warnings
        found = run_checks(tags=["security"], include_deployment_checks=True)
        assert [each.id for each in found if each.id == "accounts.W001"] == warnings


def test_a_command_signs_nobody_in() -> None:
    """`Client.login` and commands have no request of a client, so nothing is counted."""
    assert Client().login(username="clerk", password="pass")
    call_command("check")
