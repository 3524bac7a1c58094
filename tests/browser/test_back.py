"""Back in the browser: no private page after signing out; a half-filled form keeps its text."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_back_shows_no_private_page_after_signing_out_and_keeps_a_typed_form(
    open_as: Callable[..., Page], school: School
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
