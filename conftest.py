"""Fixtures of all tests: users of each role, and clients that are signed in as them."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient
from zeal.signals import nplusone_detected
from zeal.util import get_stack

from accounts.models import TokenDetails

Named = Callable[[str], User]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of pages. They take long and depend least on the database."""
    for item in items:
        if item.path.name.startswith(("test_page_", "test_admin_")):
            item.add_marker("page")


@pytest.fixture(autouse=True)
def no_row_by_row_reads() -> Iterator[list[str]]:
    """Fails a test in which a request runs a query for each row. Returns what zeal detected."""
    detected: list[str] = []

    def collect(exception: Exception, **_kwargs: object) -> None:
        _here, caller, *_further = get_stack()
        detected.append(f"{exception} at {caller}")

    nplusone_detected.connect(collect)
    yield detected
    nplusone_detected.disconnect(collect)
    assert detected == []


@pytest.fixture
def user_of(db: None) -> Named:
    """Returns a function that makes a user of the role Registrar, Clerk or Viewer.

    For `admin` it makes a superuser, for other names a user without a role.
    """

    def make(role: str) -> User:
        if role == "admin":
            return User.objects.create_superuser("admin", "admin@school.example", "pass")
        user = User.objects.create_user(
            role.lower(), f"{role.lower()}@school.example", "pass", is_staff=role == "Registrar"
        )
        user.groups.set(Group.objects.filter(name=role))
        return user

    return make


@pytest.fixture
def api_of(user_of: Named) -> Callable[[str], APIClient]:
    """Returns a function that makes an API client with a token of a user of a role."""

    def make(role: str) -> APIClient:
        client = APIClient(raise_request_exception=False)
        token, secret = AuthToken.objects.create(user_of(role))
        # The first use of a token on a day takes one more query.
        TokenDetails.objects.create(token=token, last_used_on=timezone.localdate())
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


@pytest.fixture
def api(api_of: Callable[[str], APIClient]) -> APIClient:
    return api_of("Registrar")


@pytest.fixture
def browser_of(user_of: Named) -> Callable[[str], Client]:
    """Returns a function that makes a test client that is signed in as a user of a role."""

    def make(role: str) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user_of(role))
        return client

    return make


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


@pytest.fixture
def clerk(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Clerk")


@pytest.fixture
def viewer(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Viewer")
