"""`manage.py add_user`."""

from io import StringIO
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def add_user(name: str, role: str, *options: str) -> list[str]:
    out = StringIO()
    call_command("add_user", name, "--role", role, *options, stdout=out)
    return out.getvalue().splitlines()


def roles(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PASSWORD", PASSWORD)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A terminal at which the return values of the mock are typed."""
    monkeypatch.delenv("SCHOOL_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", Mock(isatty=lambda: True))
    getpass = Mock(return_value=PASSWORD)
    monkeypatch.setattr("accounts.management.commands.add_user.getpass", getpass)
    return getpass


@pytest.mark.parametrize(
    ("role", "group", "staff"),
    [("registrar", "Registrar", True), ("clerk", "Clerk", False), ("viewer", "Viewer", False)],
)
def test_makes_a_user_with_a_role(given: None, role: str, group: str, staff: bool) -> None:
    assert add_user("ann", role, "--email", "ann@school.example") == [f"ann is a {role}."]
    user = User.objects.get()
    assert (user.username, user.email, user.is_staff, user.is_superuser, user.is_active) == (
        "ann",
        "ann@school.example",
        staff,
        False,
        True,
    )
    assert roles(user) == [group]
    assert user.check_password(PASSWORD)


@pytest.mark.usefixtures("given")
class TestThereAlready:
    def test_the_role_replaces_the_others_and_leaves_other_groups(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_user("ann", "registrar", "--email", "ann@school.example")
        user = User.objects.get()
        user.groups.add(Group.objects.create(name="Choir"), Group.objects.get(name="Viewer"))
        add_user("ann", "clerk")
        user.refresh_from_db()
        assert (roles(user), user.is_staff, user.email) == (
            ["Choir", "Clerk"],
            False,
            "ann@school.example",
        )

    def test_the_password_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        add_user("ann", "clerk")
        monkeypatch.delenv("SCHOOL_PASSWORD")
        add_user("ann", "viewer", "--email", "new@school.example")
        user = User.objects.get()
        assert (user.check_password(PASSWORD), user.email) == (True, "new@school.example")

    def test_a_password_that_is_given_replaces_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        add_user("ann", "clerk")
        monkeypatch.setenv("SCHOOL_PASSWORD", "another long sentence")
        add_user("ann", "clerk")
        assert User.objects.get().check_password("another long sentence")

    def test_a_superuser_may_still_open_the_admin(self) -> None:
        User.objects.create_superuser("root", password=PASSWORD)
        add_user("root", "clerk")
        assert User.objects.get().is_staff


def test_a_token_is_the_last_line_and_opens_the_api(given: None) -> None:
    secret = add_user("ann", "viewer", "--token")[-1]
    client = APIClient(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/students").status_code == 200
    assert client.post("/api/v1/students", {}).status_code == 403


def test_asks_for_the_password_twice(typed: Mock) -> None:
    add_user("ann", "clerk")
    assert User.objects.get().check_password(PASSWORD)
    assert typed.call_count == 2


def test_two_passwords_that_differ(typed: Mock) -> None:
    typed.side_effect = [PASSWORD, "something else"]
    with pytest.raises(CommandError, match="differ"):
        add_user("ann", "clerk")
    assert not User.objects.exists()


def test_no_terminal_and_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCHOOL_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", Mock(isatty=lambda: False))
    with pytest.raises(CommandError, match="Set SCHOOL_PASSWORD"):
        add_user("ann", "clerk")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short1!", "too short"),
        ("password", "too common"),
        ("8675309123", "entirely numeric"),
        ("annabelle-smith", "similar to the username"),
    ],
)
def test_a_password_that_is_too_weak(
    monkeypatch: pytest.MonkeyPatch, password: str, reason: str
) -> None:
    monkeypatch.setenv("SCHOOL_PASSWORD", password)
    with pytest.raises(CommandError, match=reason):
        add_user("annabelle-smith", "clerk")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "email", "reason"),
    [
        ("a b", "a@school.example", "valid username"),
        ("x" * 151, "a@school.example", "at most 150"),
        ("ann", "nowhere", "valid email"),
    ],
)
def test_a_name_or_email_that_is_not_good(given: None, name: str, email: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        add_user(name, "clerk", "--email", email)
    assert not User.objects.exists()


@pytest.mark.parametrize("arguments", [["ann"], ["ann", "--role", "head"], ["--role", "clerk"]])
def test_a_name_and_a_known_role_are_needed(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("add_user", *arguments)
