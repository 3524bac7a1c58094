"""The action on the list of enrollments in the admin that withdraws."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from courses.factories import CourseFactory
from courses.tests.admin_page import messages_of
from students import admin, enrollments
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

LIST = "/admin/students/enrollment/"


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


def act(browser: Client, *keys: Any, action: str = "withdraw", **more: Any) -> Any:
    return browser.post(LIST, {"action": action, ACTION_CHECKBOX_NAME: keys, "confirmed": "yes", **more}, follow=True)


def rows(number: int, status: Status = Status.ACTIVE) -> list[Enrollment]:
    course = CourseFactory()
    return [enrolled(StudentFactory(), course, status) for _ in range(number)]


def test_withdraws_what_is_selected(registrar: Client) -> None:
    first, second, other = rows(3)

    response = act(registrar, first.pk, second.pk)

    assert messages_of(response) == [f"Withdrawn: {first}; {second}."]
    assert dict(Enrollment.objects.values_list("pk", "status")) == {first.pk: "withdrawn", second.pk: "withdrawn", other.pk: "active"}
    record = first.history.latest()
    assert (record.door, record.history_user.username) == ("admin", "registrar")


def test_the_log_of_the_admin_has_what_was_withdrawn(registrar: Client) -> None:
    [current], [ended] = rows(1), rows(1, Status.COMPLETED)

    act(registrar, current.pk, ended.pk)

    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr, entry.user.username) == (str(current.pk), str(current), "registrar")
    assert (entry.is_change(), entry.get_change_message()) == (True, "Changed status.")


def test_tells_of_those_that_had_ended_already(registrar: Client) -> None:
    [current], [ended] = rows(1), rows(1, Status.COMPLETED)

    response = act(registrar, current.pk, ended.pk)

    assert set(messages_of(response)) == {f"Withdrawn: {current}.", f"Nothing to change: {ended}."}
    assert ended.history.count() == 1


def test_names_the_first_of_many(registrar: Client) -> None:
    many = rows(12)

    response = act(registrar, *(row.pk for row in many))

    [message] = messages_of(response)
    assert message.endswith("and 2 more.")
    assert message.count(";") == 9


def test_too_many_are_not_begun(registrar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "AT_ONCE", 2)
    many = rows(3)

    response = act(registrar, many[0].pk, select_across=1)

    assert messages_of(response) == ["At most 2 enrollments can be withdrawn at once. Select fewer."]
    assert not Enrollment.objects.filter(status=Status.WITHDRAWN).exists()


@pytest.mark.parametrize("key", ["0", "99999"])
def test_unknown_rows_are_passed_over(registrar: Client, key: str) -> None:
    [row] = rows(1)

    act(registrar, key)

    row.refresh_from_db()
    assert row.status == Status.ACTIVE


@pytest.mark.parametrize(("role", "status"), [("Clerk", "withdrawn"), ("Viewer", "active")])
def test_only_who_may_withdraw_has_it(user_of: Callable[[str], User], client: Client, role: str, status: str) -> None:
    user = user_of(role)
    user.is_staff = True
    user.save()
    client.force_login(user)
    [row] = rows(1)

    act(client, row.pk)

    row.refresh_from_db()
    assert row.status == status


def test_asks_first_and_says_who_leaves_and_who_moves_up(registrar: Client) -> None:
    course = CourseFactory.create(capacity=1)
    seated = enrolled(StudentFactory.create(), course)
    waiter = StudentFactory.create()
    enrollments.enroll([(waiter.pk, course.pk)], enrollments.Options(waitlist=True))

    answer = registrar.post(LIST, {"action": "withdraw", ACTION_CHECKBOX_NAME: [seated.pk]})

    text = answer.content.decode()
    assert answer.status_code == 200
    assert f"{seated}" in text
    assert [row.student for row in answer.context["promoted"]] == [waiter]
    assert Enrollment.objects.get(pk=seated.pk).status == Status.ACTIVE
    assert f'name="{ACTION_CHECKBOX_NAME}" value="{seated.pk}"' in text
