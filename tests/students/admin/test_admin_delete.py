"""Deleting in the admin: only rows that were never used."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student
from tests.admin_page import messages_of
from tests.queries import count_queries


@pytest.fixture
def admin(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("admin")


def list_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/"


def delete(browser: Client, row: Any) -> Any:
    return browser.post(f"{list_of(row)}{row.pk}/delete/", {"post": "yes"}, follow=True)


def delete_selected(browser: Client, *rows: Any) -> Any:
    data = {
        "action": "delete_selected",
        ACTION_CHECKBOX_NAME: [row.pk for row in rows],
        "post": "yes",
    }
    return browser.post(list_of(rows[0]), data, follow=True)


UNUSED = [StudentFactory, CourseFactory, TermFactory]
USED: list[Callable[[], Any]] = [
    lambda: enrolled(StudentFactory(), CourseFactory()).student,
    lambda: enrolled(StudentFactory(), CourseFactory()).course,
    lambda: CourseFactory().term,
]


@pytest.mark.parametrize("make", UNUSED)
@pytest.mark.parametrize("way", [delete, delete_selected])
def test_an_unused_row_is_deleted_with_a_record(
    admin: Client, make: Callable[[], Any], way: Callable[..., Any]
) -> None:
    row = make()

    response = way(admin, row)

    assert "uccessfully" in messages_of(response)[0]
    assert not type(row).objects.filter(pk=row.pk).exists()
    record = type(row).history.filter(id=row.pk).latest()
    assert (record.history_type, record.door, record.history_user.username) == (
        "-",
        "admin",
        "admin",
    )
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("make", USED)
@pytest.mark.parametrize("way", [delete, delete_selected])
def test_a_row_in_use_stays_and_the_page_explains_what_to_do(
    admin: Client, make: Callable[[], Any], way: Callable[..., Any]
) -> None:
    row = make()

    response = way(admin, row)

    assert str(row.protected_message) in response.content.decode()
    assert type(row).objects.filter(pk=row.pk).exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("make", USED)
@pytest.mark.parametrize("way", [delete, delete_selected])
def test_a_row_used_a_moment_ago_stays(
    admin: Client, make: Callable[[], Any], way: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make()
    monkeypatch.setattr(
        "core.admin.options.HistoryModelAdmin.get_deleted_objects",
        lambda *_args: ([], {}, set(), []),
    )

    response = way(admin, row)

    assert str(row.protected_message) in messages_of(response)
    assert type(row).objects.filter(pk=row.pk).exists()
    assert not LogEntry.objects.exists()


def test_one_row_in_use_keeps_all_selected_rows(admin: Client) -> None:
    used, unused = enrolled(StudentFactory(), CourseFactory()).student, StudentFactory()

    delete_selected(admin, used, unused)

    assert Student.objects.count() == 2


@pytest.mark.parametrize("way", [delete, delete_selected])
def test_nobody_deletes_an_enrollment(admin: Client, way: Callable[..., Any]) -> None:
    row = enrolled(StudentFactory(), CourseFactory())

    way(admin, row)

    assert Enrollment.objects.get().history.count() == 1


def test_no_enrollment_can_be_chosen_for_deletion(admin: Client) -> None:
    row = enrolled(StudentFactory(), CourseFactory())

    assert admin.get(f"{list_of(row)}{row.pk}/delete/").status_code == 403
    assert b"delete_selected" not in admin.get(list_of(row)).content


def test_queries_do_not_grow_with_the_rows_that_use_it(admin: Client) -> None:
    course = CourseFactory()

    def count(number: int) -> int:
        for _ in range(number):
            enrolled(StudentFactory(), course)
        return count_queries(lambda: admin.get(f"{list_of(course)}{course.pk}/delete/"))

    assert count(3) == count(27)
