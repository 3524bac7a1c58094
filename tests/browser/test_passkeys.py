"""Passkeys, with an authenticator that Chromium simulates (WebAuthn.addVirtualAuthenticator)."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import AccessEvent
from accounts.second_factor.models import Passkey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(open_as: Callable[..., Page], live_server: LiveServer) -> Page:
    return open_as()


@pytest.fixture
def device(page: Page) -> CDPSession:
    """The simulated authenticator of the page."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def send_password(page: Page) -> None:
    page.goto("/login/")
    page.get_by_label("Username").fill("clerk")
    page.get_by_label("Password").fill("pass")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def add_passkey(page: Page, name: str = "Laptop") -> None:
    page.goto("/account/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    with page.expect_navigation():
        page.get_by_role("button", name="Add a passkey").click()
    with page.expect_navigation():
        page.get_by_role("link", name="I have kept them").click()


def test_one_is_registered_and_signs_in(
    page: Page, device: CDPSession, user_of: Callable[[str], User]
) -> None:
    user_of("Clerk")
    send_password(page)
    add_passkey(page)
    row = Passkey.objects.get()
    assert (row.name, row.last_used_at) == ("Laptop", None)

    with page.expect_navigation():
        page.get_by_role("button", name="Sign out clerk").click()
    send_password(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Sign out clerk")).to_be_visible()
    used = Passkey.objects.get()
    assert used.last_used_at is not None
    assert used.sign_count > row.sign_count
    details = AccessEvent.objects.filter(event__startswith="factor").order_by("pk")
    assert list(details.values_list("event", "detail")) == [
        ("factor_added", "passkey"),
        ("factor_used", "passkey"),
    ]


def test_a_copied_key_is_refused(
    page: Page, device: CDPSession, user_of: Callable[[str], User]
) -> None:
    """A device that counts its signatures never counts backwards."""
    user_of("Clerk")
    send_password(page)
    add_passkey(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out clerk").click()
    Passkey.objects.update(sign_count=1_000_000)
    send_password(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("This is wrong, or was used already.")
    assert Passkey.objects.get().last_used_at is None


def test_the_passkey_of_another_user_is_refused(
    page: Page, device: CDPSession, user_of: Callable[[str], User]
) -> None:
    """The device signs, but the passkey belongs to somebody else by now."""
    user_of("Clerk")
    other = user_of("Viewer")
    send_password(page)
    add_passkey(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out clerk").click()
    send_password(page)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_enabled()
    Passkey.objects.update(user=other)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("This is wrong, or was used already.")


def test_the_same_device_is_not_added_twice_and_a_failure_is_told(
    page: Page, device: CDPSession, user_of: Callable[[str], User]
) -> None:
    user_of("Clerk")
    send_password(page)
    add_passkey(page)
    page.goto("/account/second-factor/passkey/")
    page.get_by_label("Name").fill("Again")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey was not used. Please try again.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Again")


def test_a_name_is_needed(page: Page, device: CDPSession, user_of: Callable[[str], User]) -> None:
    user_of("Clerk")
    send_password(page)
    page.goto("/account/second-factor/passkey/")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_label("Name")).to_be_focused()
    assert not Passkey.objects.exists()


def test_without_javascript_a_code_still_works(
    open_as: Callable[..., Page], user_of: Callable[[str], User]
) -> None:
    user_of("Clerk")
    page = open_as(javascript=False)
    send_password(page)
    page.goto("/account/second-factor/passkey/")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_disabled()
    page.goto("/account/second-factor/app/")
    expect(page.get_by_role("img")).to_be_visible()
