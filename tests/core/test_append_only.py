"""History records are never changed or deleted, through any door."""

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

from accounts.models import AccessEvent, Event
from core.history.actor import Door, record_changes_as
from core.history.append_only import AppendOnlyModel
from courses.factories import CourseFactory, TeachingFactory
from courses.models import Course, Term
from courses.teachers import Teacher, Teaching
from students.enrollment import service
from students.factories import StudentFactory
from students.models import CreditLimit, Enrollment, Student

pytestmark = pytest.mark.django_db

APPEND_ONLY_MODELS = [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]
HISTORY_MODELS = [
    Student.history.model,
    Course.history.model,
    Term.history.model,
    Enrollment.history.model,
    Teacher.history.model,
    Teaching.history.model,
    CreditLimit.history.model,
]


def recorded_as(user: User) -> Any:
    request = RequestFactory().get("/")
    request.user = user
    return record_changes_as(Door.STAFF, request, "because")


@pytest.fixture
def row(user_of: Callable[[str], User]) -> Enrollment:
    """An enrollment made by the clerk, with its student, course, teacher, term and limit."""
    with recorded_as(user_of("Clerk")):
        course = TeachingFactory.create().course
        student = StudentFactory.create()
        [result] = service.enroll([(student.pk, course.pk)])
        CreditLimit.objects.create(student=student, term=course.term)
    AccessEvent.objects.create(event=Event.SIGN_IN, name="clerk")
    assert result.enrollment
    return result.enrollment


def all_records() -> list[list[dict[str, Any]]]:
    return [list(model.objects.order_by("pk").values()) for model in APPEND_ONLY_MODELS]


def test_all_history_is_append_only() -> None:
    assert {*APPEND_ONLY_MODELS} >= {*HISTORY_MODELS}


class TestWho:
    def test_is_in_every_record_however_it_is_written(self, row: Enrollment) -> None:
        for model in HISTORY_MODELS:
            record = model.objects.get()
            assert (record.who, record.history_user) == ("clerk", User.objects.get())

    def test_outlives_the_user(
        self, row: Enrollment, api_of: Callable[[str], APIClient], viewer: Client
    ) -> None:
        before = [list(model.objects.order_by("pk").values()) for model in HISTORY_MODELS]
        User.objects.get(username="clerk").delete()
        assert [list(model.objects.order_by("pk").values()) for model in HISTORY_MODELS] == before
        [entry] = api_of("Registrar").get(f"/api/v1/enrollments/{row.pk}/history").json()["results"]
        assert entry["who"] == "clerk"
        assert "clerk" in viewer.get(f"/students/{row.student_id}/").content.decode()
        browser = Client()
        browser.force_login(User.objects.create_superuser("superuser"))
        for record in (row, row.student, row.course, row.course.term):
            url = reverse(
                f"admin:{record._meta.app_label}_{record._meta.model_name}_history",
                args=[record.pk],
            )
            assert "<td>clerk</td>" in browser.get(url).content.decode()

    def test_is_the_name_of_that_moment(self, row: Enrollment) -> None:
        User.objects.update(username="renamed")
        assert Enrollment.history.get().who == "clerk"

    def test_is_null_if_nobody_was_signed_in(self, api: APIClient) -> None:
        [result] = service.enroll([(StudentFactory.create().pk, CourseFactory.create().pk)])
        assert result.enrollment
        [entry] = api.get(f"/api/v1/enrollments/{result.enrollment.pk}/history").json()["results"]
        assert (entry["who"], entry["door"]) == (None, "command")


def first_record(model: Any) -> Any:
    return model.objects.all()[0]


def copy_of_first_record(model: Any) -> Any:
    """A new instance with the id of an existing record."""
    values = model.objects.values()[0]
    return model(**values)


