"""Each change of a user, a role or a token leaves one record."""

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory
from knox.models import AuthToken

from accounts.models import AccessChange
from core.history.actor import Door, record_changes_as

pytestmark = pytest.mark.django_db
HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]


def records_of(act: Callable[[], object]) -> list[tuple[str, str, Any, Any]]:
    """Call `act` and return kind, name, before and after of each record that it leaves."""
    last = AccessChange.objects.count()
    act()
    return list(AccessChange.objects.order_by("pk").values_list("kind", "name", "before", "after"))[
        last:
    ]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", "ann@school.example", "pass")


def change(user: User, **values: object) -> list[Any]:
    for name, value in values.items():
        setattr(user, name, value)
    return records_of(user.save)


class TestUsers:
    def test_made(self) -> None:
        [(kind, name, before, after)] = records_of(
            lambda: User.objects.create_user("ann", "ann@school.example", "pass", is_staff=True)
        )
        assert (kind, name, before) == ("user", "ann", None)
        expected = {
            "username": "ann",
            "email": "ann@school.example",
            "first_name": "",
            "last_name": "",
            "is_active": True,
            "is_staff": True,
        }
        assert after == expected | {"is_superuser": False, "password": "set"}

    def test_changed_with_the_changed_fields_only(self, ann: User) -> None:
        assert change(ann, email="a@school.example", is_active=False) == [
            (
                "user",
                "ann",
                {"email": "ann@school.example", "is_active": True},
                {"email": "a@school.example", "is_active": False},
            )
        ]

    def test_renamed(self, ann: User) -> None:
        assert change(ann, username="anna") == [
            ("user", "ann", {"username": "ann"}, {"username": "anna"})
        ]

    def test_fields_that_were_not_saved_are_not_recorded(self, ann: User) -> None:
        ann.email, ann.is_staff = "other@school.example", True
        assert records_of(lambda: ann.save(update_fields=["is_staff"])) == [
            ("user", "ann", {"is_staff": False}, {"is_staff": True})
        ]

    def test_another_password_without_its_hash(self, ann: User) -> None:
        ann.set_password("another")
        assert records_of(ann.save) == [("user", "ann", {"password": "set"}, {"password": "new"})]
        ann.set_unusable_password()
        assert records_of(ann.save) == [("user", "ann", {"password": "set"}, {"password": "none"})]
        assert "$" not in json.dumps(list(AccessChange.objects.values("before", "after")))

    def test_a_password_whose_hash_alone_was_stored(self, ann: User) -> None:
        ann.password = make_password("another")
        assert records_of(lambda: ann.save(update_fields=["password"])) == [
            ("user", "ann", {"password": "set"}, {"password": "new"})
        ]

    def test_deleted_with_its_tokens(self, ann: User) -> None:
        ann.groups.add(Group.objects.get(name="Clerk"))
        token, _secret = AuthToken.objects.create(ann)
        gone = {kind: (name, before, after) for kind, name, before, after in records_of(ann.delete)}
        name, before, after = gone["user"]
        assert (name, before["username"], before["roles"], before["permissions"], after) == (
            "ann",
            "ann",
            ["Clerk"],
            [],
            None,
        )
        name, before, after = gone["token"]
        assert (name, before["user"], after) == (token.token_key, "ann", None)

    def test_deleted_by_a_list(self, ann: User) -> None:
        User.objects.create_user("bob")
        assert [
            name for _kind, name, _before, _after in records_of(lambda: User.objects.all().delete())
        ] == ["ann", "bob"]

    def test_a_sign_in_leaves_none(self, ann: User) -> None:
        assert records_of(lambda: Client().login(username="ann", password="pass")) == []

    def test_a_sign_in_that_stores_the_same_password_in_a_newer_way_leaves_none(
        self, ann: User, settings: Any
    ) -> None:
        old = ann.password
        settings.PASSWORD_HASHERS = HASHERS
        assert records_of(lambda: Client().login(username="ann", password="pass")) == []
        assert User.objects.get().password != old

    def test_a_save_that_changes_nothing_leaves_none(self, ann: User) -> None:
        assert records_of(ann.save) == []

    def test_a_fixture_leaves_none(self, ann: User, tmp_path: Any) -> None:
        ann.groups.add(Group.objects.get(name="Clerk"))
        call_command(
            "dumpdata",
            "auth.user",
            "--natural-foreign",
            output=str(tmp_path / "users.json"),
            verbosity=0,
        )
        ann.delete()
        assert (
            records_of(lambda: call_command("loaddata", str(tmp_path / "users.json"), verbosity=0))
            == []
        )
        assert User.objects.get().groups.get().name == "Clerk"


