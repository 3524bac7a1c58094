"""Every page of the admin in its states, light and dark, on a desk and on a phone, in both languages: accessible by axe-core's rules,
and no wider than the screen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from students.models import Status
from tests.browser.accessible import LOOKED_AT, LOOKS, faults_of
from tests.browser.conftest import School

pytestmark = [
    LOOKED_AT,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("look", LOOKS, ids=str),
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


def test_every_page(open_as: OpenAs, school: School, look: Any) -> None:
    page = open_as("admin", **look.window)
    found = {}
    for path in paths(school):
        page.goto(f"/admin/{path}")
        found[path] = faults_of(page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_every_state(open_as: OpenAs, school: School, look: Any) -> None:
    page = open_as("admin", **look.window)
    found = {}

    for path in (
        "students/student/add/",
        "courses/course/add/",
        "courses/term/add/",
        "students/enrollment/add/",
        "auth/user/add/",
        "password_change/",
    ):
        page.goto(f"/admin/{path}")
        page.locator("#content form").first.evaluate("form => { form.noValidate = true }")
        page.locator("#content input[type=submit]").last.click()
        page.locator(".errornote").wait_for()
        found[f"{path} with errors"] = faults_of(page)

    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("che")
    page.get_by_role("option", name=str(school.full)).wait_for()
    found["choosing"] = faults_of(page)
    page.get_by_role("option", name=str(school.full)).click()
    page.locator("input[name=_save]").click()
    page.locator(".errornote").wait_for()
    found["refused beside its row"] = faults_of(page)

    select(page, "students/student/", "enroll")
    found["enroll"] = faults_of(page)
    page.get_by_label(school.full.code).check()
    page.locator("form.enrolling input[type=submit]").nth(1).click()
    page.locator("#outcomes").wait_for()
    found["enroll: what would happen"] = faults_of(page)
    select(page, "courses/course/", "enroll_students")
    found["enroll students"] = faults_of(page)
    select(page, f"students/enrollment/?status__exact={Status.ACTIVE}", "withdraw")
    found["withdraw: what would happen"] = faults_of(page)
    page.locator("input[name=confirm]").click()
    page.locator(".messagelist").wait_for()
    found["withdrawn"] = faults_of(page)
    select(page, "students/student/", "delete_selected")
    found["delete several"] = faults_of(page)

    page.locator("#logout-form button").click()
    page.goto("/admin/")
    found["sign in"] = faults_of(page)
    page.locator("#id_username").fill("nobody")
    page.locator("#id_password").fill("wrong")
    page.locator("input[type=submit]").click()
    page.locator(".errornote").wait_for()
    found["not signed in"] = faults_of(page)
    assert {name: faults for name, faults in found.items() if faults} == {}


def select(page: Page, path: str, action: str) -> None:
    """Tick all rows of a list, and go to the page that an action leads to."""
    page.goto(f"/admin/{path}")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(action)
    page.locator("button[name=index]").click()
    page.wait_for_load_state()
