"""The action on the list of enrollments in the admin that withdraws."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, messages_of
from tests.queries import count_queries

LIST = "/admin/students/enrollment/"


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


def open_action(browser: Client, *keys: Any, **more: Any) -> Any:
    """Return the page that the action leads to."""
    return browser.post(
        LIST, {"action": "withdraw", ACTION_CHECKBOX_NAME: keys, **more}, follow=True
    )


def confirm(browser: Client, page: Any, **more: Any) -> Any:
    return browser.post(
        LIST, {**fields_of(page.content.decode()), "confirm": "yes", **more}, follow=True
    )


def act(browser: Client, *keys: Any) -> Any:
    return confirm(browser, open_action(browser, *keys))


def rows(number: int, status: Status = Status.ACTIVE) -> list[Enrollment]:
    course = CourseFactory()
    return [enrolled(StudentFactory(), course, status) for _ in range(number)]


def waitlisted(student: Student, course: Course) -> Enrollment:
    [result] = service.apply_changes(
        [EnrollmentChange(student.pk, course.pk)], Options(waitlist=True)
    )
    assert result.enrollment is not None
    return result.enrollment


def test_withdraws_the_selected_enrollments(registrar: Client) -> None:
    first, second, other = rows(3)

    response = act(registrar, first.pk, second.pk)

    assert messages_of(response) == [f"Withdrawn: {first}; {second}."]
    assert dict(Enrollment.objects.values_list("pk", "status")) == {
        first.pk: "withdrawn",
        second.pk: "withdrawn",
        other.pk: "active",
    }
    record = first.history.latest()
    assert (record.door, record.history_user.username) == ("admin", "registrar")


def test_withdrawals_are_in_the_log_of_the_admin(registrar: Client) -> None:
    [current], [ended] = rows(1), rows(1, Status.COMPLETED)

    act(registrar, current.pk, ended.pk)

    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr, entry.user.username) == (
        str(current.pk),
        str(current),
        "registrar",
    )
    assert (entry.is_change(), entry.get_change_message()) == (True, "Changed status.")


def test_names_the_enrollments_that_had_ended_already(registrar: Client) -> None:
    [current], [ended] = rows(1), rows(1, Status.COMPLETED)

    response = act(registrar, current.pk, ended.pk)

    assert set(messages_of(response)) == {f"Withdrawn: {current}.", f"Nothing to change: {ended}."}
    assert ended.history.count() == 1


def test_names_the_first_of_many(registrar: Client) -> None:
    many = rows(12)

    response = act(registrar, *(row.pk for row in many))

    [message] = messages_of(response)
    assert message.endswith("</details>.")
    shown, folded = message.split("<details><summary>and 7 more</summary>")
    assert (shown.count(";"), folded.count(";")) == (4, 6)


class TestAsks:
    def test_first_and_previews_the_promotion(self, registrar: Client) -> None:
        course = CourseFactory(code="BIO", capacity=1)
        seated, waiting = enrolled(StudentFactory(), course), waitlisted(StudentFactory(), course)

        page = open_action(registrar, seated.pk)

        [group] = page.context["groups"]
        assert (group.title, group.outcome, group.names) == (
            str(course),
            "withdrawn",
            [str(seated.student)],
        )
        assert page.context["promoted"] == [waiting]
        assert not Enrollment.objects.filter(status=Status.WITHDRAWN).exists()

    def test_and_then_writes_the_preview_with_the_reason(self, registrar: Client) -> None:
        course = CourseFactory(capacity=1)
        seated, waiting = enrolled(StudentFactory(), course), waitlisted(StudentFactory(), course)

        response = confirm(registrar, open_action(registrar, seated.pk), reason="Moved away")

        assert set(messages_of(response)) == {
            f"Withdrawn: {seated}.",
            f"Moved up from the waitlist: {waiting}.",
        }
        assert seated.history.latest().history_change_reason == "Moved away"

    def test_again_after_somebody_else_withdrew_a_row(self, registrar: Client) -> None:
        first, second = rows(2)
        page = open_action(registrar, first.pk, second.pk)
        service.withdraw([(first.student_id, first.course_id)])

        response = confirm(registrar, page)

        assert "Nothing was done" in messages_of(response)[0]
        assert {group.outcome: group.names for group in response.context["groups"]} == {
            "withdrawn": [str(second.student)],
            "unchanged": [f"{first.student}: withdrawn"],
        }
        second.refresh_from_db()
        assert second.status == Status.ACTIVE
        confirm(registrar, response)
        second.refresh_from_db()
        assert second.status == Status.WITHDRAWN

    def test_again_after_the_promotion_changed(self, registrar: Client) -> None:
        course = CourseFactory(capacity=1)
        seated, first, second = (
            enrolled(StudentFactory(), course),
            waitlisted(StudentFactory(), course),
            waitlisted(StudentFactory(), course),
        )
        page = open_action(registrar, seated.pk)
        service.withdraw([(first.student_id, course.pk)])

        response = confirm(registrar, page)

        assert response.context["promoted"] == [second]
        seated.refresh_from_db()
        assert seated.status == Status.ACTIVE

    def test_nothing_if_all_have_ended(self, registrar: Client) -> None:
        [ended] = rows(1, Status.COMPLETED)

        html = open_action(registrar, ended.pk).content.decode()

        assert "Nothing would be changed." in html
        assert 'name="confirm"' not in html

    def test_about_rows_that_the_filters_of_the_list_no_longer_show(
        self, registrar: Client
    ) -> None:
        [row] = rows(1)
        page = registrar.post(
            f"{LIST}?status__exact=active", {"action": "withdraw", ACTION_CHECKBOX_NAME: [row.pk]}
        )
        service.withdraw([(row.student_id, row.course_id)])

        response = registrar.post(
            f"{LIST}?status__exact=active", {**fields_of(page.content.decode()), "confirm": "yes"}
        )

        assert [group.names for group in response.context["groups"]] == [
            [f"{row.student}: withdrawn"]
        ]

    def test_about_all_of_a_list(self, registrar: Client) -> None:
        many = rows(3)

        page = open_action(registrar, many[0].pk, select_across=1)

        assert len(page.context["groups"][0].names) == 3

    def test_with_queries_that_do_not_grow(self, registrar: Client) -> None:
        def count(number: int) -> int:
            keys = [row.pk for row in rows(number)]
            return count_queries(lambda: open_action(registrar, *keys))

        assert count(3) == count(27)


def test_too_many_are_not_begun(registrar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.admin.options.MAX_ACTION_ROWS", 2)
    many = rows(3)

    response = open_action(registrar, many[0].pk, select_across=1)

    assert messages_of(response) == [
        "At most 2 can be selected at once. Nothing was done; select fewer."
    ]
    assert not Enrollment.objects.filter(status=Status.WITHDRAWN).exists()


@pytest.mark.parametrize(
    "more",
    [
        {ACTION_CHECKBOX_NAME: ["x"]},
        {"rows": "1,x"},
        {"rows": str(10**30)},
        {"rows": "9" * 5_000},
        {ACTION_CHECKBOX_NAME: ["9" * 5_000]},
    ],
)
def test_an_invalid_id_is_a_bad_request(registrar: Client, more: dict[str, Any]) -> None:
    assert open_action(registrar, "1", **more).status_code == 400


@pytest.mark.parametrize("key", ["0", "99999"])
def test_unknown_rows_are_ignored(registrar: Client, key: str) -> None:
    [row] = rows(1)

    open_action(registrar, key)

    row.refresh_from_db()
    assert row.status == Status.ACTIVE


@pytest.mark.parametrize(("role", "status"), [("Clerk", "withdrawn"), ("Viewer", "active")])
def test_needs_the_permission_to_withdraw(
    user_of: Callable[[str], User], client: Client, registrar: Client, role: str, status: str
) -> None:
    user = user_of(role)
    user.is_staff = True
    user.save()
    client.force_login(user)
    [row] = rows(1)
    page = open_action(registrar, row.pk)

    confirm(client, page)

    row.refresh_from_db()
    assert row.status == status