class TestRoles:
    @pytest.fixture
    def clerk(self, db: None) -> Group:
        return Group.objects.get(name="Clerk")

    def test_given_and_taken(self, ann: User, clerk: Group) -> None:
        none: dict[str, list[str]] = {"roles": []}
        given, taken = (
            ("user", "ann", none, {"roles": ["Clerk"]}),
            ("user", "ann", {"roles": ["Clerk"]}, none),
        )
        assert records_of(lambda: ann.groups.add(clerk)) == [given]
        assert records_of(lambda: ann.groups.add(clerk)) == []
        assert records_of(lambda: ann.groups.remove(clerk)) == [taken]
        assert records_of(lambda: ann.groups.remove(clerk)) == []
        assert records_of(lambda: ann.groups.set([clerk])) == [given]
        assert records_of(lambda: ann.groups.clear()) == [taken]

    def test_given_and_taken_from_the_side_of_the_role(self, ann: User, clerk: Group) -> None:
        bob = User.objects.create_user("bob")
        assert records_of(lambda: clerk.user_set.add(ann, bob)) == [
            ("user", name, {"roles": []}, {"roles": ["Clerk"]}) for name in ("ann", "bob")
        ]
        assert records_of(lambda: clerk.user_set.remove(bob)) == [
            ("user", "bob", {"roles": ["Clerk"]}, {"roles": []})
        ]
        assert records_of(lambda: clerk.user_set.clear()) == [
            ("user", "ann", {"roles": ["Clerk"]}, {"roles": []})
        ]

    def test_permissions_of_one_s_own(self, ann: User) -> None:
        permission = Permission.objects.get(codename="override_refusal")
        expected = {"permissions": ["students.override_refusal"]}
        assert records_of(lambda: ann.user_permissions.add(permission)) == [
            ("user", "ann", {"permissions": []}, expected)
        ]
        assert records_of(lambda: permission.user_set.clear()) == [
            ("user", "ann", expected, {"permissions": []})
        ]

    def test_made_renamed_and_deleted(self, ann: User) -> None:
        assert records_of(lambda: Group.objects.create(name="Guests")) == [
            ("role", "Guests", None, {"name": "Guests"})
        ]
        group = Group.objects.get(name="Guests")
        group.name = "Visitors"
        assert records_of(group.save) == [
            ("role", "Guests", {"name": "Guests"}, {"name": "Visitors"})
        ]
        permission = Permission.objects.get(codename="view_student")
        assert records_of(lambda: group.permissions.add(permission)) == [
            ("role", "Visitors", {"permissions": []}, {"permissions": ["students.view_student"]})
        ]
        ann.groups.add(group)
        assert records_of(group.delete) == [
            ("user", "ann", {"roles": ["Visitors"]}, {"roles": []}),
            (
                "role",
                "Visitors",
                {"name": "Visitors", "permissions": ["students.view_student"]},
                None,
            ),
        ]

    def test_a_permission_that_goes_is_taken_from_all(self, ann: User, clerk: Group) -> None:
        permission = Permission.objects.create(
            codename="odd",
            content_type_id=Permission.objects.values_list("content_type", flat=True)[0],
        )
        ann.user_permissions.add(permission)
        clerk.permissions.add(permission)
        assert {(kind, name) for kind, name, _before, _after in records_of(permission.delete)} == {
            ("user", "ann"),
            ("role", "Clerk"),
        }


class TestTokens:
    def test_made_and_revoked_without_a_secret(self, ann: User) -> None:
        secrets = []
        [(kind, name, before, after)] = records_of(
            lambda: secrets.append(AuthToken.objects.create(ann)[1])
        )
        token = AuthToken.objects.get()
        assert (kind, name, before) == ("token", token.token_key, None)
        assert {**after, "expiry": None} == {
            "token": token.token_key,
            "user": "ann",
            "expiry": None,
        }
        assert [
            (name, after)
            for _kind, name, _before, after in records_of(lambda: AuthToken.objects.all().delete())
        ] == [(token.token_key, None)]
        recorded = json.dumps(list(AccessChange.objects.values("name", "before", "after")))
        assert secrets[0] not in recorded
        assert token.digest not in recorded

    def test_using_one_leaves_none(self, api: Any) -> None:
        assert records_of(lambda: api.get("/api/v1/students")) == []


