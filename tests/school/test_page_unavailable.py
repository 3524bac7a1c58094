"""A lock that was not acquired in time, or a database that is away.

The page of the error offers to send the form again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, submit

Browser = Callable[[str], Client]


def action_of(answer: Any) -> str:
    """Return the address to which the page's form is sent."""
    return unescape(main_of(answer).split('<form method="post" action="')[1].partition('"')[0])


def main_of(answer: Any) -> str:
    """Return the page without its head, menu and foot."""
    return str(answer.content.decode().partition("<main")[2].partition("</main>")[0])


def press_try_again(browser: Client, answer: Any) -> Any:
    return browser.post(action_of(answer), fields_of(answer.content.decode()))


@contextmanager
def held(*rows: Any) -> Iterator[None]:
    """Lock rows (SQLite: the database) in another connection, with a short timeout in this one."""
    locked, done = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                for row in rows:
                    type(row).objects.select_for_update().get(pk=row.pk)
                locked.set()
                done.wait(60)
        finally:
            connection.close()

    thread = Thread(target=hold)
    thread.start()
    assert locked.wait(60)
    with connection.cursor() as cursor:
        cursor.execute(
            "PRAGMA busy_timeout = 50" if connection.vendor == "sqlite" else "SET lock_timeout = 50"
        )
    try:
        yield
    finally:
        done.set()
        thread.join()
        connection.close()


@pytest.mark.django_db(transaction=True)
class TestLock:
    """Each page that saves, while another transaction holds the lock of its row."""

    def refused(self, browser: Client, path: str, fields: dict[str, Any], *rows: Any) -> Any:
        with held(*rows):
            answer = submit(browser, path, fields)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert "What you typed is kept on this page." in answer.content.decode()
        return answer

    @pytest.mark.parametrize("path", ["/students/{}/edit/", "/admin/students/student/{}/change/"])
    def test_a_student(self, browser_of: Browser, path: str) -> None:
        browser, student = browser_of("admin"), StudentFactory.create(first_name="Ann")
        answer = self.refused(
            browser, path.format(student.pk), {"first_name": 'A "B" <c>'}, student
        )
        assert Student.objects.get().first_name == "Ann"
        assert press_try_again(browser, answer).status_code == 302
        assert Student.objects.get().first_name == 'A "B" <c>'

    @pytest.mark.parametrize("path", ["/courses/{}/edit/", "/admin/courses/course/{}/change/"])
    def test_a_course(self, browser_of: Browser, path: str) -> None:
        browser, course = browser_of("admin"), CourseFactory.create()
        answer = self.refused(
            browser, path.format(course.pk), {"description": "One\r\nTwo", "is_open": None}, course
        )
        assert Course.objects.get().is_open
        assert press_try_again(browser, answer).status_code == 302
        now = Course.objects.get()
        assert (now.description, now.is_open) == ("One\r\nTwo", False)

    def test_the_association_form_with_all_that_was_chosen(self, browser_of: Browser) -> None:
        browser, student, courses = (
            browser_of("admin"),
            StudentFactory.create(),
            CourseFactory.create_batch(2),
        )
        answer = self.refused(
            browser,
            f"/students/{student.pk}/courses/",
            {"courses": [str(course.pk) for course in courses]},
            student,
        )
        assert not Enrollment.objects.exists()
        assert press_try_again(browser, answer).status_code == 302
        assert Enrollment.objects.filter(status=Status.ACTIVE).count() == 2

    def test_a_withdrawal_and_the_page_it_came_from(self, browser_of: Browser) -> None:
        browser, row = (
            browser_of("admin"),
            enrolled(StudentFactory.create(), CourseFactory.create()),
        )
        path = f"/students/{row.student_id}/courses/{row.course_id}/withdraw/?from=course&x=%22"
        answer = self.refused(browser, path, {"reason": "moved"}, row.course)
        assert action_of(answer) == path
        assert press_try_again(browser, answer)["Location"] == f"/courses/{row.course_id}/"
        assert Enrollment.objects.get().status == Status.WITHDRAWN

    def test_an_enrollment_in_the_admin(self, browser_of: Browser) -> None:
        browser, row = (
            browser_of("admin"),
            enrolled(StudentFactory.create(), CourseFactory.create()),
        )
        answer = self.refused(
            browser,
            f"/admin/students/enrollment/{row.pk}/change/",
            {"status": "completed"},
            row.course,
        )
        assert press_try_again(browser, answer).status_code == 302
        assert Enrollment.objects.get().status == Status.COMPLETED

    def test_courses_of_a_student_in_the_admin(self, browser_of: Browser) -> None:
        browser, student, course = (
            browser_of("admin"),
            StudentFactory.create(),
            CourseFactory.create(),
        )
        fields = {"enrollments-0-course": course.pk, "first_name": "Ann"}
        answer = self.refused(
            browser, f"/admin/students/student/{student.pk}/change/", fields, course
        )
        assert Student.objects.get().first_name != "Ann"
        assert press_try_again(browser, answer).status_code == 302
        assert (Student.objects.get().first_name, Enrollment.objects.get().course) == (
            "Ann",
            course,
        )


class TestPage:
    def broken(self, browser: Client, path: str, fields: dict[str, Any], view: str) -> Any:
        browser.raise_request_exception = False
        with patch(view, side_effect=OperationalError("away")):
            return browser.post(path, fields)

    def test_no_password_is_repeated_and_no_database_is_asked(self, client: Client) -> None:
        """Runs without access to a database."""
        fields = {
            "username": "ann",
            "password": "secret",
            "old_password": "secret",
            "csrfmiddlewaretoken": "old",
        }
        answer = self.broken(
            client,
            "/login/?next=/students/",
            fields,
            "django.contrib.auth.views.LoginView.dispatch",
        )
        assert (answer.status_code, action_of(answer)) == (503, "/login/?next=/students/")
        sent = fields_of(main_of(answer))
        assert set(sent) == {"username", "csrfmiddlewaretoken"}
        assert sent["csrfmiddlewaretoken"] != ["old"]
        assert "secret" not in answer.content.decode()

    def test_the_new_token_is_taken(self) -> None:
        browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        browser.cookies["csrftoken"] = "a" * 32
        answer = self.broken(
            browser,
            "/login/",
            {"username": "ann", "csrfmiddlewaretoken": "a" * 32},
            "django.contrib.auth.views.LoginView.dispatch",
        )
        assert answer.status_code == 503
        again = self.broken(
            browser,
            "/login/",
            fields_of(answer.content.decode()),
            "django.contrib.auth.views.LoginView.dispatch",
        )
        assert (again.status_code, fields_of(again.content.decode())["username"]) == (503, ["ann"])

    def test_a_body_that_cannot_be_read_is_not_kept(self, client: Client) -> None:
        client.raise_request_exception = False
        with (
            patch(
                "django.contrib.auth.views.LoginView.dispatch", side_effect=OperationalError("away")
            ),
            patch("django.middleware.csrf.CsrfViewMiddleware.process_view", return_value=None),
        ):
            answer = client.post(
                "/login/", b"no parts", content_type="multipart/form-data; boundary=x" + "y" * 300
            )
        assert answer.status_code == 503
        assert '<form method="post"' not in main_of(answer)

    def test_what_was_only_read_has_nothing_to_keep(self, client: Client) -> None:
        client.raise_request_exception = False
        with patch(
            "django.contrib.auth.views.LoginView.dispatch", side_effect=OperationalError("away")
        ):
            assert '<form method="post"' not in main_of(client.get("/login/"))
