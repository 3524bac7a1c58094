"""`/admin/accounts/accesschange/`: the record of access."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries

from accounts.models import AccessChange
from core.admin.paginator import MAX_COUNT

pytestmark = pytest.mark.django_db
URL = "/admin/accounts/accesschange/"


@pytest.fixture
def boss(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("boss", password="pass"))
    return client


def names(answer: Any) -> list[str]:
    return [change.name for change in answer.context["cl"].result_list]


def test_lists_the_latest_first_with_the_changed_values(boss: Client) -> None:
    ann = User.objects.create_user("ann")
    ann.groups.add(Group.objects.get(name="Clerk"))
    answer = boss.get(URL)
    assert names(answer) == ["ann", "ann", "boss"]
    assert "<strong>roles:</strong> - → Clerk" in answer.content.decode()


def test_values_are_escaped(boss: Client) -> None:
    User.objects.create_user("ann", first_name="<script>alert(1)</script>")
    assert "<script>alert" not in boss.get(URL).content.decode()


def test_finds_by_kind_and_by_both_names(boss: Client) -> None:
    token, _secret = AuthToken.objects.create(User.objects.create_user("ann"))
    boss.post("/admin/auth/group/add/", {"name": "Guests"})
    assert names(boss.get(URL, {"kind__exact": "role"})) == ["Guests"]
    assert names(boss.get(URL, {"q": " ann "})) == ["ann"]
    assert names(boss.get(URL, {"q": token.token_key})) == [token.token_key]
    assert names(boss.get(URL, {"q": "boss"})) == ["Guests", "boss"]
    assert boss.get(URL, {"q": "an\0n"}).status_code == 200
    assert names(boss.get(URL, {"q": "nobody"})) == []


def test_one_can_be_read_and_not_written(boss: Client) -> None:
    change = AccessChange.objects.get()
    text = boss.get(f"{URL}{change.pk}/change/").content.decode()
    assert "boss" in text
    assert 'name="_save"' not in text
    assert boss.post(f"{URL}{change.pk}/change/", {"name": "x"}).status_code == 403
    assert boss.post(f"{URL}{change.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.post(f"{URL}add/", {"name": "x"}).status_code == 403
    assert AccessChange.objects.values("name").get() == {"name": "boss"}


def test_needs_the_permission(registrar: Client) -> None:
    assert registrar.get(URL).status_code == 403
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_accesschange"))
    assert registrar.get(URL).status_code == 200


def test_a_long_list_is_counted_up_to_a_bound(
    boss: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    boss.get(URL)
    with django_assert_num_queries(4) as queries:
        boss.get(URL, {"kind__exact": "user"})
    [count] = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert f"LIMIT {MAX_COUNT + 1})" in count


@pytest.mark.parametrize("rest", ["", "?kind__exact=role", "7/change/"])
def test_the_old_address_redirects(boss: Client, rest: str) -> None:
    answer = boss.get(f"/admin/students/accesschange/{rest}")
    assert (answer.status_code, answer["Location"]) == (302, f"{URL}{rest}")
