"""A clerk's usual work in a browser."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from students.models import Status
from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_clerk_signs_in_finds_enrolls_is_refused_and_withdraws(
    open_as: Callable[..., Page], school: School, user_of: Callable[[str], User], javascript: bool
) -> None:
    user_of("Clerk")
    page = open_as(javascript=javascript)

    page.goto("/")
    page.get_by_label("Username").fill("clerk")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_label("Find a student or a course").fill("lee an")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=str(school.student)).first.click()
    page.get_by_role("link", name="Enroll in courses").click()

    # A search keeps the selected courses.
    page.get_by_label("CHE-102 Chemistry").check()
    page.get_by_label("Search").fill("bio")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_label("CHE-102 Chemistry")).to_be_checked()
    assert "csrf" not in page.url
    page.get_by_label("BIO-101 Biology").check()

    # Chemistry is full: nothing is saved, and the form keeps its input.
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "CHE-102 (2026-FA) is full: 1 of 1 seats are taken."
    )
    expect(page.get_by_label("CHE-102 Chemistry")).to_be_checked()
    expect(page.get_by_label("BIO-101 Biology")).to_be_checked()
    expect(page.get_by_label("Search")).to_have_value("bio")
    expect(page.get_by_text("would be: enrolled")).to_be_visible()
    assert not school.student.enrollments.filter(course=school.open).exists()

    page.get_by_label("CHE-102 Chemistry").uncheck()
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("status").first).to_contain_text("enrolled: BIO-101 (2026-FA)")
    assert school.student.enrollments.get(course=school.open).status == Status.ACTIVE

    page.get_by_role("link", name="Withdraw BIO-101 (2026-FA)").click()
    page.get_by_label("Reason").fill("moved away")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status").first).to_contain_text("was withdrawn from BIO-101 (2026-FA)")
    expect(page.get_by_text("moved away")).to_be_visible()
    assert school.student.enrollments.get(course=school.open).status == Status.WITHDRAWN

    page.get_by_role("button", name="Sign out clerk").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_keyboard_reaches_the_content_first(open_as: Callable[..., Page]) -> None:
    page = open_as("Clerk")
    page.goto("/students/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_a_clerk_sees_what_would_happen_enrolls_from_a_list_and_undoes_it(
    open_as: Callable[..., Page], school: School
) -> None:
    page = open_as("Clerk")
    page.goto(f"/students/{school.student.pk}/courses/")
    page.get_by_label("CHE-102 Chemistry").check()
    expect(page.get_by_text("CHE-102 (2026-FA) is full: 1 of 1 seats are taken.")).to_be_visible()
    expect(page.get_by_label("CHE-102 Chemistry")).to_be_focused()
    page.get_by_label("Where a course is full").select_option("waitlist")
    expect(page.get_by_text("would be: on the waitlist, place 1")).to_be_visible()
    page.get_by_label("CHE-102 Chemistry").uncheck()
    expect(page.get_by_text("would be:")).to_have_count(0)

    page.get_by_text("Paste a list").click()
    page.get_by_label("Codes of courses").fill("BIO-101\nXYZ-1")
    page.get_by_role("button", name="Choose these").click()
    expect(page.get_by_text("“XYZ-1” names no course")).to_be_visible()
    expect(page.get_by_label("BIO-101 Biology")).to_be_checked()
    assert not school.student.enrollments.filter(course=school.open).exists()
    page.get_by_label("Codes of courses").fill("")
    page.get_by_role("button", name="Enroll the chosen").dblclick()
    expect(page.get_by_role("status").first).to_contain_text("enrolled: BIO-101 (2026-FA)")

    page.reload()
    # The page before is the answer to the pasted list: the browser shows it and sends nothing.
    page.go_back()
    expect(page.get_by_label("BIO-101 Biology")).to_be_checked()
    assert school.student.enrollments.filter(course=school.open).count() == 1
    page = page.context.new_page()
    page.goto(f"/courses/{school.open.pk}/students/?students={school.student.pk}")
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("status").first).to_contain_text("nothing to change")

    page.goto(f"/students/{school.student.pk}/courses/{school.open.pk}/withdraw/")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Undone")
    assert school.student.enrollments.get(course=school.open).status == Status.ACTIVE
