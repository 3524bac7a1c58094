"""What all tests share: people of each role, signed in at each door."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient
from zeal.signals import nplusone_detected
from zeal.util import get_stack

Named = Callable[[str], User]


@pytest.fixture(autouse=True)
def no_row_by_row_reads() -> Iterator[list[str]]:
    """Fails a test in which a request reads for each row of a list what could be read for all at once; has what was seen of it."""
    told: list[str] = []

    def tell(exception: Exception, **_kwargs: object) -> None:
        _here, caller, *_further = get_stack()
        told.append(f"{exception} at {caller}")

    nplusone_detected.connect(tell)
    yield told
    nplusone_detected.disconnect(tell)
    assert told == []


@pytest.fixture
def user_of(db: None) -> Named:
    """Makes a user of a role: Registrar, Clerk, Viewer; `admin` is a superuser, any other name has no role."""

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
    """Makes an API client with a token of a user of a role."""

    def make(role: str) -> APIClient:
        client = APIClient(raise_request_exception=False)
        _token, secret = AuthToken.objects.create(user_of(role))
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


@pytest.fixture
def api(api_of: Callable[[str], APIClient]) -> APIClient:
    return api_of("Registrar")


@pytest.fixture
def browser_of(user_of: Named) -> Callable[[str], Client]:
    """Makes a signed-in browser session (without a browser) of a user of a role."""

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
