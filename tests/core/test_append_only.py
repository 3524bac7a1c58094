"""History is kept: who did something is told for good, and nobody changes or deletes a record, through whichever door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from rest_framework.test import APIClient
from simple_history.utils import update_change_reason

from core.history.actor import Door, record_changes_as
from core.history.append_only import AppendOnlyModel
from courses.factories import CourseFactory
from courses.models import Course, Term
from students.enrollment import service
from students.factories import StudentFactory
from students.models import Enrollment, Student

pytestmark = pytest.mark.django_db

KEPT = [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]
RECORDS = [
    Student.history.model,
    Course.history.model,
    Term.history.model,
    Enrollment.history.model,
]


def by(user: User) -> Any:
    request = RequestFactory().get("/")
    request.user = user
    return record_changes_as(Door.STAFF, request, "because")


@pytest.fixture
def row(user_of: Callable[[str], User]) -> Enrollment:
    """An enrollment made by the clerk, with its student, course and term."""
    with by(user_of("Clerk")):
        [result] = service.enroll([(StudentFactory.create().pk, CourseFactory.create().pk)])
    assert result.enrollment
    return result.enrollment


def everything() -> list[list[dict[str, Any]]]:
    return [list(model.objects.order_by("pk").values()) for model in KEPT]


def test_all_history_is_of_the_kept_kind() -> None:
    assert {*KEPT} >= {*RECORDS}


class TestWho:
    def test_stands_in_every_record_however_it_is_written(self, row: Enrollment) -> None:
        for model in RECORDS:
            record = model.objects.get()
            assert (record.who, record.history_user) == ("clerk", User.objects.get())

    def test_outlives_the_user(
        self, row: Enrollment, api_of: Callable[[str], APIClient], viewer: Client
    ) -> None:
        before = [list(model.objects.order_by("pk").values()) for model in RECORDS]
        User.objects.get(username="clerk").delete()
        assert [list(model.objects.order_by("pk").values()) for model in RECORDS] == before
        [entry] = api_of("Registrar").get(f"/api/v1/enrollments/{row.pk}/history").json()["results"]
        assert entry["who"] == "clerk"
        assert "clerk" in viewer.get(f"/students/{row.student_id}/").content.decode()
        browser = Client()
        browser.force_login(User.objects.create_superuser("boss"))
        for record in (row, row.student, row.course, row.course.term):
            url = reverse(
                f"admin:{record._meta.app_label}_{record._meta.model_name}_history",
                args=[record.pk],
            )
            assert "<td>clerk</td>" in browser.get(url).content.decode()

    def test_is_told_by_the_name_of_that_moment(self, row: Enrollment) -> None:
        User.objects.update(username="renamed")
        assert Enrollment.history.get().who == "clerk"

    def test_is_null_where_nobody_was_signed_in(self, api: APIClient) -> None:
        [result] = service.enroll([(StudentFactory.create().pk, CourseFactory.create().pk)])
        assert result.enrollment
        [entry] = api.get(f"/api/v1/enrollments/{result.enrollment.pk}/history").json()["results"]
        assert (entry["who"], entry["door"]) == (None, "command")


def again(model: Any) -> Any:
    return model.objects.all()[0]


def over(model: Any) -> Any:
    """Another record with the number of one that is there."""
    values = model.objects.values()[0]
    return model(**values)


WAYS: dict[str, Callable[[Any], object]] = {
    "save": lambda model: again(model).save(),
    "save of one field": lambda model: again(model).save(update_fields=["who"]),
    "delete": lambda model: again(model).delete(),
    "update": lambda model: model.objects.update(who="somebody else"),
    "update of some": lambda model: model.objects.filter(pk=again(model).pk).update(
        who="somebody else"
    ),
    "bulk_update": lambda model: model.objects.bulk_update([again(model)], ["who"]),
    "update_or_create": lambda model: model.objects.update_or_create(
        {"who": "somebody else"}, pk=again(model).pk
    ),
    "bulk_create over it": lambda model: model.objects.bulk_create(
        [over(model)], update_conflicts=True, unique_fields=["pk"], update_fields=["who"]
    ),
    "delete of all": lambda model: model.objects.all().delete(),
    "delete of some": lambda model: model.objects.filter(pk=again(model).pk).delete(),
}
OF_HISTORY: dict[str, Callable[[], object]] = {
    "update": lambda: Student.history.update(who="somebody else"),
    "delete": lambda: Student.history.all().delete(),
    "delete of one's": lambda: Student.objects.get().history.all().delete(),
    "a new reason": lambda: update_change_reason(Student.objects.get(), "another"),
    "bulk_update": lambda: Student.history.bulk_update([Student.history.get()], ["who"]),
    "clean_old_history": lambda: call_command("clean_old_history", "--auto", days=-1, verbosity=0),
}


@pytest.mark.parametrize("model", KEPT)
@pytest.mark.parametrize("way", WAYS)
def test_a_record_is_neither_changed_nor_deleted(row: Enrollment, model: Any, way: str) -> None:
    before = everything()
    with pytest.raises(TypeError, match=r"^History is kept"), transaction.atomic():
        WAYS[way](model)
    assert everything() == before


@pytest.mark.parametrize("model", KEPT)
def test_a_record_is_not_written_over_by_another_with_its_number(
    row: Enrollment, model: Any
) -> None:
    before = everything()
    with pytest.raises(IntegrityError), transaction.atomic():
        over(model).save()
    assert everything() == before


@pytest.mark.parametrize("way", OF_HISTORY)
def test_nor_by_the_ways_of_simple_history(row: Enrollment, way: str) -> None:
    before = everything()
    with pytest.raises(TypeError, match=r"^History is kept"), transaction.atomic():
        OF_HISTORY[way]()
    assert everything() == before


def test_what_it_is_about_may_go_and_its_history_stays(row: Enrollment) -> None:
    student, course = StudentFactory.create(), CourseFactory.create()
    before = everything()
    for gone in (student, course, course.term):
        gone.delete()
    for was, now in zip(before, everything(), strict=True):
        assert now[: len(was)] == was
    assert [model.objects.filter(history_type="-").count() for model in RECORDS] == [1, 1, 1, 0]


class TestDoors:
    @pytest.fixture
    def boss(self, db: None) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(User.objects.create_superuser("boss", password="pass"))
        return client

    def test_the_admin_has_no_page_that_writes_one(self, boss: Client, row: Enrollment) -> None:
        before = everything()
        for model in KEPT:
            model_admin = admin.site._registry.get(model)
            request = RequestFactory().get("/")
            request.user = User.objects.get(username="boss")
            assert not model_admin or not any(
                getattr(model_admin, f"has_{verb}_permission")(request)
                for verb in ("add", "change", "delete")
            ), model
            for path in ("", "add/", "1/", "1/change/", "1/delete/"):
                body = (
                    {
                        "who": "x",
                        "post": "yes",
                        "action": "delete_selected",
                        "_selected_action": str(again(model).pk),
                    }
                    if model.objects.exists()
                    else {}
                )
                answer = boss.post(
                    f"/admin/{model._meta.app_label}/{model._meta.model_name}/{path}", body
                )
                assert answer.status_code in (200, 302, 403, 404, 405), path
        assert everything() == before

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_the_admin_s_pages_of_history_write_nothing(
        self, boss: Client, row: Enrollment, method: str
    ) -> None:
        before = everything()
        for record in (row, row.student, row.course, row.course.term):
            url = reverse(
                f"admin:{record._meta.app_label}_{record._meta.model_name}_history",
                args=[record.pk],
            )
            getattr(boss, method)(url, {"history_change_reason": "another", "_change_history": "1"})
            past = f"{url}{record.history.latest().pk}/"
            assert getattr(boss, method)(past, {"_change_history": "1"}).status_code in (
                302,
                404,
                405,
            )
        assert everything() == before

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_the_api_has_no_way_to_write_one(
        self, api: APIClient, row: Enrollment, method: str
    ) -> None:
        before = everything()
        assert (
            getattr(api, method)(f"/api/v1/enrollments/{row.pk}/history", {"who": "x"}).status_code
            == 405
        )
        assert everything() == before

    def test_no_role_has_a_permission_to_write_one(self, db: None) -> None:
        names = [model._meta.model_name for model in KEPT]
        writing = Permission.objects.filter(content_type__model__in=names).exclude(
            codename__startswith="view_"
        )
        assert not Group.objects.filter(permissions__in=writing).exists()

    def test_no_other_address_names_history(self) -> None:
        names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
        assert not {name for name in names if "simple_history" in name}
