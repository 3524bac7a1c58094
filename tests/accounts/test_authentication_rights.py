"""The permissions that come with the query of a token are those that Django would read."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from knox.models import AuthToken
from rest_framework.test import APIClient

from school.api.authentication import TokenAuthentication
from tests.queries import count_queries

pytestmark = pytest.mark.django_db
PATH = "/api/v1/students"


def known(user: User) -> User:
    """Return `user` as a request with a token sees them."""
    _token, secret = AuthToken.objects.create(user)
    found, _token = TokenAuthentication().authenticate_credentials(secret.encode())
    assert isinstance(found, User)
    return found


@pytest.mark.parametrize("role", ["Registrar", "Clerk", "Viewer", "Nobody"])
def test_the_permissions_are_those_that_django_reads(user_of: Any, role: str) -> None:
    user = user_of(role)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_student", "view_term"]))
    user.groups.add(Group.objects.create(name="Another"))
    found = known(user)
    assert (found, found.get_all_permissions()) == (
        user,
        User.objects.get(pk=user.pk).get_all_permissions(),
    )
    assert found.get_user_permissions() == {"students.add_student", "courses.view_term"}


def test_permissions_take_no_query_of_their_own(user_of: Any) -> None:
    user = known(user_of("Clerk"))
    assert (
        count_queries(lambda: user.has_perms(["students.add_enrollment", "courses.view_course"]))
        == 0
    )
    assert not user.has_perm("students.add_student")


def test_a_user_without_permissions(user_of: Any) -> None:
    assert known(user_of("Nobody")).get_all_permissions() == set()


def test_a_superuser_has_all_permissions(user_of: Any) -> None:
    user = known(user_of("admin"))
    assert user.has_perm("students.override_refusal")
    assert user.get_all_permissions() == User.objects.get(pk=user.pk).get_all_permissions()


def test_a_role_given_or_taken_counts_from_the_next_request(user_of: Any, api_of: Any) -> None:
    api: APIClient = api_of("Nobody")
    user = User.objects.get()
    assert api.get(PATH).status_code == 403
    user.groups.set(Group.objects.filter(name="Viewer"))
    assert api.get(PATH).status_code == 200
    Group.objects.get(name="Viewer").permissions.clear()
    assert api.get(PATH).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_student"))
    assert api.get(PATH).status_code == 200
    user.user_permissions.clear()
    assert api.get(PATH).status_code == 403
