"""Sign-in by an identity provider, against one of the tests' own."""

from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from accounts import single_sign_on
from accounts.models import AccessEvent, RoleOptions, SignInSession, SingleSignOnIdentity
from accounts.roles import get_role_group
from tests.accounts.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    make_key,
    path_of,
    run_identity_provider,
)
from tests.accounts.second_factors import code_now, give_app, is_signed_in

pytestmark = pytest.mark.django_db

REFUSED = "The sign-in was not completed. Please try again."


@pytest.fixture(scope="module")
def running_provider() -> Iterator[IdentityProvider]:
    with run_identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: IdentityProvider, settings: Any) -> IdentityProvider:
    """The provider as it is at first, and this school as its client."""
    fresh = IdentityProvider(running_provider.issuer, running_provider.key)
    vars(running_provider).update(vars(fresh))
    settings.OIDC_ISSUER = fresh.issuer
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.OIDC_NAME = "Campus"
    settings.AUTHENTICATION_BACKENDS = [
        *settings.PASSWORD_BACKENDS,
        *settings.SINGLE_SIGN_ON_BACKENDS,
    ]
    single_sign_on.make_client.cache_clear()
    return running_provider


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


def go_to_provider(client: Client, path: str = "/login/sso/") -> str:
    """Return the path with which the provider leads back."""
    start = client.get(path)
    assert start.status_code == 302
    back = requests.get(start["Location"], allow_redirects=False, timeout=10)
    return path_of(back.headers["Location"])


def sign_in(client: Client, path: str = "/login/sso/") -> Any:
    return client.get(go_to_provider(client, path))


def text_of(client: Client, answer: Any) -> str:
    """The text of the page to which `answer` leads."""
    return client.get(answer["Location"]).content.decode()