class TestWhoAndHow:
    def last(self) -> tuple[str, str, str]:
        change = AccessChange.objects.latest("pk")
        return change.who, change.door, change.reason

    def test_user_door_and_reason_are_recorded(self, ann: User) -> None:
        request = RequestFactory().get("/")
        request.user = ann
        with record_changes_as(Door.ADMIN, request, "she asked"):
            User.objects.create_user("bob")
        assert self.last() == ("ann", "admin", "she asked")

    def test_the_page_of_tokens(self, browser_of: Callable[[str], Client]) -> None:
        browser = browser_of("Clerk")
        assert [change[0] for change in records_of(lambda: browser.post("/tokens/"))] == ["token"]
        assert self.last() == ("clerk", "staff", "")
        key = AuthToken.objects.get().token_key
        assert [
            change[1] for change in records_of(lambda: browser.post(f"/tokens/{key}/revoke/"))
        ] == [key]

    def test_the_admin(self, browser_of: Callable[[str], Client], ann: User) -> None:
        boss = browser_of("admin")
        fields = {
            "username": "bob",
            "usable_password": "true",
            "password1": "a long one 1",
            "password2": "a long one 1",
        }
        assert [
            change[:2] for change in records_of(lambda: boss.post("/admin/auth/user/add/", fields))
        ] == [("user", "bob")]
        assert self.last() == ("admin", "admin", "")
        password = {
            "usable_password": "true",
            "password1": "a long one 2",
            "password2": "a long one 2",
        }
        assert records_of(lambda: boss.post(f"/admin/auth/user/{ann.pk}/password/", password)) == [
            ("user", "ann", {"password": "set"}, {"password": "new"})
        ]
        deletion = {"action": "delete_selected", "_selected_action": [str(ann.pk)], "post": "yes"}
        assert [
            change[1] for change in records_of(lambda: boss.post("/admin/auth/user/", deletion))
        ] == ["ann"]
        assert [
            change[:2]
            for change in records_of(
                lambda: boss.post("/admin/auth/group/add/", {"name": "Guests"})
            )
        ] == [("role", "Guests")]

    def test_the_commands(self, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        monkeypatch.setenv("SCHOOL_PASSWORD", "a long one 1")
        records = records_of(lambda: call_command("add_user", "bob", role="clerk", token=True))
        assert [(kind, name) for kind, name, _before, _after in records] == [
            ("user", "bob"),
            ("user", "bob"),
            ("token", AuthToken.objects.get().token_key),
        ]
        assert self.last() == ("", "command", "")
        records = records_of(
            lambda: call_command(
                "createsuperuser",
                "--no-input",
                username="boss",
                email="b@school.example",
                verbosity=0,
            )
        )
        assert [name for _kind, name, _before, _after in records] == ["boss"]
        with mock.patch(
            "django.contrib.auth.management.commands.changepassword.Command._get_pass",
            return_value="a long one 3",
        ):
            assert records_of(lambda: call_command("changepassword", "boss", verbosity=0)) == [
                ("user", "boss", {"password": "none"}, {"password": "new"})
            ]


@pytest.mark.django_db(transaction=True)
class TestAllOrNothing:
    @pytest.fixture
    def broken(self) -> Any:
        bulk = mock.patch.object(
            type(AccessChange.objects), "bulk_create", side_effect=DatabaseError
        )
        with mock.patch.object(AccessChange, "save", side_effect=DatabaseError), bulk:
            yield

    def state(self) -> list[Any]:
        models: list[Any] = [User, User.groups.through, AuthToken, AccessChange]
        return [list(model.objects.order_by("pk").values()) for model in models]

    @pytest.mark.parametrize("way", ["save", "create", "delete", "add", "token", "revoke"])
    def test_a_change_that_cannot_be_recorded_is_not_made(
        self, way: str, request: pytest.FixtureRequest
    ) -> None:
        ann, group = User.objects.create_user("ann"), Group.objects.get_or_create(name="Guests")[0]
        AuthToken.objects.create(ann)
        before = self.state()
        request.getfixturevalue("broken")
        ways: dict[str, Callable[[], object]] = {
            "save": lambda: change(ann, email="x@school.example"),
            "create": lambda: User.objects.create_user("bob"),
            "delete": ann.delete,
            "add": lambda: ann.groups.add(group),
            "token": lambda: AuthToken.objects.create(ann),
            "revoke": lambda: AuthToken.objects.all().delete(),
        }
        with pytest.raises(DatabaseError):
            ways[way]()
        assert self.state() == before

    def test_a_change_that_fails_leaves_no_record(self) -> None:
        ann = User.objects.create_user("ann")
        User.objects.create_user("bob")
        ann.username = "bob"
        before = self.state()
        with pytest.raises(DatabaseError):
            ann.save()
        assert (self.state(), connection.in_atomic_block) == (before, False)
