"""Every page of the admin in its states, in several looks: accessible by axe-core's rules and no
wider than the window."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from students.models import Status
from tests.browser.accessible import PageChecker, Window, each_window
from tests.browser.conftest import School

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    each_window,
]
OpenAs = Callable[..., Page]


def paths(school: School) -> list[str]:
    student, course = f"students/student/{school.student.pk}", f"courses/course/{school.held.pk}"
    row = f"students/enrollment/{school.student.enrollments.get(course=school.held).pk}"
    return [
        "",
        "students/",
        "students/student/",
        "students/student/?q=lee&is_active__exact=1&term=2026-FA",
        "students/student/?q=nobody",
        "students/student/add/",
        f"{student}/change/",
        f"{student}/history/",
        f"{student}/delete/",
        "courses/course/",
        "courses/course/?seats=full&o=4",
        "courses/course/add/",
        f"{course}/change/",
        f"{course}/history/",
        "courses/term/",
        "courses/term/add/",
        f"courses/term/{school.held.term_id}/change/",
        "students/enrollment/",
        "students/enrollment/?status__exact=active&in_course=mat",
        "students/enrollment/add/",
        f"{row}/change/",
        f"{row}/history/",
        "accounts/accesschange/",
        "knox/authtoken/",
        "auth/user/",
        "auth/user/add/",
        f"auth/user/{User.objects.get().pk}/change/",
        f"auth/user/{User.objects.get().pk}/password/",
        "auth/group/",
        "auth/group/add/",
        "password_change/",
    ]


def test_every_page_is_accessible(open_as: OpenAs, school: School, window: Window | None) -> None:
    checker = PageChecker(window)
    page = open_as("admin", **checker.options)
    for path in paths(school):
        page.goto(f"/admin/{path}")
        checker.check(page, path)
    assert checker.faults == {}


def test_every_state_of_a_page_is_accessible(
    open_as: OpenAs, school: School, window: Window | None
) -> None:
    checker = PageChecker(window)
    page = open_as("admin", **checker.options)

    for path in (
        "students/student/add/",
        "courses/course/add/",
        "courses/term/add/",
        "students/enrollment/add/",
        "auth/user/add/",
    ):
        page.goto(f"/admin/{path}")
        page.locator("#content form").first.evaluate("form => { form.noValidate = true }")
        page.locator("#content input[type=submit]").last.click()
        page.locator(".errornote").wait_for()
        checker.check(page, f"{path} with errors")

    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("che")
    page.get_by_role("option", name=str(school.full)).wait_for()
    checker.check(page, "choosing")
    page.get_by_role("option", name=str(school.full)).click()
    page.locator("input[name=_save]").click()
    page.locator(".errornote").wait_for()
    checker.check(page, "refused beside its row")

    select(page, "students/student/", "enroll")
    checker.check(page, "enroll")
    page.get_by_label(school.full.code).check()
    page.locator("form.enrolling input[type=submit]").nth(1).click()
    page.locator("#outcomes").wait_for()
    checker.check(page, "enroll: what would happen")
    select(page, "courses/course/", "enroll_students")
    checker.check(page, "enroll students")
    select(page, f"students/enrollment/?status__exact={Status.ACTIVE}", "withdraw")
    checker.check(page, "withdraw: what would happen")
    page.locator("input[name=confirm]").click()
    page.locator(".messagelist").wait_for()
    checker.check(page, "withdrawn")
    select(page, "students/student/", "delete_selected")
    checker.check(page, "delete several")

    page.locator("#logout-form button").click()
    page.locator("#id_username").or_(page.get_by_text("Log in again")).wait_for()
    page.goto("/admin/")
    checker.check(page, "sign in")
    page.locator("#id_username").fill("nobody")
    page.locator("#id_password").fill("wrong")
    page.get_by_role("main").locator("button[type=submit]").click()
    page.get_by_role("main").get_by_role("alert").wait_for()
    checker.check(page, "not signed in")
    assert checker.faults == {}


def select(page: Page, path: str, action: str) -> None:
    """Select all rows of a list and run `action` on them."""
    page.goto(f"/admin/{path}")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(action)
    with page.expect_navigation():
        page.locator("button[name=index]").click()
