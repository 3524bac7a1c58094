"""Ticks in a browser: each stays with its row, with and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def course(school: School) -> Course:
    course = CourseFactory.create(code="TICK-1", capacity=None)
    for place, name in enumerate(("Abel", "Bell", "Cole", "Dorn", "Egli")):
        student = StudentFactory.create(first_name="Ann", last_name=name, number=f"T-{9 - place}")
        enrolled(student, course)
    return course


@pytest.mark.parametrize("javascript", [True, False])
def test_ticks_on_a_roster_stay_with_their_students(
    open_as: Callable[..., Page], course: Course, *, javascript: bool
) -> None:
    page = open_as("Clerk", javascript=javascript)
    page.goto(f"/courses/{course.pk}/")

    def search() -> None:
        if not javascript:
            page.get_by_role("button", name="Search").click()

    def expect_ticked() -> None:
        for name in ("Abel", "Cole"):
            expect(page.get_by_role("checkbox", name=f"Ann {name}")).to_be_checked()
        expect(page.locator("input[name=students]:checked")).to_have_count(2)

    page.get_by_role("checkbox", name="Ann Abel").check()
    page.get_by_role("checkbox", name="Ann Cole").check()
    page.get_by_label("Sort by").select_option("Number")
    search()
    expect(page.locator("tbody tr").first).to_contain_text("Egli")
    expect_ticked()
    page.get_by_label("Search", exact=True).fill("dorn")
    search()
    expect(page.locator("main th", has_text="Egli")).to_have_count(0)
    expect_ticked()
    page.get_by_role("button", name="Withdraw the ticked").click()
    expect(page.get_by_role("heading", name="Withdraw 2 students")).to_be_visible()
    expect(page.locator("main form li")).to_contain_text(["Ann Abel", "Ann Cole"])
    page.get_by_role("link", name="Cancel").click()
    expect_ticked()
    expect(page.get_by_label("Search", exact=True)).to_have_value("dorn")


@pytest.mark.parametrize("javascript", [True, False])
def test_open_prerequisites_are_ticked_and_withdrawn(
    open_as: Callable[..., Page], course: Course, *, javascript: bool
) -> None:
    course.prerequisites = ["MAT-103"]
    course.save()
    page = open_as("Clerk", javascript=javascript)
    page.goto("/terms/")
    with page.expect_navigation():
        page.locator(f"a[href='/terms/{course.term.code}/prerequisites/']").click()

    def search() -> None:
        if not javascript:
            with page.expect_navigation():
                page.get_by_role("button", name="Search").click()

    page.get_by_role("checkbox", name="Ann Abel").check()
    page.get_by_label("Sort by").select_option("Latest first")
    search()
    expect(page.locator("tbody tr").first).to_contain_text("Egli")
    expect(page.get_by_role("checkbox", name="Ann Abel")).to_be_checked()
    page.get_by_label("Search", exact=True).fill("tick1 cole")
    search()
    expect(page.locator("main th", has_text="Egli")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="Ann Abel")).to_be_checked()
    page.get_by_role("checkbox", name="Ann Cole").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Withdraw the ticked").click()
    expect(page.get_by_role("heading", name="Withdraw 2 enrollments")).to_be_visible()
    expect(page.locator("main form li")).to_contain_text(["Ann Abel", "Ann Cole"])
    page.get_by_label("Reason").fill("failed")
    with page.expect_navigation():
        page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("withdrawn: Ann Abel")
    expect(page.get_by_label("Search", exact=True)).to_have_value("tick1 cole")
    expect(page.get_by_text("No enrollment was found.")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    expect(page.locator(".messages")).to_contain_text("Could not be undone")
