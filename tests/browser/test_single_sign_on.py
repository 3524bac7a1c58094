"""Single sign-on in a browser: the way to the provider, which is another site, and back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from accounts import single_sign_on
from tests.accounts.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    run_identity_provider,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def provider(settings: Any, faults: list[str]) -> Iterator[IdentityProvider]:
    with run_identity_provider() as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Campus"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.AUTHENTICATION_BACKENDS = [
            *settings.PASSWORD_BACKENDS,
            *settings.SINGLE_SIGN_ON_BACKENDS,
        ]
        single_sign_on.make_client.cache_clear()
        yield provider
        # The only other host that the browser may visit.
        faults[:] = [fault for fault in faults if provider.issuer not in fault]


def test_leads_to_the_provider_and_back(
    open_as: Callable[..., Page], user_of: Callable[[str], User], provider: IdentityProvider
) -> None:
    user_of("Clerk")
    page = open_as()
    page.goto("/students/?q=ann")
    page.get_by_role("link", name="Sign in with Campus").click()
    expect(page.get_by_role("button", name="Sign out clerk")).to_be_visible()
    assert page.url.endswith("/students/?q=ann")


def test_keeps_a_form_that_came_after_the_sign_in_had_ended(
    open_as: Callable[..., Page], user_of: Callable[[str], User], provider: IdentityProvider
) -> None:
    page = open_as("Clerk")
    page.goto("/account/password/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Old password").fill("pass")
    page.get_by_label("New password", exact=True).fill("a long one 1")
    page.get_by_label("New password confirmation").fill("a long one 1")
    page.get_by_label("Revoke my API tokens too").check()
    page.locator("main form button[type=submit]").click()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Sign in with Campus").click()
    expect(popup.value.get_by_role("button", name="Sign out clerk")).to_be_visible()
    page.get_by_role("button", name="I am signed in").click()
    expect(page.get_by_role("heading", name="You are signed in. Send it now?")).to_be_visible()
    assert page.locator("input[name=revoke_tokens]").input_value() == "on"
