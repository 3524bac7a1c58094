"""Every page, light and dark, on a desk and on a phone: accessible by axe-core's rules, and no wider than the screen."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# WCAG 2.2 AA, and axe's best practices.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def paths(school: School) -> list[str]:
    student, course = f"/students/{school.student.pk}/", f"/courses/{school.open.pk}/"
    return [
        "/",
        "/?q=an",
        "/students/",
        "/students/new/",
        student,
        f"{student}edit/",
        f"{student}courses/?courses={school.full.pk}",
        f"{student}courses/{school.held.pk}/withdraw/",
        "/courses/",
        "/courses/new/",
        f"/courses/{school.held.pk}/",
        f"/courses/{school.held.pk}/sheet/",
        f"/courses/{school.held.pk}/withdraw/?students={school.student.pk}",
        f"{course}edit/",
        f"{course}students/?q=a",
        "/terms/",
        "/terms/new/",
        "/tokens/",
        "/nowhere/",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (320, "light")])
def test_every_page(open_as: Callable[..., Page], school: School, width: int, scheme: str) -> None:
    page = open_as("Registrar", width=width, scheme=scheme)
    found = {}
    for path in paths(school):
        page.goto(path)
        found[path] = faults_of(page, width)

    page.goto(f"/students/{school.student.pk}/courses/?courses={school.full.pk}&courses={school.open.pk}")
    page.get_by_role("button", name="Enroll the chosen").click()
    found["refused"] = faults_of(page, width)

    page.get_by_text("Paste a list").click()
    page.get_by_label("Codes of courses").fill("XYZ-1")
    page.get_by_role("button", name="Choose these").click()
    page.get_by_text("names no course").last.wait_for()
    found["a list that names nothing"] = faults_of(page, width)

    page.goto(f"/students/{school.student.pk}/courses/")
    page.get_by_label("BIO-101 Biology").check()
    page.get_by_text("would be: enrolled").wait_for()
    found["checked"] = faults_of(page, width)

    page.goto("/tokens/")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    found["the help sheet"] = faults_of(page, width)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Make a token").click()
    found["a new token"] = faults_of(page, width)

    page = open_as(width=width, scheme=scheme)
    page.goto("/")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    found["not signed in"] = faults_of(page, width)

    assert {name: faults for name, faults in found.items() if faults} == {}


def faults_of(page: Page, width: int) -> list[Any]:
    answer = Axe().run(page, options=RULES).response
    assert answer["passes"]
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [
        *((violation["id"], [node["html"] for node in violation["nodes"]][:3]) for violation in answer["violations"]),
        *([f"{wide} px wide"] if wide > width else []),
    ]


def test_the_admin_and_the_docs_keep_to_the_policy(open_as: Callable[..., Page], school: School) -> None:
    page = open_as("Registrar", width=400)
    for path in ("", "students/student/", f"students/student/{school.student.pk}/history/", "students/enrollment/", "courses/term/add/"):
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400

    page.locator(".datetimeshortcuts a:has(.date-icon)").first.click()
    page.locator(".calendarbox td a").first.click()
    assert page.get_by_label("Starts on").input_value()

    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("bio")
    page.get_by_role("option", name=str(school.open)).click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()

    page.goto("/api/docs/")
    page.locator(".opblock").first.wait_for()