class TestSignIn:
    def test_is_offered_and_leads_to_the_page_that_was_asked_for(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        text = client.get("/students/?q=ann", follow=True).content.decode()
        assert "Sign in with Campus" in text
        path = "/login/sso/?next=/students/%3Fq%3Dann"
        assert f'href="{path}"' in text
        answer = sign_in(client, path)
        assert (answer.status_code, answer["Location"]) == (302, "/students/?q=ann")
        assert client.get("/students/?q=ann").status_code == 200

    def test_sends_state_nonce_and_challenge(
        self, client: Client, provider: IdentityProvider
    ) -> None:
        sent = parse_qs(urlsplit(client.get("/login/sso/")["Location"]).query)
        other = parse_qs(urlsplit(client.get("/login/sso/")["Location"]).query)
        assert sent["scope"] == ["openid email profile"]
        assert sent["redirect_uri"] == ["http://testserver/login/sso/callback/"]
        for name in ("state", "nonce", "code_challenge"):
            assert len(sent[name][0]) >= 20
            assert sent[name] != other[name]

    def test_makes_an_ordinary_session_that_is_on_record(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        client.get("/login/")
        token = client.cookies["csrftoken"].value
        sign_in(client)
        assert client.cookies["csrftoken"].value != token
        row = SignInSession.objects.get(user=ann)
        assert row.signed_in_at is not None
        assert "Where you are signed in" in client.get("/account/").content.decode()
        rows = AccessEvent.objects.values_list("event", "name", "who", "detail")
        assert list(rows) == [("sign_in", "clerk", "clerk", "single_sign_on")]

    @pytest.mark.parametrize("address", ["https://other.example/", "//other.example/"])
    def test_leads_to_no_other_site(
        self, client: Client, provider: IdentityProvider, ann: User, address: str
    ) -> None:
        assert sign_in(client, f"/login/sso/?next={address}")["Location"] == "/"

    def test_does_not_exist_without_a_provider(self, client: Client) -> None:
        assert client.get("/login/sso/").status_code == 404
        assert client.get("/login/sso/callback/?code=1&state=1").status_code == 404
        assert "/login/sso/" not in client.get("/login/").content.decode()

    def test_of_a_user_who_is_signed_in_asks_again_at_the_provider(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        sign_in(client)
        assert "prompt=login" in client.get("/login/sso/")["Location"]
        assert "Sign in with Campus" in client.get("/account/confirm/").content.decode()

    def test_ends_with_its_user(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        sign_in(client)
        ann.is_active = False
        ann.save()
        assert client.get("/account/").status_code == 302

    def test_reads_the_metadata_and_keys_once(self, provider: IdentityProvider, ann: User) -> None:
        for _time in range(3):
            sign_in(Client())
        assert provider.requests.count("/.well-known/openid-configuration") == 1
        assert provider.requests.count("/keys") == 1

    def test_finds_a_new_key_of_the_provider(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        sign_in(Client())
        old, provider.key = provider.key, make_key()
        try:
            sign_in(client)
        finally:
            provider.key = old
        assert is_signed_in(client)


def sign_with_none(_header: Any, claims: Any) -> str:
    return jwt.encode(
        {"alg": "none"}, claims, OctKey.generate_key(), registry=JWSRegistry(algorithms=["none"])
    )


def sign_with_secret(secret: str) -> Callable[[Any, Any], str]:
    def sign(header: Any, claims: Any) -> str:
        return jwt.encode({**header, "alg": "HS256"}, claims, OctKey.import_key(secret))

    return sign


class TestRefusal:
    def expect_refusal(self, client: Client, answer: Any, *, is_recorded: bool = True) -> None:
        assert (answer.status_code, answer["Location"]) == (302, "/login/")
        assert REFUSED in text_of(client, answer)
        assert not is_signed_in(client)
        rows = AccessEvent.objects.filter(event="sign_in_failed")
        expected = [("", "single_sign_on")] if is_recorded else []
        assert list(rows.values_list("who", "detail")) == expected

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": 1_700_000_000, "iat": 1_699_999_000},
            {"exp": None},
            {"iat": 4_000_000_000},
            {"aud": "another client"},
            {"aud": ["another client", "a third"], "azp": CLIENT_ID},
            {"aud": None},
            {"iss": "https://other.example"},
            {"iss": None},
            {"nonce": "another"},
            {"nonce": None},
            {"sub": None},
            {"azp": "another client"},
        ],
        ids=str,
    )
    def test_of_a_token_with_wrong_claims(
        self, client: Client, provider: IdentityProvider, ann: User, changes: dict[str, Any]
    ) -> None:
        provider.changes = changes
        self.expect_refusal(client, sign_in(client))

    def test_of_a_token_signed_by_another_key(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        other = make_key()
        provider.sign = lambda header, claims: jwt.encode(header, claims, other)
        self.expect_refusal(client, sign_in(client))

    @pytest.mark.parametrize("kind", ["none", "client secret", "public key", "no token", "garbage"])
    def test_of_a_token_without_a_signature_by_the_key(
        self, client: Client, provider: IdentityProvider, ann: User, kind: str
    ) -> None:
        provider.sign = {
            "none": sign_with_none,
            "client secret": sign_with_secret(CLIENT_SECRET * 2),
            "public key": sign_with_secret(provider.key.as_pem(private=False).decode()),
            "no token": lambda *_: "",
            "garbage": lambda *_: "a.b.c",
        }[kind]
        self.expect_refusal(client, sign_in(client))

    def test_of_a_callback_that_is_sent_twice(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        callback = go_to_provider(client)
        assert client.get(callback)["Location"] == "/"
        client.post("/logout/")
        self.expect_refusal(client, client.get(callback), is_recorded=False)

    def test_of_a_code_in_another_browser(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        callback = go_to_provider(client)
        thief = Client()
        go_to_provider(thief)
        self.expect_refusal(thief, thief.get(callback))

    def test_of_a_code_that_was_used_in_another_start(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        """The state is right, but the code belongs to another challenge."""
        stolen = parse_qs(urlsplit(go_to_provider(Client())).query)["code"][0]
        state = parse_qs(urlsplit(go_to_provider(client)).query)["state"][0]
        answer = client.get("/login/sso/callback/", {"code": stolen, "state": state})
        self.expect_refusal(client, answer)

    @pytest.mark.parametrize(
        "query", [{}, {"code": "x"}, {"state": "x"}, {"error": "access_denied"}, {"code": "x\0"}]
    )
    def test_of_an_odd_callback(
        self, client: Client, provider: IdentityProvider, query: dict[str, str]
    ) -> None:
        self.expect_refusal(client, client.get("/login/sso/callback/", query), is_recorded=False)

    @pytest.mark.parametrize(
        "metadata", [{"issuer": "https://other.example"}, {"authorization_endpoint": None}]
    )
    def test_of_wrong_metadata(
        self, client: Client, provider: IdentityProvider, metadata: dict[str, Any]
    ) -> None:
        provider.metadata = metadata
        self.expect_refusal(client, client.get("/login/sso/"))

    def test_while_the_provider_is_away(
        self, client: Client, provider: IdentityProvider, settings: Any
    ) -> None:
        settings.OIDC_ISSUER = "http://127.0.0.1:9"
        self.expect_refusal(client, client.get("/login/sso/"))


class TestLimit:
    @pytest.fixture(autouse=True)
    def low_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("school.single_sign_on.LIMIT_OF_ADDRESS", 3)

    def test_stops_starts_that_lead_nowhere(
        self, client: Client, provider: IdentityProvider
    ) -> None:
        statuses = [client.get("/login/sso/").status_code for _time in range(4)]
        assert statuses == [302, 302, 302, 429]

    def test_stops_no_sign_ins(self, provider: IdentityProvider, ann: User) -> None:
        for _time in range(4):
            assert sign_in(Client())["Location"] == "/"


class TestPerson:
    def test_is_found_by_a_verified_address_and_then_for_good(
        self, provider: IdentityProvider, ann: User
    ) -> None:
        provider.claims["email"] = "Clerk@School.example"
        sign_in(client := Client())
        assert is_signed_in(client)
        provider.claims |= {"email": "new@school.example", "email_verified": False}
        sign_in(client := Client())
        assert client.session["_auth_user_id"] == str(ann.pk)
        assert SingleSignOnIdentity.objects.get().user == ann

    def test_with_the_address_of_somebody_who_signed_in_before_is_another(
        self, provider: IdentityProvider, ann: User, user_of: Callable[[str], User]
    ) -> None:
        viewer = user_of("Viewer")
        sign_in(Client())
        provider.claims = {"sub": "person-2", "email": viewer.email, "email_verified": True}
        sign_in(client := Client())
        assert client.session["_auth_user_id"] == str(viewer.pk)

    @pytest.mark.parametrize(
        ("claims", "trusts", "is_found"),
        [
            ({}, False, True),
            ({"email_verified": False}, False, False),
            ({"email_verified": None}, False, False),
            ({"email_verified": "true"}, False, False),
            ({"email_verified": None}, True, True),
            ({"email": "nobody@school.example"}, True, False),
            ({"email": None}, True, False),
        ],
    )
    def test_is_refused_without_an_account(
        self,
        client: Client,
        provider: IdentityProvider,
        ann: User,
        settings: Any,
        claims: dict[str, Any],
        trusts: bool,
        is_found: bool,
    ) -> None:
        settings.OIDC_TRUST_EMAIL = trusts
        User.objects.create_user("noaddress")
        provider.changes = claims
        answer = sign_in(client)
        assert is_signed_in(client) is is_found
        if not is_found:
            assert "You have no account here yet." in text_of(client, answer)
            assert not SingleSignOnIdentity.objects.exists()
        assert User.objects.count() == 2

    def test_whose_address_several_users_have_is_refused(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        User.objects.create_user("twin", ann.email.upper())
        sign_in(client)
        assert not is_signed_in(client)

    @pytest.mark.parametrize("known", [False, True])
    def test_who_is_inactive_is_refused(
        self, client: Client, provider: IdentityProvider, ann: User, known: bool
    ) -> None:
        if known:
            sign_in(Client())
        ann.is_active = False
        ann.save()
        assert "Your account is not active." in text_of(client, sign_in(client))
        assert not is_signed_in(client)
        event = AccessEvent.objects.order_by("pk").last()
        assert event is not None
        assert (event.event, event.name) == ("sign_in_failed", "clerk@school.example")

    def test_gets_an_account_if_the_setting_allows_it(
        self, client: Client, provider: IdentityProvider, settings: Any
    ) -> None:
        settings.OIDC_CREATE_USERS = True
        provider.claims |= {
            "preferred_username": "zoe",
            "given_name": "Zoë",
            "family_name": "Young",
            "email": "zoe@school.example",
        }
        sign_in(client)
        user = User.objects.get()
        assert (user.username, user.get_full_name()) == ("zoe", "Zoë Young")
        assert (user.email, user.has_usable_password()) == ("zoe@school.example", False)
        assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
        assert client.session["_auth_user_id"] == str(user.pk)

    @pytest.mark.parametrize(
        "claims",
        [
            {"preferred_username": "clerk", "email": "other@school.example"},
            {"preferred_username": "new", "email": "CLERK@school.example"},
            {"preferred_username": None, "email": None},
            {"preferred_username": "two words", "email": "other@school.example"},
        ],
    )
    def test_gets_nobody_elses_name_or_address(
        self,
        client: Client,
        provider: IdentityProvider,
        ann: User,
        settings: Any,
        claims: dict[str, Any],
    ) -> None:
        settings.OIDC_CREATE_USERS = True
        User.objects.create_user("twin", ann.email)
        provider.changes = claims
        sign_in(client)
        assert not is_signed_in(client)
        assert User.objects.count() == 2

    def test_gets_no_address_that_is_not_verified(
        self, client: Client, provider: IdentityProvider, ann: User, settings: Any
    ) -> None:
        """Otherwise whoever has the address would later become the same user."""
        settings.OIDC_CREATE_USERS = True
        provider.changes = {"preferred_username": "new", "email_verified": False}
        sign_in(client)
        assert User.objects.get(pk=client.session["_auth_user_id"]).email == ""


class TestRoles:
    @pytest.fixture(autouse=True)
    def mapping(self, settings: Any) -> None:
        settings.OIDC_ROLES_CLAIM = "groups"
        settings.OIDC_ROLES = {"office": "registrar", "desk": "clerk", "all": "viewer"}

    @pytest.mark.parametrize(
        ("groups", "role", "is_staff"),
        [
            (["office", "all"], "Registrar", True),
            (["all", "desk"], "Clerk", False),
            ("desk", "Clerk", False),
            (["other"], None, False),
            ([], None, False),
            (None, None, False),
        ],
    )
    def test_are_those_of_the_claim_at_each_sign_in(
        self,
        provider: IdentityProvider,
        ann: User,
        groups: Any,
        role: str | None,
        is_staff: bool,
    ) -> None:
        for _time in range(2):
            provider.changes = {"groups": groups}
            sign_in(Client())
            ann.refresh_from_db()
            assert [group.name for group in ann.groups.all()] == ([role] if role else [])
            assert ann.is_staff is is_staff
            get_role_group("registrar").user_set.add(ann)

    @pytest.mark.parametrize(
        ("name", "claims"),
        [
            ("realm_access.roles", {"realm_access": {"roles": ["office"]}}),
            ("https://school.example/roles", {"https://school.example/roles": ["office"]}),
        ],
    )
    def test_are_those_of_a_claim_whose_name_has_dots(
        self, provider: IdentityProvider, ann: User, settings: Any, name: str, claims: Any
    ) -> None:
        settings.OIDC_ROLES_CLAIM = name
        provider.changes = claims
        sign_in(Client())
        assert [group.name for group in ann.groups.all()] == ["Registrar"]
        provider.changes = {"realm_access": "office"}
        sign_in(Client())
        assert not ann.groups.exists()

    def test_stay_without_a_mapping(
        self, provider: IdentityProvider, ann: User, settings: Any
    ) -> None:
        settings.OIDC_ROLES_CLAIM = ""
        provider.changes = {"groups": ["office"]}
        sign_in(Client())
        assert [group.name for group in ann.groups.all()] == ["Clerk"]


class TestSecondFactor:
    def test_is_asked_for_after_the_provider(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        give_app(ann)
        text = sign_in(client, "/login/sso/?next=/students/").content.decode()
        assert 'name="one_time_code"' in text
        assert not is_signed_in(client)
        answer = client.post("/login/second-factor/", {"one_time_code": code_now()})
        assert answer["Location"] == "/students/"
        assert is_signed_in(client)

    @pytest.mark.parametrize("has_one", [True, False])
    def test_is_not_asked_for_if_the_provider_has_one(
        self,
        client: Client,
        provider: IdentityProvider,
        ann: User,
        settings: Any,
        has_one: bool,
    ) -> None:
        settings.OIDC_HAS_SECOND_FACTOR = True
        RoleOptions(group=get_role_group("clerk"), requires_second_factor=True).save()
        if has_one:
            give_app(ann)
        sign_in(client)
        assert client.get("/students/").status_code == 200

    def test_that_a_role_requires_must_be_set_up(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        RoleOptions(group=get_role_group("clerk"), requires_second_factor=True).save()
        sign_in(client)
        assert client.get("/students/")["Location"] == "/account/second-factor/"


class TestWithoutPasswords:
    @pytest.fixture(autouse=True)
    def no_passwords(self, provider: IdentityProvider, settings: Any) -> None:
        settings.PASSWORD_SIGN_IN = False
        settings.AUTHENTICATION_BACKENDS = settings.SINGLE_SIGN_ON_BACKENDS

    def test_nobody_signs_in_by_one(self, client: Client, ann: User) -> None:
        text = client.get("/login/").content.decode()
        assert 'name="password"' not in text
        assert "Sign in with Campus" in text
        for path in ("/login/", "/admin/login/"):
            client.post(path, {"username": "clerk", "password": "pass"})
            assert not is_signed_in(client)
        assert not AccessEvent.objects.exists()

    def test_the_pages_of_passwords_do_not_exist(self, client: Client, ann: User) -> None:
        sign_in(client)
        for path in ("/account/password/", "/account/reset/", "/account/reset/x/y/"):
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404
        assert "/account/password/" not in client.get("/account/").content.decode()
        assert 'name="password"' not in client.get("/account/confirm/").content.decode()
        client.post("/account/confirm/", {"password": "pass"})

    def test_sessions_by_password_have_ended(
        self, client: Client, ann: User, settings: Any
    ) -> None:
        settings.AUTHENTICATION_BACKENDS = settings.PASSWORD_BACKENDS
        client.force_login(ann)
        assert client.get("/account/").status_code == 200
        settings.AUTHENTICATION_BACKENDS = settings.SINGLE_SIGN_ON_BACKENDS
        assert client.get("/account/").status_code == 302

    def test_no_link_is_sent(
        self, client: Client, user_of: Callable[[str], User], ann: User, mailoutbox: list[Any]
    ) -> None:
        client.force_login(user_of("admin"))
        action = {"action": "send_reset_links", "_selected_action": [str(ann.pk)]}
        client.post("/admin/auth/user/", action)
        assert not mailoutbox


def test_a_form_that_came_after_the_sign_in_had_ended_is_kept(
    client: Client, provider: IdentityProvider, ann: User
) -> None:
    """The provider opens in a new tab; the old one offers the form afterwards."""
    text = client.post("/students/new/", {"first_name": "Typed"}).content.decode()
    assert 'target="_blank"' in text
    assert "I am signed in" in text
    kept = {"kept": "first_name=Typed", "kept_address": "/students/new/"}
    sign_in(client)
    text = client.post("/login/", {"username": "", "password": "", **kept}).content.decode()
    assert "You are signed in. Send it now?" in text
    assert 'value="Typed"' in text


class TestSignOut:
    @pytest.fixture
    def endpoint(self, provider: IdentityProvider) -> str:
        provider.metadata = {"end_session_endpoint": f"{provider.issuer}/sign-out"}
        return f"{provider.issuer}/sign-out?"

    @pytest.mark.parametrize("path", ["/logout/", "/admin/logout/"])
    def test_offers_the_one_of_the_provider(
        self, client: Client, endpoint: str, ann: User, path: str
    ) -> None:
        User.objects.filter(pk=ann.pk).update(is_staff=True)
        sign_in(client)
        text = client.post(path, follow=True).content.decode()
        assert not is_signed_in(client)
        assert "You are signed out here, but not at Campus." in text
        address = unescape(text.partition(f'href="{endpoint}')[2].partition('"')[0])
        sent = parse_qs(address)
        assert sent["client_id"] == [CLIENT_ID]
        assert sent["post_logout_redirect_uri"] == ["http://testserver/login/"]

    def test_does_not_wait_for_the_provider(
        self, client: Client, provider: IdentityProvider, endpoint: str, ann: User
    ) -> None:
        sign_in(client)
        # As in another process, which has not read the metadata.
        single_sign_on.make_client.cache_clear()
        requests_before = [*provider.requests]
        assert "not at Campus" in client.post("/logout/", follow=True).content.decode()
        assert provider.requests == requests_before

    def test_is_enough_where_the_provider_has_none(
        self, client: Client, provider: IdentityProvider, ann: User
    ) -> None:
        sign_in(client)
        text = client.post("/logout/", follow=True).content.decode()
        assert not is_signed_in(client)
        assert "not at Campus" not in text

    def test_by_a_password_offers_nothing(self, client: Client, endpoint: str, ann: User) -> None:
        client.force_login(ann, "accounts.backends.PasswordBackend")
        assert "not at Campus" not in client.post("/logout/", follow=True).content.decode()


class TestLink:
    def test_is_shown_in_the_admin_and_can_be_undone(
        self, client: Client, provider: IdentityProvider, ann: User, user_of: Callable[[str], User]
    ) -> None:
        admin = Client()
        admin.force_login(user_of("admin"))
        page = f"/admin/auth/user/{ann.pk}/change/"
        assert f"at {provider.issuer}" not in admin.get(page).content.decode()
        sign_in(client)
        assert f"person-1 at {provider.issuer}" in admin.get(page).content.decode()

        wish = {"action": "unlink_identities", "_selected_action": [ann.pk]}
        text = admin.post("/admin/auth/user/", wish, follow=True).content.decode()
        assert "lerk is not linked to single sign-on any more." in text
        assert not SingleSignOnIdentity.objects.exists()
        assert not is_signed_in(client)
        last = AccessEvent.objects.first()
        assert last is not None
        assert (last.event, last.name, last.who) == ("unlinked", "clerk", "admin")
        text = admin.post("/admin/auth/user/", wish, follow=True).content.decode()
        assert "Nothing was unlinked: clerk never came by single sign-on." in text
