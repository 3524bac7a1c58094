"""Back in the browser, from its caches of responses (HTTP) and of whole pages (back/forward).

What was typed comes back, also on a page that answered a POST. After signing out, no private page.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Error, Page, expect

from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenAs = Callable[..., Page]


@pytest.fixture(scope="module", params=["http cache", "back/forward cache"])
def browser(
    request: pytest.FixtureRequest,
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
) -> Iterator[Browser]:
    """Chromium, with the back/forward cache where the parameter says so."""
    off = [] if request.param == "http cache" else ["--disable-back-forward-cache"]
    browser = browser_type.launch(**browser_type_launch_args, ignore_default_args=off)
    yield browser
    browser.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_back_to_a_refused_form_keeps_what_was_typed(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    page.goto(f"/students/{school.student.pk}/edit/")
    page.get_by_label("First name").fill("Nora")
    page.get_by_label("Number").fill(school.full.enrollments.get().student.number)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("already exists")
    page.get_by_label("Last name").fill("New")
    leave_and_come_back(page)
    expect(page.get_by_role("alert").first).to_contain_text("already exists")
    expect(page.get_by_label("First name")).to_have_value("Nora")
    expect(page.get_by_label("Last name")).to_have_value("New")

    # The association form, after a pasted list and after a refusal.
    page.goto(f"/students/{school.student.pk}/courses/")
    page.locator("details.paste summary").click()
    page.locator("#id_paste").fill("CHE-102\nXYZ-1")
    page.locator("details.paste button").click()
    expect(page.locator(f"#pick-{school.full.pk}")).to_be_checked()
    leave_and_come_back(page)
    expect(page.locator(f"#pick-{school.full.pk}")).to_be_checked()
    expect(page.locator("#id_paste")).to_have_value("XYZ-1")
    page.locator("#id_paste").fill("")
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("alert").first).to_contain_text("is full")
    leave_and_come_back(page)
    expect(page.get_by_role("alert").first).to_contain_text("is full")
    expect(page.locator(f"#pick-{school.full.pk}")).to_be_checked()


@pytest.mark.parametrize("javascript", [True, False])
def test_back_to_a_refused_form_of_the_admin_keeps_what_was_typed(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("admin", javascript=javascript)
    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.get_by_label("First name").fill("Nora")
    page.get_by_label("Number").fill(school.full.enrollments.get().student.number)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errornote")).to_be_visible()
    leave_and_come_back(page, "/admin/courses/term/")
    expect(page.locator(".errornote")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Nora")

    # The confirmation page of an action answers a POST, too.
    page.goto("/admin/students/enrollment/?status__exact=active")
    page.locator("input[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option("withdraw")
    page.locator("button[name=index]").click()
    page.locator("#id_reason").fill("moved away")
    leave_and_come_back(page, "/admin/courses/term/")
    expect(page.locator("#id_reason")).to_have_value("moved away")


def leave_and_come_back(page: Page, path: str = "/terms/") -> None:
    page.goto(path)
    page.go_back()


def test_back_shows_no_private_page_after_signing_out_and_keeps_a_typed_form(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Registrar")
    page.goto("/students/new/")
    page.get_by_label("First name").fill("Nora")
    page.get_by_role("link", name="Courses", exact=True).click()
    expect(page.get_by_role("heading", name="Courses")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("First name")).to_have_value("Nora")

    page.goto(f"/students/{school.student.pk}/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Username")).to_be_visible()
    expect(page.get_by_text(school.student.email)).to_have_count(0)


@pytest.mark.parametrize("path", ["/students/{}/edit/", "/admin/students/student/{}/change/"])
def test_back_shows_no_answer_of_a_form_after_signing_out(
    open_as: OpenAs, school: School, path: str
) -> None:
    page = open_as("admin")
    page.goto(path.format(school.student.pk))
    page.get_by_label("Number").fill(school.full.enrollments.get().student.number)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("already exists").first).to_be_visible()
    expect(page.locator(f"[value='{school.student.email}']")).not_to_have_count(0)
    is_admin = path.startswith("/admin/")
    page.get_by_role("button", name="Log out" if is_admin else "Sign out").click()
    expect(page.get_by_label("Username").or_(page.get_by_text("Log in again"))).to_be_visible()
    with suppress(Error):
        # The browser has no such page any more.
        page.go_back()
    expect(page.locator(f"[value='{school.student.email}']")).to_have_count(0)
