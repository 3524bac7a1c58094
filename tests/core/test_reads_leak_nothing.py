"""A view that shows each user only some rows shows them only these, whichever way they are read.

The classes here are what somebody could add for "a teacher sees only their own students".
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.checks import Error
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.test import APIRequestFactory, force_authenticate

from core.api.compiled_reads import check_compiled_reads, find_overrides, uses_compiled_reads
from core.api.filters import FilterBackend
from core.api.permissions import ModelPermissions
from core.api.serializers import ColumnSerializer
from students.api.filters import StudentFilterSet
from students.api.serializers import StudentDetailSerializer, StudentSerializer
from students.api.viewsets import RosterViewSet, StudentViewSet
from students.factories import StudentFactory
from students.models import Student

OWN, OTHER = "own@school.example", "other@school.example"


class OwnQueryset(StudentViewSet):
    def get_queryset(self) -> QuerySet[Student]:
        user: Any = self.request.user
        return super().get_queryset().filter(email=user.email)


class OwnFilterQueryset(StudentViewSet):
    def filter_queryset(self, queryset: Any) -> Any:
        user: Any = self.request.user
        return super().filter_queryset(queryset).filter(email=user.email)


class OwnBackend(FilterBackend):
    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        return super().filter_queryset(request, queryset, view).filter(email=request.user.email)


class OwnFilterBackends(StudentViewSet):
    filter_backends = [OwnBackend]


class OwnFilterSet(StudentFilterSet):
    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset).filter(email=self.request.user.email)


class OwnFilterSetClass(StudentViewSet):
    filterset_class = OwnFilterSet


class IsOwn(BasePermission):
    def has_object_permission(self, request: Any, view: Any, obj: Student) -> bool:
        return bool(obj.email == request.user.email)


class OwnObjectPermission(OwnQueryset):
    permission_classes = [ModelPermissions, IsOwn]


class OwnCombinedPermission(OwnQueryset):
    permission_classes = [ModelPermissions & IsOwn]


class WithoutEmail(StudentSerializer):
    def to_representation(self, instance: Student) -> dict[str, Any]:
        return super().to_representation(instance) | {"email": OWN}


class WithoutEmailDetail(StudentDetailSerializer):
    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        del fields["email"]
        return fields


class HiddenEmail(StudentViewSet):
    serializer_class = WithoutEmail
    detail_serializer_class = WithoutEmailDetail


VIEWS = [
    *(OwnQueryset, OwnFilterQueryset, OwnFilterBackends, OwnFilterSetClass),
    *(OwnObjectPermission, OwnCombinedPermission, HiddenEmail),
]


@pytest.mark.django_db
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("query", ["", "limit=2", "is_active=true", "count=true", "search=a"])
def test_a_list_shows_the_rows_of_the_user(view: Any, query: str) -> None:
    StudentFactory.create(email=OWN, first_name="Ann")
    StudentFactory.create(email=OTHER, first_name="Abe")
    response = get(view, {"get": "list"}, f"/?{query}")
    assert OTHER not in str(response.data)
    assert OWN in str(response.data)


@pytest.mark.django_db
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("headers", [{}, {"HTTP_IF_MATCH": "*"}])
def test_a_row_of_another_user_is_not_shown(view: Any, headers: dict[str, str]) -> None:
    own, other = StudentFactory.create(email=OWN), StudentFactory.create(email=OTHER)
    assert get(view, {"get": "retrieve"}, "/", pk=own.pk, **headers).status_code == 200
    # Filters of a list are applied to a single row only if it is read by DRF.
    assert OTHER not in str(get(view, {"get": "retrieve"}, "/", pk=other.pk, **headers).data)


def get(view: Any, actions: dict[str, str], path: str, *, pk: int = 0, **headers: Any) -> Any:
    request = APIRequestFactory().get(path, **headers)
    user = User.objects.filter(username="own").first()
    user = user or User.objects.create_superuser("own", OWN, "pass")
    force_authenticate(request, user)
    kwargs = {"pk": pk} if pk else {}
    return view.as_view(actions)(request, **kwargs)


@pytest.mark.parametrize("view", VIEWS)
def test_the_check_names_what_would_be_passed_over(
    view: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.api.compiled_reads._routed_views", lambda _resolver: {view})
    errors = check_compiled_reads()
    assert errors
    assert all(isinstance(error, Error) and error.obj is view for error in errors)
    assert not uses_compiled_reads(view)


def test_the_views_of_the_school_pass_the_check() -> None:
    assert check_compiled_reads() == []
    assert uses_compiled_reads(StudentViewSet)
    assert uses_compiled_reads(RosterViewSet)


def test_a_view_is_answered_by_drf_unless_it_opts_in() -> None:
    class Plain(StudentViewSet):
        compiled_reads = False

    assert not uses_compiled_reads(Plain)
    assert find_overrides(Plain) == ()


def test_only_the_path_may_decide_what_is_compiled() -> None:
    assert any("request.user" in text for text in find_overrides(OwnFilterSetClass))


class Shouting(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return str(value).upper()


@pytest.mark.parametrize(
    "field",
    [
        Shouting(),
        serializers.DateField(format="%d.%m.%Y"),
        serializers.UUIDField(format="int"),
        serializers.DecimalField(max_digits=5, decimal_places=2, coerce_to_string=False),
        serializers.SerializerMethodField(),
        serializers.PrimaryKeyRelatedField(read_only=True),
    ],
)
def test_a_field_that_converts_its_value_is_refused(field: Any) -> None:
    serializer: Any = type("OneField", (ColumnSerializer,), {"value": field})
    with pytest.raises(TypeError, match=r"OneField\.value is a"):
        serializer.columns()


def test_dates_and_uuids_are_shown() -> None:
    class Dated(ColumnSerializer[Any]):
        day = serializers.DateField()
        key = serializers.UUIDField()

    assert Dated.columns() == {"day": "day", "key": "key"}
    assert str(UUID(int=1)) == serializers.UUIDField().to_representation(UUID(int=1))


def test_a_field_that_is_only_written_is_not_shown() -> None:
    class Account(ColumnSerializer[Any]):
        name = serializers.CharField()
        password = serializers.CharField(write_only=True)

    assert Account.columns() == {"name": "name"}


@pytest.mark.django_db
class TestModelPermissions:
    def send_request(
        self, method: str, permissions: dict[str, list[str]] | None, *rights: str
    ) -> bool:
        view: Any = StudentViewSet()
        if permissions is not None:
            view.permissions = permissions
        setattr(view, method.lower(), lambda *_args: None)
        request: Any = APIRequestFactory().generic(method, "/")
        request.user = User(username="user")
        request.user._perm_cache = set(rights)
        return ModelPermissions().has_permission(request, view)

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"])
    def test_a_method_without_an_entry_is_refused(self, method: str) -> None:
        assert not self.send_request(method, {"GET": ["a.view"]}, "a.view")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_reading_needs_the_right_of_get(self, method: str) -> None:
        assert self.send_request(method, {"GET": ["a.view"]}, "a.view")
        assert not self.send_request(method, {"GET": ["a.view"]})
        assert not self.send_request(method, {"POST": ["a.add"]}, "a.add")

    def test_a_method_that_the_model_has_no_permission_for_is_refused(self) -> None:
        assert not self.send_request("PURGE", None, "students.view_student")
        assert self.send_request("GET", None, "students.view_student")
