"""The switch of languages keeps what was typed, in the staff pages and the admin."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import School

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("javascript", [True, False]),
]
OpenAs = Callable[..., Page]


def switch_to_german_and_back(page: Page) -> None:
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html[lang=de]")).to_have_count(1)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html[lang=en]")).to_have_count(1)


def test_the_staff_pages_keep_what_was_typed(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    page.goto("/courses/new/")
    page.get_by_label("Description").fill("Two lines\nof text")
    switch_to_german_and_back(page)
    expect(page.get_by_label("Description")).to_have_value("Two lines\nof text")
    expect(page.locator(".summary")).to_have_count(0)

    page.goto(f"/students/{school.student.pk}/courses/")
    page.locator(f"#pick-{school.full.pk}").check()
    page.locator("details.paste summary").click()
    page.locator("#id_paste").fill("BIO-101\nXYZ-1")
    switch_to_german_and_back(page)
    expect(page.locator(f"#pick-{school.full.pk}")).to_be_checked()
    expect(page.locator(f"#pick-{school.open.pk}")).to_be_checked()
    expect(page.locator("#id_paste")).to_have_value("XYZ-1")

    page.goto(f"/courses/{school.held.pk}/?status=all&q=Lee")
    page.locator(f"#tick-{school.student.pk}").check()
    switch_to_german_and_back(page)
    expect(page.get_by_label("Search", exact=True)).to_have_value("Lee")
    expect(page.locator(f"#tick-{school.student.pk}")).to_be_checked()
    page.get_by_role("button", name="Withdraw the ticked").click()
    page.get_by_label("Reason").fill("moved away")
    page.get_by_label("Entered by mistake").check()
    switch_to_german_and_back(page)
    expect(page.get_by_label("Reason")).to_have_value("moved away")
    expect(page.get_by_label("Entered by mistake")).to_be_checked()


def test_the_admin_keeps_what_was_typed(open_as: OpenAs, school: School, javascript: bool) -> None:
    page = open_as("admin", javascript=javascript)
    page.goto(f"/admin/students/student/{school.student.pk}/change/?_changelist_filters=q%3Dlee")
    page.get_by_label("First name").fill("Nora")
    page.get_by_label("Email").fill("")
    page.locator("#id_reason").fill("married")
    page.get_by_label(f"Withdraw {school.student}").first.check()
    switch_to_german_and_back(page)
    expect(page.get_by_label("First name")).to_have_value("Nora")
    expect(page.locator(".errornote")).to_have_count(0)
    expect(page.locator("#id_reason")).to_have_value("married")
    expect(page.get_by_label(f"Withdraw {school.student}").first).to_be_checked()
    page.get_by_label("Email").fill("nora@school.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.locator("#searchbar")).to_have_value("lee")
    school.student.refresh_from_db()
    assert school.student.first_name == "Nora"

    page.goto("/admin/students/enrollment/?status__exact=active")
    page.locator("input[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option("withdraw")
    page.locator("button[name=index]").click()
    page.get_by_label("Reason").fill("moved away")
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("button", name="Jetzt absenden").click()
    expect(page.locator("html[lang=de] #id_reason")).to_have_value("moved away")


def test_the_pages_of_an_account_keep_what_was_typed(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    page.goto("/tokens/")
    page.get_by_label("Name").fill("Nightly")
    page.get_by_label("Access").select_option("read")
    page.get_by_label("Expires after").select_option("30")
    switch_to_german_and_back(page)
    expect(page.get_by_label("Name")).to_have_value("Nightly")
    expect(page.get_by_label("Access")).to_have_value("read")
    expect(page.get_by_label("Expires after")).to_have_value("30")
    expect(page.get_by_text("You have no tokens.")).to_be_visible()

    page = open_as(javascript=javascript)
    page.goto("/login/?next=/students/")
    page.get_by_label("Username").fill("registrar")
    page.get_by_label("Password").fill("pass")
    switch_to_german_and_back(page)
    expect(page.get_by_label("Username")).to_have_value("registrar")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.locator(".summary")).to_have_count(0)
    page.get_by_role("link", name="Forgotten password").click()
    page.get_by_label("Email").fill("nora@school.example")
    switch_to_german_and_back(page)
    expect(page.get_by_label("Email")).to_have_value("nora@school.example")
    page.goto("/login/?next=/students/")
    page.get_by_label("Username").fill("registrar")
    switch_to_german_and_back(page)
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/students/$"))


def test_a_form_that_waits_for_the_sign_in_is_kept(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    page.goto("/terms/new/")
    page.get_by_label("Name").fill("Winter")
    page.context.clear_cookies(name="sessionid")
    page.locator("main form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your sign-in has ended")).to_be_visible()
    page.get_by_label("Username").fill("registrar")
    switch_to_german_and_back(page)
    expect(page.get_by_label("Username")).to_have_value("registrar")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Name")).to_have_value("Winter")
