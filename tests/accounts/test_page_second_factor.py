"""`/account/second-factor/`: the own second factors, and roles that need one."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from accounts.confirmation import RECENT
from accounts.models import AccessChange, AccessEvent, RoleOptions
from accounts.second_factor import recovery_codes
from accounts.second_factor.models import AuthenticatorApp, Passkey, RecoveryCode
from accounts.sign_in_limits import LIMIT_OF_NAME
from tests.accounts.second_factors import (
    code_now,
    give_app,
    give_passkey,
    is_signed_in,
    send_password,
)

pytestmark = pytest.mark.django_db

URL = "/account/second-factor/"
APP = f"{URL}app/"
# Each page and button, with its method.
PAGES = [
    ("get", URL),
    ("get", APP),
    ("post", APP),
    ("get", f"{APP}qr.svg"),
    ("post", f"{APP}remove/"),
    ("get", f"{URL}passkey/"),
    ("post", f"{URL}passkey/"),
    ("post", f"{URL}passkeys/1/remove/"),
    ("post", f"{URL}codes/"),
]


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


@pytest.fixture
def own(ann: User) -> Client:
    client = Client()
    send_password(client)
    return client


def read_secret(text: str) -> str:
    found = re.search("<code>([A-Z2-7 ]+)</code>", text)
    assert found
    return found[1].replace(" ", "")


def set_up(own: Client) -> Any:
    secret = read_secret(own.get(APP).content.decode())
    return own.post(APP, {"one_time_code": code_now(secret)})


def events() -> list[tuple[str, str, str]]:
    rows = AccessEvent.objects.filter(event__startswith="factor").order_by("pk")
    return list(rows.values_list("event", "who", "detail"))


class TestApp:
    def test_is_set_up_with_a_code_and_gives_recovery_codes_once(
        self, own: Client, ann: User
    ) -> None:
        answer = set_up(own)
        text = answer.content.decode()
        codes = re.findall("<code>([a-z2-7-]{19})</code>", text)
        assert answer["Cache-Control"] == "no-store"
        assert len({*codes}) == recovery_codes.CODES
        assert all(recovery_codes.use_code(ann, code) for code in codes)
        for path in (URL, "/account/"):
            shown = own.get(path).content.decode()
            assert not any(code in shown for code in codes)
        assert events() == [("factor_added", "clerk", "app")]
        assert "in use" in own.get("/account/").content.decode()

    def test_shows_its_secret_only_until_it_is_set_up(self, own: Client) -> None:
        secret = read_secret(own.get(APP).content.decode())
        assert read_secret(own.get(APP).content.decode()) == secret
        assert secret not in str(own.session.items())
        own.post(APP, {"one_time_code": code_now(secret)})
        assert own.get(APP)["Location"] == URL
        assert own.get(f"{APP}qr.svg").status_code == 404
        assert secret not in own.get(URL).content.decode()
        assert secret not in AuthenticatorApp.objects.get().secret

    def test_refuses_a_wrong_code_and_keeps_the_secret(self, own: Client) -> None:
        secret = read_secret(own.get(APP).content.decode())
        for code in ("000000", "", "1" * 11):
            answer = own.post(APP, {"one_time_code": code})
            assert answer.status_code == 422
            assert read_secret(answer.content.decode()) == secret
            assert answer["Cache-Control"] == "no-store"
        assert not AuthenticatorApp.objects.exists()

    def test_cannot_sign_in_with_the_code_that_set_it_up(self, own: Client) -> None:
        secret = read_secret(own.get(APP).content.decode())
        with time_machine.travel(timezone.now(), tick=False):
            code = code_now(secret)
            own.post(APP, {"one_time_code": code})
            other = Client()
            send_password(other)
            other.post("/login/second-factor/", {"one_time_code": code})
            assert not is_signed_in(other)

    def test_that_is_sent_twice_stays_as_it_is(self, own: Client, ann: User) -> None:
        secret = read_secret(own.get(APP).content.decode())
        give_app(ann)
        before = AuthenticatorApp.objects.get().secret
        own.post(APP, {"one_time_code": code_now(secret)})
        assert AuthenticatorApp.objects.get().secret == before

    def test_has_a_picture_that_is_stored_nowhere(self, own: Client) -> None:
        text = own.get(APP).content.decode()
        assert f'src="{APP}qr.svg"' in text
        picture = own.get(f"{APP}qr.svg")
        assert (picture["Content-Type"], picture["Cache-Control"]) == ("image/svg+xml", "no-store")
        assert ElementTree.fromstring(picture.content).tag.endswith("svg")
        assert b"style" not in picture.content

    def test_is_removed(self, own: Client) -> None:
        set_up(own)
        own.post(f"{APP}remove/")
        assert not AuthenticatorApp.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert events()[-1] == ("factor_removed", "clerk", "app")
        send_password(client := Client())
        assert is_signed_in(client)


class TestPasskey:
    @pytest.mark.parametrize("sent", ["", "{}", "[]", "nonsense", '{"rawId": 1}', "null"])
    def test_that_is_no_passkey_is_refused(self, own: Client, sent: str) -> None:
        own.get(f"{URL}passkey/")
        answer = own.post(f"{URL}passkey/", {"name": "Laptop", "passkey": sent})
        assert answer.status_code == 422
        assert 'value="Laptop"' in answer.content.decode()
        assert not Passkey.objects.exists()

    @pytest.mark.parametrize("sent", ["{}", "[]", "nonsense", '{"rawId": 1}', "null"])
    def test_that_is_none_does_not_sign_in(self, client: Client, ann: User, sent: str) -> None:
        give_app(ann)
        send_password(client)
        answer = client.post("/login/second-factor/", {"passkey": sent})
        assert answer.status_code == 422
        assert events() == [("factor_failed", "clerk", "")]

    def test_of_another_user_is_not_removed(
        self, own: Client, user_of: Callable[[str], User]
    ) -> None:
        passkey = give_passkey(user_of("Viewer"))
        assert own.post(f"{URL}passkeys/{passkey.pk}/remove/").status_code == 404
        assert Passkey.objects.exists()

    def test_is_removed_and_the_codes_stay_with_another_factor(
        self, own: Client, ann: User
    ) -> None:
        set_up(own)
        passkey = give_passkey(ann)
        own.post(f"{URL}passkeys/{passkey.pk}/remove/")
        assert not Passkey.objects.exists()
        assert recovery_codes.count_unused(ann) == recovery_codes.CODES
        assert events()[-1] == ("factor_removed", "clerk", "passkey")


class TestRecoveryCodes:
    def test_are_made_again(self, own: Client, ann: User) -> None:
        set_up(own)
        [old, *_more] = recovery_codes.make_codes(ann)
        text = own.post(f"{URL}codes/").content.decode()
        assert not recovery_codes.use_code(ann, old)
        assert recovery_codes.use_code(ann, re.findall("<code>(.*)</code>", text)[0])
        assert events()[-1] == ("factor_added", "clerk", "recovery_code")

    def test_need_a_second_factor(self, own: Client) -> None:
        assert own.post(f"{URL}codes/")["Location"] == URL
        assert not RecoveryCode.objects.exists()


class TestConfirmation:
    @pytest.fixture
    def later(self, own: Client) -> Any:
        with time_machine.travel(timezone.now() + RECENT + timedelta(seconds=1)):
            yield

    @pytest.mark.parametrize(("method", "path"), PAGES)
    def test_is_asked_for_some_time_after_the_sign_in(
        self, own: Client, ann: User, later: None, method: str, path: str
    ) -> None:
        give_app(ann)
        answer = getattr(own, method)(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/confirm/?next=%2Faccount%2Fsecond-factor%2F")
        assert AuthenticatorApp.objects.exists()

    @pytest.mark.parametrize(("method", "path"), [*PAGES, ("get", "/account/confirm/")])
    def test_is_no_way_in(self, client: Client, method: str, path: str) -> None:
        assert getattr(client, method)(path)["Location"].startswith("/login/?next=")

    def test_is_the_password(self, own: Client, later: None) -> None:
        page = own.get(URL, follow=True)
        assert "Please sign in once more" in page.content.decode()
        fields = {"next": URL, "password": "pass"}
        wrong = own.post("/account/confirm/", fields | {"password": "wrong"})
        assert wrong.status_code == 422
        assert own.get(URL).status_code == 302
        assert own.post("/account/confirm/", fields)["Location"] == URL
        assert own.get(URL).status_code == 200

    @pytest.mark.parametrize("address", ["https://other.example/", "//other.example", "", "x"])
    def test_leads_to_no_other_site(self, own: Client, address: str) -> None:
        answer = own.post("/account/confirm/", {"next": address, "password": "pass"})
        assert answer["Location"] == "/account/"


@pytest.mark.parametrize(
    ("path", "field", "more"),
    [
        ("/account/confirm/", "password", {}),
        (
            "/account/password/",
            "old_password",
            {"new_password1": "a long one 1", "new_password2": "a long one 1"},
        ),
    ],
)
def test_wrong_passwords_of_a_session_are_limited_like_those_of_a_sign_in(
    ann: User, path: str, field: str, more: dict[str, str]
) -> None:
    stolen = Client()
    stolen.force_login(ann)
    stolen.cookies.pop("known_browser", None)
    statuses = [
        stolen.post(path, {field: "wrong", **more}).status_code for _time in range(LIMIT_OF_NAME)
    ]
    assert statuses == [422] * LIMIT_OF_NAME
    refused = stolen.post(path, {field: "pass", **more})
    assert (refused.status_code, "Retry-After" in refused) == (429, True)
    ann.refresh_from_db()
    assert ann.check_password("pass")
    assert AccessEvent.objects.filter(event="sign_in_failed", name="clerk", who="clerk").exists()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert stolen.post(path, {field: "pass", **more}).status_code == 302


def test_a_right_old_password_takes_its_attempts_back(own: Client) -> None:
    for _time in range(20):
        assert own.post("/account/confirm/", {"password": "pass"}).status_code == 302


def test_the_admin_has_no_form_of_its_own_for_the_own_password(
    browser_of: Callable[[str], Client],
) -> None:
    boss = browser_of("admin")
    for method in (boss.get, boss.post):
        assert method("/admin/password_change/")["Location"] == "/account/password/"


def require(*roles: str) -> None:
    for group in Group.objects.filter(name__in=roles):
        RoleOptions(group=group, requires_second_factor=True).save()


class TestRequired:
    @pytest.mark.parametrize(
        ("role", "strict", "must"),
        [
            ("Clerk", ["Clerk"], True),
            ("Clerk", ["Registrar"], False),
            ("Viewer", ["Clerk", "Viewer"], True),
            ("Nobody", ["Clerk", "Viewer", "Registrar"], False),
            ("admin", ["Viewer"], True),
            ("admin", [], False),
        ],
    )
    def test_by_a_role_leads_to_its_page(
        self, user_of: Callable[[str], User], role: str, strict: list[str], must: bool
    ) -> None:
        require(*strict)
        user = user_of(role)
        send_password(own := Client(), user.username)
        for path in ("/", "/students/", "/tokens/", "/account/", "/admin/"):
            assert (own.get(path).get("Location") == URL) is must, path
        text = own.get(URL).content.decode()
        assert ("Your role needs a second factor." in text) is must
        set_up(own)
        assert own.get("/").status_code == 200

    def test_holds_in_the_middle_of_a_session(self, own: Client, ann: User) -> None:
        assert own.get("/").status_code == 200
        require("Clerk")
        assert own.get("/")["Location"] == URL
        give_app(ann)
        assert own.get("/").status_code == 200
        AuthenticatorApp.objects.all().delete()
        give_passkey(ann)
        assert own.get("/").status_code == 200
        Passkey.objects.all().delete()
        assert own.get("/")["Location"] == URL

    def test_lets_nothing_else_be_done(self, own: Client, ann: User) -> None:
        require("Clerk")
        answer = own.get("/api/v1/students")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert "second factor" in answer.json()["detail"]
        assert own.post("/api/v1/enrollments", {}).status_code == 403
        answer = own.post("/students/new/", {"first_name": "Typed"})
        assert answer.status_code == 403
        assert 'value="Typed"' in answer.content.decode()
        assert own.post("/tokens/").status_code == 403
        assert not AuthToken.objects.exists()
        assert own.get("/api/docs/").status_code == 200
        assert own.get(f"{URL}passkey/").status_code == 200
        assert own.post("/language/", {"language": "de"}).status_code == 302
        assert own.post("/logout/").status_code == 302

    def test_leaves_tokens_as_they_are(self, api_of: Callable[[str], Any]) -> None:
        """Programs have no second factor. Their tokens were made by a user in a session."""
        api = api_of("Registrar")
        require("Registrar")
        assert api.get("/api/v1/students").status_code == 200

    def test_takes_no_query(self, own: Client, ann: User) -> None:
        taken = []
        for strict in ([], ["Clerk"]):
            require(*strict)
            give_app(ann) if strict else None
            with CaptureQueriesContext(connection) as queries:
                assert own.get("/").status_code == 200
            taken.append(len(queries))
        assert taken[0] == taken[1]

    def test_is_set_in_the_admin_and_recorded(
        self, browser_of: Callable[[str], Client], ann: User
    ) -> None:
        boss = browser_of("admin")
        clerk = Group.objects.get(name="Clerk")
        path = f"/admin/auth/group/{clerk.pk}/change/"
        permissions = [str(pk) for pk in clerk.permissions.values_list("pk", flat=True)]
        fields = {"name": "Clerk", "permissions": permissions}
        boss.post(path, fields | {"requires_second_factor": "on"})
        give_app(User.objects.get(username="admin"))
        assert "checked" in boss.get(path).content.decode()
        boss.post(path, fields)
        rows = AccessChange.objects.filter(kind="role").order_by("pk")
        assert [(row.name, row.who, row.before, row.after) for row in rows] == [
            ("Clerk", "admin", {"second_factor": False}, {"second_factor": True}),
            ("Clerk", "admin", {"second_factor": True}, {"second_factor": False}),
        ]
        text = boss.get("/admin/accounts/accesschange/").content.decode()
        assert "requires a second factor" in text


class TestAdministrator:
    def test_removes_the_second_factor_of_somebody(
        self, own: Client, ann: User, browser_of: Callable[[str], Client]
    ) -> None:
        set_up(own)
        give_passkey(ann)
        secret = AuthenticatorApp.objects.get().secret
        boss = browser_of("admin")
        seen = boss.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
        assert "Set up:" in seen
        assert "icon-yes.svg" in seen
        action = {"action": "remove_second_factors", "_selected_action": [str(ann.pk)]}
        text = boss.post("/admin/auth/user/", action, follow=True).content.decode()
        assert "The second factor of clerk was removed." in text
        assert secret not in seen + text
        assert not AuthenticatorApp.objects.exists()
        assert not Passkey.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert events()[-1] == ("factor_removed", "admin", "all")
        assert own.get("/account/").status_code == 302
        send_password(client := Client())
        assert is_signed_in(client)
        text = boss.post("/admin/auth/user/", action, follow=True).content.decode()
        assert "Nothing was removed: clerk has no second factor." in text

    def test_can_do_so_by_a_command(self, own: Client, ann: User) -> None:
        set_up(own)
        output = StringIO()
        call_command("remove_second_factor", "clerk", stdout=output)
        assert "The second factor of clerk was removed." in output.getvalue()
        assert not AuthenticatorApp.objects.exists()
        assert own.get("/account/").status_code == 302
        assert events()[-1] == ("factor_removed", "", "all")
        for name in ("clerk", "nobody"):
            with pytest.raises(CommandError, match=f"{name} has no second factor"):
                call_command("remove_second_factor", name)

    @pytest.mark.parametrize("role", ["Registrar", "Clerk", "Viewer", "Nobody"])
    def test_is_nobody_else(
        self, ann: User, browser_of: Callable[[str], Client], role: str
    ) -> None:
        give_app(ann)
        User.objects.filter(username=role.lower()).update(username="other", email="other@x.example")
        action = {"action": "remove_second_factors", "_selected_action": [str(ann.pk)]}
        browser_of(role).post("/admin/auth/user/", action)
        assert AuthenticatorApp.objects.exists()
