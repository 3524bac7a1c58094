"""A day at the enrollment desk from end to end, with JavaScript and without."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from students.enrollment import service
from students.enrollment.transitions import EnrollmentChange, Options
from students.factories import StudentFactory
from students.models import Status
from tests.browser.conftest import School, expect_messages

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("javascript", [True, False]),
]


def test_a_clerk_finds_pastes_checks_enrolls_undoes_withdraws_and_clears_a_roster(
    open_as: Callable[..., Page], school: School, user_of: Callable[[str], User], javascript: bool
) -> None:
    waiter = StudentFactory.create(first_name="Wanda", last_name="Waits")
    service.apply_changes([EnrollmentChange(waiter.pk, school.full.pk)], Options(waitlist=True))
    taker = school.full.enrollments.get(status=Status.ACTIVE).student
    user_of("Clerk")
    page = open_as(javascript=javascript)

    page.goto("/")
    page.get_by_label("Username").fill("clerk")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Desk")).to_be_visible()
    page.get_by_label("Find a student or a course").fill("lee an")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=str(school.student)).first.click()
    page.get_by_role("link", name="Enroll in courses").click()

    # Pasted codes select their courses, and the outcomes are shown before anything is saved.
    page.get_by_text("Paste a list").click()
    page.get_by_label("Codes of courses").fill("BIO-101\nCHE-102")
    page.get_by_role("button", name="Choose these").click()
    expect(page.get_by_label("BIO-101 Biology")).to_be_checked()
    expect(page.get_by_label("CHE-102 Chemistry")).to_be_checked()
    expect(
        page.get_by_text("CHE-102 (2026-FA) is full: 1 of 1 seats are taken.").first
    ).to_be_visible()
    page.get_by_label("Where a course is full").select_option("Put the student on the waitlist")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("would be: on the waitlist, place 2")).to_be_visible()
    expect(page.get_by_text("would be: enrolled")).to_be_visible()
    assert school.student.enrollments.count() == 2
    page.get_by_role("button", name="Enroll the chosen").click()
    expect_messages(
        page, "enrolled: BIO-101 (2026-FA)", "on the waitlist, place 2: CHE-102 (2026-FA)"
    )
    expect(page.get_by_role("row", name="BIO-101")).to_contain_text("active")
    expect(page.get_by_role("row", name="CHE-102")).to_contain_text("waitlisted")

    page.get_by_role("button", name="Undo", exact=True).click()
    expect_messages(page, "Undone")
    assert set(school.student.enrollments.values_list("course__code", "status")) >= {
        ("BIO-101", "withdrawn"),
        ("CHE-102", "withdrawn"),
    }

    page.get_by_role("link", name="Withdraw MAT-103 (2026-FA)").click()
    page.get_by_label("Reason").fill("moved away")
    page.get_by_role("button", name="Withdraw").click()
    expect_messages(page, "was withdrawn from MAT-103 (2026-FA)")
    expect(page.get_by_text("moved away")).to_be_visible()

    # Selected students are withdrawn, and waiting ones promoted, as the page before shows.
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Courses").click()
    page.get_by_label("Search").fill("chem")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="CHE-102").click()
    page.get_by_role("checkbox", name=taker.name).check()
    page.get_by_role("button", name="Withdraw").click()
    expect(
        page.get_by_role("heading", name="Withdraw 1 student from CHE-102 (2026-FA)?")
    ).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("These move up from the waitlist:")
    expect(page.get_by_role("listitem").filter(has_text=str(waiter))).to_be_visible()
    assert school.full.enrollments.get(student=taker).status == Status.ACTIVE
    page.get_by_role("button", name="Withdraw").click()
    expect_messages(page, str(taker), str(waiter))
    expect(page.get_by_role("row", name="Waits, Wanda")).to_contain_text("active")
    assert dict(school.full.enrollments.values_list("student", "status")) == {
        taker.pk: "withdrawn",
        waiter.pk: "active",
        school.student.pk: "withdrawn",
    }

    page.get_by_role("button", name="Sign out clerk").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_registrar_overrides_what_a_clerk_is_refused_and_a_higher_capacity_lets_in_who_waits(
    open_as: Callable[..., Page], school: School, javascript: bool
) -> None:
    waiter = StudentFactory.create(first_name="Wanda", last_name="Waits")
    clerk, registrar = (
        open_as("Clerk", javascript=javascript),
        open_as("Registrar", javascript=javascript),
    )

    clerk.goto(f"/students/{school.student.pk}/courses/")
    clerk.get_by_label("CHE-102 Chemistry").check()
    clerk.get_by_role("button", name="Enroll the chosen").click()
    expect(clerk.get_by_role("alert")).to_contain_text(
        "CHE-102 (2026-FA) is full: 1 of 1 seats are taken."
    )
    expect(clerk.get_by_text("Override what was refused")).to_have_count(0)

    registrar.goto(f"/students/{school.student.pk}/courses/")
    registrar.get_by_label("CHE-102 Chemistry").check()
    registrar.get_by_role("button", name="Enroll the chosen").click()
    expect(registrar.get_by_role("alert")).to_contain_text("is full")
    registrar.get_by_label("Enroll although the course is full").check()
    registrar.get_by_role("button", name="Enroll the chosen").click()
    expect(registrar.get_by_role("alert")).to_contain_text("An override needs a reason.")
    registrar.get_by_label("Reason").fill("the dean agreed")
    registrar.get_by_role("button", name="Enroll the chosen").click()
    expect_messages(registrar, "enrolled: CHE-102 (2026-FA)")
    entry = registrar.get_by_role("listitem").filter(has_text="the dean agreed")
    expect(entry).to_contain_text("although the course is full")
    expect(entry).to_contain_text("registrar")

    clerk.goto(f"/courses/{school.full.pk}/students/?q=waits")
    clerk.get_by_label("Waits").check()
    clerk.get_by_label("Where a course is full").select_option("Put the student on the waitlist")
    clerk.get_by_role("button", name="Enroll the chosen").click()
    expect_messages(clerk, "on the waitlist, place 1")
    expect(clerk.get_by_role("row", name="Waits, Wanda")).to_contain_text("waitlisted")
    expect(clerk.get_by_role("link", name="Edit")).to_have_count(0)

    registrar.goto(f"/courses/{school.full.pk}/edit/")
    registrar.get_by_label("Capacity").fill("3")
    registrar.get_by_role("button", name="Save").click()
    expect_messages(registrar, "was saved", str(waiter))
    registrar.get_by_role("link", name="Waits, Wanda").first.click()
    expect(registrar.get_by_role("row", name="CHE-102")).to_contain_text("active")
    expect(registrar.get_by_role("listitem").filter(has_text="moved up")).to_be_visible()
    assert school.full.enrollments.filter(status=Status.ACTIVE).count() == 3


def test_a_viewer_sees_everything_and_changes_nothing(
    open_as: Callable[..., Page], school: School, javascript: bool
) -> None:
    page = open_as("Viewer", javascript=javascript)
    page.goto("/")
    page.get_by_label("Find a student or a course").fill("lee")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=str(school.student)).first.click()
    expect(page.get_by_role("row", name="MAT-103")).to_contain_text("active")
    verbs = (
        page.get_by_role("main")
        .get_by_role("link")
        .or_(page.get_by_role("main").get_by_role("button"))
    )
    for path in (
        f"/students/{school.student.pk}/",
        f"/courses/{school.held.pk}/",
        "/students/",
        "/courses/",
        "/terms/",
    ):
        page.goto(path)
        for verb in ("Edit", "Enroll", "Add", "Withdraw", "New", "Undo"):
            # Somebody may be called Newman.
            expect(verbs.filter(has_text=re.compile(rf"^\s*{verb}\b"))).to_have_count(0)
    assert page.get_by_role("link", name="Admin").count() == 0

    for path in (
        f"students/{school.student.pk}/courses/",
        f"students/{school.student.pk}/courses/{school.held.pk}/withdraw/",
        f"courses/{school.open.pk}/edit/",
    ):
        page.goto(f"/{path}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Not allowed")
    page.goto("/admin/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not allowed")
    assert school.student.enrollments.get(course=school.held).status == Status.ACTIVE
