"""Sign-ins with a second factor: codes of an app, recovery codes, and their limits."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from accounts.models import AccessEvent
from accounts.second_factor import recovery_codes, totp
from accounts.second_factor.encryption import decrypt, encrypt
from accounts.second_factor.models import AuthenticatorApp, RecoveryCode
from accounts.second_factor.pending import LIFETIME
from accounts.sign_in_limits import LIMIT_OF_BROWSER, LIMIT_OF_NAME, PERIOD_SECONDS
from tests.accounts.second_factors import (
    SECRET,
    code_now,
    give_app,
    is_signed_in,
    send_password,
)
from tests.students.enrollment.test_races import at_once

pytestmark = pytest.mark.django_db

PAGE = "/login/second-factor/"


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return give_app(user_of("Clerk"))


@pytest.fixture
def pending(ann: User) -> Client:
    """A browser in which the password was right."""
    client = Client()
    send_password(client)
    return client


def send_code(client: Client, code: str, **fields: str) -> Any:
    return client.post(PAGE, {"one_time_code": code, **fields})


class TestSignIn:
    def test_asks_for_a_code_after_the_password(self, client: Client, ann: User) -> None:
        answer: Any = send_password(client, next="/students/")
        assert 'name="one_time_code"' in answer.content.decode()
        assert not is_signed_in(client)
        assert client.get("/students/").status_code == 302

        answer = send_code(client, code_now())
        assert (answer.status_code, answer["Location"]) == (302, "/students/")
        assert client.get("/students/").status_code == 200

    def test_at_the_admin_is_the_same(self, client: Client, user_of: Any) -> None:
        give_app(user_of("admin"))
        client.post("/admin/login/", {"username": "admin", "password": "pass"})
        assert client.get("/admin/").status_code == 302
        assert send_code(client, code_now())["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200

    def test_gets_another_session_key_at_each_step(self, client: Client, ann: User) -> None:
        client.get("/language/")
        client.session.save()
        keys = [client.session.session_key]
        send_password(client)
        keys.append(client.cookies["sessionid"].value)
        send_code(client, code_now())
        keys.append(client.cookies["sessionid"].value)
        assert len({*keys}) == 3

    def test_needs_no_code_without_a_second_factor(self, client: Client, user_of: Any) -> None:
        user_of("Viewer")
        send_password(client, "viewer")
        assert is_signed_in(client)

    def test_without_the_password_leads_to_the_sign_in(self, client: Client, ann: User) -> None:
        assert client.get(PAGE)["Location"] == "/login/"
        assert "Please sign in again." in send_code(client, code_now()).content.decode()
        assert not is_signed_in(client)

    def test_shows_the_page_again(self, pending: Client) -> None:
        assert pending.get(PAGE).status_code == 200

    @pytest.mark.parametrize("change", ["password", "inactive", "deleted", "late"])
    def test_ends_when_the_first_step_no_longer_counts(
        self, pending: Client, ann: User, change: str
    ) -> None:
        later = timezone.now()
        if change == "password":
            ann.set_password("another one")
            ann.save()
        elif change == "inactive":
            User.objects.filter(pk=ann.pk).update(is_active=False)
        elif change == "deleted":
            ann.delete()
        else:
            later += LIFETIME + timedelta(seconds=1)
        with time_machine.travel(later):
            send_code(pending, code_now())
        assert not is_signed_in(pending)

    def test_keeps_a_form_that_came_after_the_sign_in_had_ended(
        self, client: Client, ann: User
    ) -> None:
        kept = {"kept": urlencode({"q": "typed"}), "kept_address": "/students/new/"}
        text = send_password(client, **kept).content.decode()  # type: ignore[attr-defined]
        assert 'value="q=typed"' in text
        text = send_code(client, "000000", **kept).content.decode()
        assert 'value="q=typed"' in text
        text = send_code(client, code_now(), **kept).content.decode()
        assert "You are signed in. Send it now?" in text
        assert 'value="typed"' in text

    def test_that_took_too_long_keeps_the_form_too(self, client: Client, ann: User) -> None:
        kept = {"kept": urlencode({"q": "typed"}), "kept_address": "/students/new/"}
        assert 'value="q=typed"' in send_code(client, "1", **kept).content.decode()

    def test_is_on_record(
        self, pending: Client, ann: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "school.access"):
            send_code(pending, "000000")
            send_code(pending, code_now())
        rows = AccessEvent.objects.order_by("pk").values_list("event", "name", "who", "detail")
        assert list(rows) == [
            ("factor_failed", "clerk", "clerk", ""),
            ("factor_used", "clerk", "clerk", "app"),
            ("sign_in", "clerk", "clerk", ""),
        ]
        assert [message.partition(" ")[0] for message in caplog.messages] == [
            "factor_failed",
            "factor_used",
            "sign_in",
        ]


class TestCode:
    # RFC 6238, appendix B, SHA-1: the last six of the eight digits.
    @pytest.mark.parametrize(
        ("seconds", "code"),
        [
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
            (20000000000, "353130"),
        ],
    )
    def test_is_that_of_the_vectors_of_rfc_6238(self, seconds: int, code: str) -> None:
        with time_machine.travel(datetime.fromtimestamp(seconds, UTC), tick=False):
            assert totp.find_counter(SECRET, code) == seconds // 30
            assert totp.find_counter(SECRET, str(int(code) + 1).zfill(6)) is None

    @pytest.mark.parametrize(
        ("periods", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
    )
    def test_may_be_half_a_minute_off(self, pending: Client, periods: int, is_right: bool) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            send_code(pending, code_now(periods=periods))
            assert is_signed_in(pending) is is_right

    def test_may_be_typed_with_a_space(self, pending: Client) -> None:
        send_code(pending, f" {code_now()[:3]} {code_now()[3:]}")
        assert is_signed_in(pending)

    @pytest.mark.parametrize("code", ["", "000", "١٢٣٤٥٦", "a\0b", "9" * 50, "9" * 51])
    def test_that_is_odd_is_wrong(self, pending: Client, code: str) -> None:
        assert send_code(pending, code).status_code == 422
        assert not is_signed_in(pending)

    def test_is_refused_the_second_time(self, pending: Client, ann: User) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            send_code(pending, code_now())
            other = Client()
            send_password(other)
            assert send_code(other, code_now()).status_code == 422
            # An earlier one, which was not used, is refused too.
            assert send_code(other, code_now(periods=-1)).status_code == 422
            assert not is_signed_in(other)
            send_code(other, code_now(periods=1))
            assert is_signed_in(other)

    def test_of_another_user_is_wrong(self, client: Client, user_of: Any) -> None:
        user = user_of("Viewer")
        AuthenticatorApp.objects.create(user=user, secret=encrypt("A" * 32), last_counter=0)
        send_password(client, "viewer")
        assert send_code(client, code_now()).status_code == 422

    def test_is_verified_by_an_encrypted_secret(self, ann: User, settings: Any) -> None:
        stored = AuthenticatorApp.objects.get(user=ann).secret
        assert SECRET not in stored
        assert decrypt(stored) == SECRET
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another" * 10
        assert totp.use_code(ann, code_now())

    def test_fails_and_is_logged_with_another_key(
        self, ann: User, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.SECRET_KEY = "another" * 10
        with caplog.at_level(logging.ERROR, "accounts.second_factor.totp"):
            assert not totp.use_code(ann, code_now())
        assert "The SECRET_KEY has changed" in caplog.text


class TestRecoveryCode:
    @pytest.fixture
    def codes(self, ann: User) -> list[str]:
        return recovery_codes.make_codes(ann)

    def test_signs_in_once(self, pending: Client, codes: list[str]) -> None:
        send_code(pending, codes[0].upper().replace("-", " "))
        assert is_signed_in(pending)
        other = Client()
        send_password(other)
        assert send_code(other, codes[0]).status_code == 422
        send_code(other, codes[1])
        assert is_signed_in(other)
        assert recovery_codes.count_unused(User.objects.get()) == len(codes) - 2
        details = AccessEvent.objects.filter(event="factor_used").values_list("detail", flat=True)
        assert [*details] == ["recovery_code"] * 2

    def test_is_stored_as_a_hash(self, codes: list[str]) -> None:
        plain = {code.replace("-", "") for code in codes}
        assert len(plain) == recovery_codes.CODES
        stored = " ".join(RecoveryCode.objects.values_list("digest", flat=True))
        assert not any(code in stored for code in plain)

    def test_is_void_when_there_are_new_ones(
        self, pending: Client, ann: User, codes: list[str]
    ) -> None:
        recovery_codes.make_codes(ann)
        assert send_code(pending, codes[0]).status_code == 422

    def test_of_another_user_is_wrong(
        self, pending: Client, user_of: Any, codes: list[str]
    ) -> None:
        [code, *_more] = recovery_codes.make_codes(user_of("Viewer"))
        assert send_code(pending, code).status_code == 422


class TestLimit:
    def guess(self, client: Client, times: int) -> list[int]:
        return [send_code(client, "000000").status_code for _time in range(times)]

    def test_stops_guesses_whatever_their_address(self, ann: User) -> None:
        statuses = []
        for number in range(LIMIT_OF_NAME + 1):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            send_password(client)
            statuses += self.guess(client, 1)
        assert statuses == [422] * LIMIT_OF_NAME + [429]
        answer = send_code(client, code_now())
        assert answer.status_code == 429
        assert "Too many sign-ins that failed." in answer.content.decode()
        assert not is_signed_in(client)

    def test_ends_later(self, pending: Client) -> None:
        self.guess(pending, LIMIT_OF_NAME)
        with time_machine.travel(timezone.now() + timedelta(seconds=PERIOD_SECONDS + 2)):
            send_password(pending)
            send_code(pending, code_now())
            assert is_signed_in(pending)

    def test_is_counted_from_new_after_a_right_code(self, pending: Client) -> None:
        self.guess(pending, LIMIT_OF_NAME - 1)
        send_code(pending, code_now())
        send_password(pending)
        assert 429 not in self.guess(pending, LIMIT_OF_NAME)

    def test_of_a_known_browser_is_its_own(self, pending: Client, ann: User) -> None:
        send_code(pending, code_now())
        pending.post("/logout/")
        send_password(pending)
        stranger = Client()
        send_password(stranger)
        self.guess(stranger, LIMIT_OF_NAME + 1)
        assert self.guess(pending, LIMIT_OF_BROWSER + 1) == [422] * LIMIT_OF_BROWSER + [429]

    def test_holds_after_right_passwords(self, ann: User) -> None:
        """A right password must not reset the count of codes."""
        client = Client()
        for _time in range(LIMIT_OF_NAME):
            send_password(client)
            self.guess(client, 1)
        send_password(client)
        assert self.guess(client, 1) == [429]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery_code"])
def test_a_code_that_is_sent_twice_at_once_signs_in_once(
    user_of: Callable[[str], User], kind: str
) -> None:
    caches["throttle"].clear()
    user = give_app(user_of("Clerk"))
    code = recovery_codes.make_codes(user)[0] if kind == "recovery code" else code_now()
    browsers = [Client() for _browser in range(4)]
    for browser in browsers:
        send_password(browser)
    answers = at_once(*[lambda b=browser: send_code(b, code).status_code for browser in browsers])
    assert sorted(answers) == [302, 422, 422, 422]
    assert sum(is_signed_in(browser) for browser in browsers) == 1
