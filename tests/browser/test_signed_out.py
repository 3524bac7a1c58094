"""The sign-in ends while somebody works: nothing typed is lost, with and without JavaScript."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from students.models import Student
from tests.browser.accessible import Look, find_faults
from tests.browser.conftest import School
from tests.browser.test_lost_answers import FORMS, Form

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def user(school: School) -> User:
    user = User.objects.create_user("regina", password="a long password")
    user.groups.add(Group.objects.get(name="Registrar"))
    return user


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("regina")
    page.get_by_label("Password").fill("a long password")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_long_form_and_the_association_form_are_kept(
    open_as: Callable[..., Page], school: School, user: User, *, javascript: bool
) -> None:
    page = open_as(javascript=javascript)
    page.goto("/students/new/")
    sign_in(page)
    for label, value in (("Number", "N-1"), ("First name", "Nora"), ("Last name", "New")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_label("Vorname")).to_have_value("Nora")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Email").fill("nora@school.example")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    if javascript:
        assert find_faults(page, [Look(1280, "light")]) == []
    sign_in(page)
    expect(page.get_by_role("heading", name="Send it now?")).to_be_visible()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Last name")).to_have_value("New")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Nora New")).to_be_visible()
    assert Student.objects.filter(number="N-1").count() == 1

    page.goto(f"/students/{school.student.pk}/courses/")
    page.locator(f"#pick-{school.open.pk}").check()
    if javascript:
        expect(page.get_by_text("would be: enrolled")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    if javascript:
        # A search is answered with the sign-in page, which does not take the place of the form.
        page.get_by_label("Search", exact=True).fill("bio")
        expect(page.locator("#trouble")).to_contain_text("signed out")
        expect(page.locator(f"#pick-{school.open.pk}")).to_be_checked()
    page.get_by_role("button", name="Enroll the chosen").click()
    sign_in(page)
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("status").first).to_contain_text("enrolled: BIO-101")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("javascript", [True, False])
def test_each_form_is_kept(
    open_as: Callable[..., Page], school: School, user: User, *, javascript: bool, form: Form
) -> None:
    page = open_as(javascript=javascript)
    page.goto("/login/")
    sign_in(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    form.fill(page, school)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name=form.button, exact=True).click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    sign_in(page)
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_role("button", name=form.button, exact=True)).to_be_visible()
    assert not form.is_saved(school)
    page.get_by_role("button", name=form.button, exact=True).click()
    expect(page.locator(".messages")).to_be_visible()
    assert form.is_saved(school)


@pytest.mark.parametrize("javascript", [True, False])
def test_ticks_of_a_roster_are_kept(
    open_as: Callable[..., Page], school: School, user: User, *, javascript: bool
) -> None:
    page = open_as(javascript=javascript)
    page.goto(f"/courses/{school.held.pk}/")
    sign_in(page)
    page.locator(f"#tick-{school.student.pk}").check()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Withdraw the ticked").click()
    sign_in(page)
    expect(page.get_by_role("heading", name="Withdraw 1 student")).to_be_visible()
