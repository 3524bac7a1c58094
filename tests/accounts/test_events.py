"""The record of sign-ins, exports and views."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AccessEvent, Event
from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled

pytestmark = pytest.mark.django_db

Record = tuple[str, str, str, str, str]


@pytest.fixture
def ann(user_of: Callable[[str], User]) -> User:
    return user_of("Clerk")


def records() -> list[Record]:
    """Event, name, user, door and address of all records."""
    fields = ("event", "name", "who", "door", "address")
    return list(AccessEvent.objects.order_by("pk").values_list(*fields))


def send_password(client: Client, password: str, path: str = "/login/") -> None:
    client.post(path, {"username": "clerk", "password": password}, REMOTE_ADDR="192.0.2.7")


def test_sign_ins_failures_and_sign_outs(client: Client, ann: User) -> None:
    send_password(client, "wrong")
    send_password(client, "pass")
    client.post("/logout/", REMOTE_ADDR="192.0.2.8")
    assert records() == [
        ("sign_in_failed", "clerk", "", "staff", "192.0.2.7"),
        ("sign_in", "clerk", "clerk", "staff", "192.0.2.7"),
        ("sign_out", "clerk", "clerk", "staff", "192.0.2.8"),
    ]


def test_sign_ins_at_the_admin(client: Client, user_of: Callable[[str], User]) -> None:
    user_of("Registrar")
    fields = {"username": "registrar", "password": "pass"}
    client.post("/admin/login/", fields, REMOTE_ADDR="192.0.2.7")
    assert records() == [("sign_in", "registrar", "registrar", "admin", "192.0.2.7")]


@pytest.mark.parametrize("name", ["a\0b", "x" * 400, "", "<b>"])
def test_odd_names_of_a_failed_sign_in(client: Client, name: str) -> None:
    answer = client.post("/login/", {"username": name, "password": "x"})
    assert answer.status_code == 200


def test_no_password_is_recorded_or_logged(
    client: Client, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "school.access"):
        send_password(client, "my secret word")
        send_password(client, "pass")
    assert "sign_in_failed name='clerk'" in caplog.text
    assert "address=192.0.2.7" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in str(list(AccessEvent.objects.values()))


@pytest.mark.parametrize(
    ("path", "event"), [("roster.csv", Event.ROSTER_DOWNLOADED), ("sheet/", Event.ROSTER_PRINTED)]
)
def test_rosters_that_leave_the_school(viewer: Client, path: str, event: Event) -> None:
    course = CourseFactory.create()
    viewer.get(f"/courses/{course.pk}/{path}", REMOTE_ADDR="192.0.2.7")
    assert records()[1:] == [(event.value, str(course.pk), "viewer", "staff", "192.0.2.7")]


def test_a_refused_download_is_not_recorded(browser_of: Callable[[str], Client]) -> None:
    course = CourseFactory.create()
    browser_of("Nobody").get(f"/courses/{course.pk}/roster.csv")
    assert Event.ROSTER_DOWNLOADED not in AccessEvent.objects.values_list("event", flat=True)


class TestViews:
    def see_student(self, browser: Client, api: APIClient, pk: int) -> None:
        for path in (f"/students/{pk}/", f"/students/{pk}/edit/", "/students/"):
            browser.get(path)
        browser.get(f"/admin/students/student/{pk}/change/")
        api.get(f"/api/v1/students/{pk}")

    @pytest.fixture
    def student_id(self) -> int:
        student = StudentFactory.create()
        enrolled(student, CourseFactory.create())
        return int(student.pk)

    def test_are_not_recorded_by_default(
        self, registrar: Client, api_of: Callable[[str], APIClient], student_id: int
    ) -> None:
        self.see_student(registrar, api_of("Viewer"), student_id)
        assert Event.STUDENT_VIEWED not in AccessEvent.objects.values_list("event", flat=True)

    def test_are_recorded_with_the_setting(
        self,
        registrar: Client,
        api_of: Callable[[str], APIClient],
        student_id: int,
        settings: Any,
    ) -> None:
        settings.RECORD_VIEWS = True
        self.see_student(registrar, api_of("Viewer"), student_id)
        seen = AccessEvent.objects.filter(event=Event.STUDENT_VIEWED).order_by("pk")
        assert list(seen.values_list("name", "who", "door")) == [
            (str(student_id), "registrar", "staff"),
            (str(student_id), "registrar", "staff"),
            (str(student_id), "registrar", "admin"),
            (str(student_id), "viewer", "api"),
        ]


class TestAdmin:
    def test_lists_them_and_finds_by_the_whole_name(
        self, client: Client, ann: User, browser_of: Callable[[str], Client]
    ) -> None:
        send_password(client, "wrong")
        boss = browser_of("admin")
        text = boss.get("/admin/accounts/accessevent/", {"q": "clerk"}).content.decode()
        assert "failed sign-in" in text
        assert "192.0.2.7" in text
        assert "192.0.2.7" not in boss.get("/admin/accounts/accessevent/?q=cler").content.decode()

    def test_changes_and_deletes_nothing(self, browser_of: Callable[[str], Client]) -> None:
        boss = browser_of("admin")
        pk = AccessEvent.objects.latest("pk").pk
        for path in ("add/", f"{pk}/delete/"):
            assert boss.post(f"/admin/accounts/accessevent/{path}").status_code == 403
        assert boss.post(f"/admin/accounts/accessevent/{pk}/change/").status_code == 403
        with pytest.raises(TypeError):
            AccessEvent.objects.all().delete()