WRITES: dict[str, Callable[[Any], object]] = {
    "save": lambda model: first_record(model).save(),
    "save of one field": lambda model: first_record(model).save(update_fields=["who"]),
    "delete": lambda model: first_record(model).delete(),
    "update": lambda model: model.objects.update(who="somebody else"),
    "update of some": lambda model: model.objects.filter(pk=first_record(model).pk).update(
        who="somebody else"
    ),
    "bulk_update": lambda model: model.objects.bulk_update([first_record(model)], ["who"]),
    "update_or_create": lambda model: model.objects.update_or_create(
        {"who": "somebody else"}, pk=first_record(model).pk
    ),
    "bulk_create over it": lambda model: model.objects.bulk_create(
        [copy_of_first_record(model)],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["who"],
    ),
    "delete of all": lambda model: model.objects.all().delete(),
    "delete of some": lambda model: model.objects.filter(pk=first_record(model).pk).delete(),
}
HISTORY_WRITES: dict[str, Callable[[], object]] = {
    "update": lambda: Student.history.update(who="somebody else"),
    "delete": lambda: Student.history.all().delete(),
    "delete of one's": lambda: Student.objects.get().history.all().delete(),
    "a new reason": lambda: update_change_reason(Student.objects.get(), "another"),
    "bulk_update": lambda: Student.history.bulk_update([Student.history.get()], ["who"]),
    "clean_old_history": lambda: call_command("clean_old_history", "--auto", days=-1, verbosity=0),
}


@pytest.mark.parametrize("model", APPEND_ONLY_MODELS)
@pytest.mark.parametrize("write", WRITES)
def test_a_record_is_neither_changed_nor_deleted(row: Enrollment, model: Any, write: str) -> None:
    before = all_records()
    with pytest.raises(TypeError, match=r"^History is kept"), transaction.atomic():
        WRITES[write](model)
    assert all_records() == before


@pytest.mark.parametrize("model", APPEND_ONLY_MODELS)
def test_a_record_is_not_overwritten_by_another_with_its_id(row: Enrollment, model: Any) -> None:
    before = all_records()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_of_first_record(model).save()
    assert all_records() == before


@pytest.mark.parametrize("write", HISTORY_WRITES)
def test_simple_history_cannot_change_or_delete_a_record(row: Enrollment, write: str) -> None:
    before = all_records()
    with pytest.raises(TypeError, match=r"^History is kept"), transaction.atomic():
        HISTORY_WRITES[write]()
    assert all_records() == before


def test_history_outlives_its_row(row: Enrollment) -> None:
    student, course = StudentFactory.create(), CourseFactory.create()
    before = all_records()
    for gone in (student, course, course.term):
        gone.delete()
    for was, now in zip(before, all_records(), strict=True):
        assert now[: len(was)] == was
    deleted = {model for model in HISTORY_MODELS if model.objects.filter(history_type="-").exists()}
    assert deleted == {Student.history.model, Course.history.model, Term.history.model}


class TestDoors:
    @pytest.fixture
    def superuser(self, db: None) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(User.objects.create_superuser("superuser", password="pass"))
        return client

    def test_no_admin_page_writes_a_record(self, superuser: Client, row: Enrollment) -> None:
        before = all_records()
        for model in APPEND_ONLY_MODELS:
            model_admin = admin.site._registry.get(model)
            request = RequestFactory().get("/")
            request.user = User.objects.get(username="superuser")
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
                        "_selected_action": str(first_record(model).pk),
                    }
                    if model.objects.exists()
                    else {}
                )
                answer = superuser.post(
                    f"/admin/{model._meta.app_label}/{model._meta.model_name}/{path}", body
                )
                assert answer.status_code in (200, 302, 403, 404, 405), path
        assert all_records() == before

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_admin_history_pages_write_nothing(
        self, superuser: Client, row: Enrollment, method: str
    ) -> None:
        before = all_records()
        for record in (row, row.student, row.course, row.course.term):
            url = reverse(
                f"admin:{record._meta.app_label}_{record._meta.model_name}_history",
                args=[record.pk],
            )
            getattr(superuser, method)(
                url, {"history_change_reason": "another", "_change_history": "1"}
            )
            past = f"{url}{record.history.latest().pk}/"
            assert getattr(superuser, method)(past, {"_change_history": "1"}).status_code in (
                302,
                404,
                405,
            )
        assert all_records() == before

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_no_api_request_writes_a_record(
        self, api: APIClient, row: Enrollment, method: str
    ) -> None:
        before = all_records()
        assert (
            getattr(api, method)(f"/api/v1/enrollments/{row.pk}/history", {"who": "x"}).status_code
            == 405
        )
        assert all_records() == before

    def test_no_role_may_write_a_record(self, db: None) -> None:
        names = [model._meta.model_name for model in APPEND_ONLY_MODELS]
        writing = Permission.objects.filter(content_type__model__in=names).exclude(
            codename__startswith="view_"
        )
        assert not Group.objects.filter(permissions__in=writing).exists()

    def test_no_other_url_is_about_history(self) -> None:
        names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
        assert not {name for name in names if "simple_history" in name}
