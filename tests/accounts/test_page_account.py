"""`/account/`: the own password, sessions and tokens; a page for everybody who is signed in."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken

from accounts.models import AccessEvent, Event, SignInSession

pytestmark = pytest.mark.django_db

NEW = "a long new one 7"
FIELDS = {"old_password": "pass", "new_password1": NEW, "new_password2": NEW}


def sign_in(name: str = "clerk", password: str = "pass", agent: str = "") -> Client:
    client = Client(headers={"user-agent": agent})
    client.post("/login/", {"username": name, "password": password})
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/account/").status_code == 200)


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


@pytest.mark.parametrize("role", ["admin", "Registrar", "Clerk", "Viewer", "Nobody"])
def test_everybody_has_one_with_a_link_on_every_page(
    browser_of: Callable[[str], Client], role: str
) -> None:
    browser = browser_of(role)
    text = browser.get("/account/").content.decode()
    assert "Where you are signed in" in text
    assert 'href="/account/"' in browser.get("/").content.decode()


def test_the_admin_links_it_too(browser_of: Callable[[str], Client]) -> None:
    assert 'href="/account/"' in browser_of("admin").get("/admin/").content.decode()


class TestPassword:
    def test_is_changed_with_the_old_one_and_ends_other_sessions(self, ann: User) -> None:
        here, there = sign_in(), sign_in()
        answer = here.post("/account/password/", FIELDS, follow=True)
        assert "Your password was changed." in answer.content.decode()
        assert (is_signed_in(here), is_signed_in(there)) == (True, False)
        assert SignInSession.objects.count() == 1
        assert is_signed_in(sign_in(password=NEW))
        assert not is_signed_in(sign_in())

    def test_the_session_gets_another_key(self, ann: User) -> None:
        client = sign_in()
        before = client.cookies["sessionid"].value
        client.post("/account/password/", FIELDS)
        assert client.cookies["sessionid"].value != before

    @pytest.mark.parametrize(("revoke", "left"), [({}, 1), ({"revoke_tokens": "on"}, 0)])
    def test_tokens_are_revoked_if_wished(
        self, ann: User, revoke: dict[str, str], left: int
    ) -> None:
        AuthToken.objects.create(ann)
        answer = sign_in().post("/account/password/", FIELDS | revoke, follow=True)
        assert AuthToken.objects.count() == left
        assert ("1 token was revoked." in answer.content.decode()) == (not left)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"old_password": "other"},
            {"new_password2": "another one 8"},
            {"new_password1": "clerk", "new_password2": "clerk"},
        ],
    )
    def test_a_wrong_form_changes_nothing(self, ann: User, wrong: dict[str, str]) -> None:
        client = sign_in()
        answer = client.post("/account/password/", FIELDS | wrong)
        assert answer.status_code == 422
        assert NEW not in answer.content.decode()
        assert is_signed_in(sign_in())


class TestSessions:
    def test_are_listed_without_their_keys(self, ann: User) -> None:
        client = sign_in(agent="Here")
        sign_in(agent="There")
        text = client.get("/account/").content.decode()
        assert "Here" in text
        assert "There" in text
        for row in SignInSession.objects.all():
            assert row.session_key not in text

    @pytest.mark.parametrize(
        ("agent", "name"),
        [
            (
                (
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
                    "AppleWebKit/537.36 (KHTML, like Gecko) "
                    "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
                ),
                "Edge, Windows",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0", "Firefox, Linux"),
            (
                (
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
                    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
                ),
                "Safari, iPhone",
            ),
            ("curl/8.5.0", ""),
        ],
    )
    def test_have_a_short_name(self, agent: str, name: str) -> None:
        assert SignInSession(user_agent=agent).browser == name

    def test_one_is_ended(self, ann: User) -> None:
        here, there = sign_in(), sign_in(agent="There")
        row = SignInSession.objects.get(user_agent="There")
        here.post(f"/account/sessions/{row.public_id}/end/")
        assert (is_signed_in(here), is_signed_in(there)) == (True, False)
        assert AccessEvent.objects.filter(event=Event.SESSIONS_ENDED, who="clerk").exists()

    def test_all_others_are_ended(self, ann: User) -> None:
        here, *others = (sign_in() for _time in range(3))
        here.post("/account/sessions/end/")
        assert is_signed_in(here)
        assert [is_signed_in(other) for other in others] == [False, False]

    def test_those_of_others_are_neither_shown_nor_ended(
        self, ann: User, user_of: Callable[[str], User]
    ) -> None:
        user_of("Viewer")
        here, other = sign_in(), sign_in("viewer", agent="Elsewhere")
        row = SignInSession.objects.get(user_agent="Elsewhere")
        assert "Elsewhere" not in here.get("/account/").content.decode()
        assert here.post(f"/account/sessions/{row.public_id}/end/").status_code == 404
        here.post("/account/sessions/end/")
        assert is_signed_in(other)
        for path in ("/account/sessions/end/", f"/account/sessions/{row.public_id}/end/"):
            assert here.get(path).status_code == 405


class TestAdministrator:
    def test_makes_a_person_without_seeing_a_secret(
        self, browser_of: Callable[[str], Client], mailoutbox: list[object]
    ) -> None:
        fields = {
            "username": "bob",
            "first_name": "Bob",
            "last_name": "Best",
            "email": "bob@school.example",
            "role": "clerk",
            "usable_password": "false",
        }
        boss = browser_of("admin")
        answer = boss.post("/admin/auth/user/add/", fields)
        assert answer.status_code == 302
        bob = User.objects.get(username="bob")
        assert [group.name for group in bob.groups.all()] == ["Clerk"]
        assert not bob.has_usable_password()

    @pytest.mark.django_db(transaction=True)
    def test_a_new_person_gets_a_link_to_set_the_password(self, mailoutbox: list[object]) -> None:
        User.objects.create_superuser("admin", "admin@school.example", "pass")
        boss = sign_in("admin")
        fields = {"username": "bob", "email": "bob@school.example", "usable_password": "false"}
        boss.post("/admin/auth/user/add/", fields)
        [mail] = mailoutbox
        assert mail.to == ["bob@school.example"]  # type: ignore[attr-defined]

    def test_ends_sessions(self, ann: User, browser_of: Callable[[str], Client]) -> None:
        client = sign_in()
        action = {"action": "end_sessions", "_selected_action": [str(ann.pk)]}
        answer = browser_of("admin").post("/admin/auth/user/", action, follow=True)
        assert "1 session has ended." in answer.content.decode()
        assert not is_signed_in(client)

    def test_sends_a_reset(
        self, ann: User, browser_of: Callable[[str], Client], mailoutbox: list[object]
    ) -> None:
        User.objects.create_user("nomail")
        users = User.objects.filter(username__in=["clerk", "nomail"])
        action = {
            "action": "send_reset_links",
            "_selected_action": [str(user.pk) for user in users],
        }
        text = browser_of("admin").post("/admin/auth/user/", action, follow=True).content.decode()
        assert "A link to set a password was sent to clerk@school.example." in text
        assert "No link was sent: nomail has no email address or is not active." in text
        assert len(mailoutbox) == 1
