"""An administrator sets up a term in the admin from end to end, with JavaScript and without."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from courses.models import Course
from tests.browser.conftest import School

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("javascript", [True, False]),
]


def fill(page: Page, values: dict[str, str]) -> None:
    for label, text in values.items():
        page.get_by_label(f"{label}:", exact=True).fill(text)


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Username", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill("pass")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("successfully")


def test_an_administrator_makes_a_term_with_courses_enrolls_many_and_closes_a_course(
    open_as: Callable[..., Page], school: School, user_of: Callable[[str], User], javascript: bool
) -> None:
    user_of("admin")
    page = open_as(javascript=javascript)
    page.goto("/admin/")
    sign_in(page, "admin")

    today = timezone.localdate()
    page.get_by_role("row", name="Terms").get_by_role("link", name="Add").click()
    days = {"Starts on": 30, "Ends on": 150, "Enrollment opens on": 0, "Enrollment closes on": 20}
    fill(
        page,
        {
            "Code": "2027-SP",
            "Name": "Spring 2027",
            **{label: str(today + timedelta(days=number)) for label, number in days.items()},
        },
    )
    save(page)

    for code, title, seats, needed in (
        ("PHY-101", "Physics", "2", ""),
        ("PHY-201", "More Physics", "", "PHY-101"),
    ):
        page.goto("/admin/")
        page.get_by_role("row", name="Courses").get_by_role("link", name="Add").click()
        fill(
            page,
            {
                "Code": code,
                "Title": title,
                "Credits": "4",
                "Capacity": seats,
                "Prerequisites": needed,
            },
        )
        page.get_by_label("Term:", exact=True).select_option("2027-SP")
        save(page)
    physics = Course.objects.get(code="PHY-101", term__code="2027-SP")
    assert (physics.capacity, Course.objects.get(code="PHY-201").prerequisites) == (2, ["PHY-101"])

    # Three students, two seats: the page in between shows each outcome, and saving produces it.
    page.goto("/admin/students/student/")
    boxes = page.get_by_role("row").get_by_role("checkbox")
    for number in (1, 2, 3):
        boxes.nth(number).check()
    page.get_by_label("Action:").select_option("Enroll in…")
    with page.expect_navigation():
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    page.get_by_label("Search").fill("phy")
    with page.expect_navigation():
        page.get_by_role("button", name="Find").click()
    page.get_by_label("PHY-101").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Show what would happen").click()
    expect(page.get_by_role("heading", name="What would happen")).to_contain_text(
        "1 refused, 2 enrolled"
    )
    expect(page.get_by_text("PHY-101 (2027-SP) is full: 2 of 2 seats are taken.")).to_be_visible()
    page.get_by_label("Where a course is full").select_option("Put the student on the waitlist")
    with page.expect_navigation():
        page.get_by_role("button", name="Show what would happen").click()
    expect(page.get_by_role("heading", name="What would happen")).to_contain_text(
        "1 on the waitlist, 2 enrolled"
    )
    assert physics.enrollments.count() == 0
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("PHY-101")
    assert sorted(physics.enrollments.values_list("status", flat=True)) == [
        "active",
        "active",
        "waitlisted",
    ]

    page.goto("/admin/courses/course/?q=phy-101")
    page.get_by_role("link", name="PHY-101").click()
    expect(page.get_by_text("2 / 2")).to_be_visible()
    page.get_by_label("Open", exact=True).uncheck()
    save(page)
    page.goto(f"/admin/courses/course/{physics.pk}/change/")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("row", name="Open: yes → no")).to_contain_text("admin")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_of_the_staff_reads_the_admin_and_changes_nothing(
    open_as: Callable[..., Page], school: School, user_of: Callable[[str], User], javascript: bool
) -> None:
    viewer = user_of("Viewer")
    User.objects.filter(pk=viewer.pk).update(is_staff=True)
    page = open_as(javascript=javascript)
    page.goto("/admin/")
    sign_in(page, "viewer")
    for path in (
        "",
        "students/student/",
        f"students/student/{school.student.pk}/change/",
        f"courses/course/{school.full.pk}/change/",
        "students/enrollment/",
    ):
        page.goto(f"/admin/{path}")
        main = page.get_by_role("main")
        for verb in ("Add", "Change", "Save", "Delete", "Withdraw", "Enroll", "Run", "Go"):
            expect(
                main.get_by_role("link", name=verb, exact=True).or_(
                    main.get_by_role("button", name=verb, exact=True)
                )
            ).to_have_count(0)
        expect(main.get_by_role("checkbox")).to_have_count(0)
    page.goto("/admin/courses/term/add/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not allowed")
