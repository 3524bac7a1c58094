"""A form is saved once, and its input is kept: double clicks, slow responses, reloads, two tabs
and the back button."""

from collections.abc import Callable

import pytest
from knox.models import AuthToken
from playwright.sync_api import Page, Route, expect

from core.pages.views import EditView
from students.models import Status, Student
from tests.browser.conftest import School, busy, expect_messages

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenAs = Callable[..., Page]
NORA = {"Number": "N-1", "First name": "Nora", "Last name": "New", "Email": "nora@school.example"}


def fill(page: Page, values: dict[str, str]) -> None:
    for label, text in values.items():
        page.get_by_label(label).fill(text)


# Playwright does not read a page that is being left, so the page records what it shows.
CLICKS = """
async (button) => {
  const soon = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  button.click();
  button.click();
  await soon(700);
  const words = button.value || button.textContent;
  const live = document.querySelector("p[aria-live]").textContent;
  sessionStorage.shown = [words, live, button.form.ariaBusy];
  button.click();
}
"""


def click_again_and_again(page: Page, name: str) -> int:
    """Click a button repeatedly while the response is held back. Returns the number of requests."""
    held: list[Route] = []
    page.route(
        "**/*",
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    button = page.get_by_role("button", name=name, exact=True).element_handle()
    page.evaluate(f"(button) => {{ ({CLICKS})(button) }}", button)
    page.wait_for_timeout(1000)
    for route in held:
        route.continue_()
    page.wait_for_load_state()
    page.unroute_all()
    return len(held)


def test_a_form_that_takes_long_says_so_and_is_sent_once(open_as: OpenAs, school: School) -> None:
    page = open_as("Registrar")
    page.goto("/students/new/")
    fill(page, NORA)
    assert click_again_and_again(page, "Save") == 1
    expect(page.get_by_role("heading", name="Nora New")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("was saved")
    assert page.evaluate("sessionStorage.shown") == "Working…,Working…,true"

    # The form can be sent again after going back, and reports that the number exists.
    page.go_back()
    expect(page.get_by_label("Number")).to_have_value("N-1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("already exists")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("already exists")
    expect(page.get_by_label("Last name")).to_have_value("New")
    assert Student.objects.filter(number="N-1").count() == 1


# All timers of a page run ten times as fast.
HURRY = """
const slow = setTimeout;
window.setTimeout = (work, milliseconds) => slow(work, milliseconds / 10);
"""
STOPPED = """
async (button) => {
  button.click();
  const soon = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  while (button.textContent !== "Working…") await soon(100);
  // By now the server has said that it is there, and the form is on its way.
  await soon(5000);
  window.stop();
}
"""


def test_a_form_whose_sending_was_stopped_can_be_sent_again(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Registrar")
    page.add_init_script(HURRY)
    page.goto("/students/new/")
    fill(page, NORA)
    page.route("**/*", lambda route: None if route.request.method == "POST" else route.continue_())
    button = page.get_by_role("button", name="Save").or_(
        page.get_by_role("button", name="Working…")
    )
    button.evaluate(STOPPED)
    page.unroute_all()
    expect(button).to_have_text("Save")
    expect(page.locator("form[aria-busy]")).to_have_count(0)
    button.click()
    expect_messages(page, "was saved")
    assert Student.objects.filter(number="N-1").count() == 1


def test_actions_of_the_admin_say_that_they_are_at_work_and_are_sent_once(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Registrar")
    page.goto("/admin/students/enrollment/?status__exact=active")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("withdraw")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    page.get_by_role("button", name="Withdraw", exact=True).wait_for()
    assert click_again_and_again(page, "Withdraw") == 1
    assert page.evaluate("sessionStorage.shown") == "Working…,Working…,true"
    expect(page.locator(".messagelist")).to_contain_text("Withdrawn")
    assert school.student.enrollments.get(course=school.held).history.count() == 2


@pytest.mark.parametrize("javascript", [True, False])
def test_two_tabs_with_the_same_form_enroll_once(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    first = open_as("Clerk", javascript=javascript)
    second = first.context.new_page()
    for page in (first, second):
        page.goto(f"/students/{school.student.pk}/courses/")
        page.get_by_label("BIO-101 Biology").check()
    first.get_by_role("button", name="Enroll the chosen").click()
    expect(first.get_by_role("status").first).to_contain_text("enrolled: BIO-101")
    second.get_by_role("button", name="Enroll the chosen").click()
    expect(second.get_by_role("status").first).to_contain_text("nothing to change: BIO-101")
    # Go back and send the form once more.
    second.go_back()
    second.get_by_label("CHE-102 Chemistry").check()
    second.get_by_label("Where a course is full").select_option("waitlist")
    second.get_by_role("button", name="Enroll the chosen").click()
    expect(second.get_by_role("status").first).to_contain_text("on the waitlist, place 1: CHE-102")
    assert [
        row.history.count()
        for row in school.student.enrollments.filter(course__in=[school.open, school.full])
    ] == [1, 1]


def test_two_tabs_of_one_row_lose_nothing(open_as: OpenAs, school: School) -> None:
    first = open_as("Registrar")
    second = first.context.new_page()
    for page in (first, second):
        page.goto(f"/students/{school.student.pk}/edit/")
    fill(first, {"First name": "Anna"})
    fill(second, {"First name": "Hanna", "Last name": "Leigh"})
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("heading", name="Anna Lee")).to_be_visible()
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("has changed it to “Anna” meanwhile")
    expect(second.get_by_label("First name")).to_have_value("Hanna")
    expect(second.get_by_label("Last name")).to_have_value("Leigh")


def test_a_refused_form_that_is_reloaded_keeps_what_was_filled_in_and_does_nothing(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Clerk")
    page.goto(f"/students/{school.student.pk}/courses/")
    page.get_by_label("CHE-102 Chemistry").check()
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("alert")).to_contain_text("is full")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("is full")
    expect(page.get_by_label("CHE-102 Chemistry")).to_be_checked()
    assert not school.student.enrollments.filter(course=school.full).exists()


def test_back_after_a_withdrawal_withdraws_nobody_again(open_as: OpenAs, school: School) -> None:
    page = open_as("Clerk")
    page.goto(f"/students/{school.student.pk}/courses/{school.held.pk}/withdraw/")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status").first).to_contain_text("was withdrawn")
    page.reload()
    # A page from the back/forward cache has the form, a page that is loaded again has not.
    page.go_back()
    if page.get_by_role("button", name="Withdraw").count():
        page.get_by_role("button", name="Withdraw").click()
    expect(
        page.get_by_text("It does not exist, or not any more. Nothing was saved.")
    ).to_be_visible()
    row = school.student.enrollments.get(course=school.held)
    assert (row.status, row.history.count()) == (Status.WITHDRAWN, 2)


def test_what_is_undone_is_undone_once(open_as: OpenAs, school: School) -> None:
    page = open_as("Clerk")
    page.goto(f"/students/{school.student.pk}/courses/{school.held.pk}/withdraw/")
    with page.expect_navigation():
        page.get_by_role("button", name="Withdraw").click()
    assert click_again_and_again(page, "Undo") == 1
    expect(page.get_by_role("status").first).to_contain_text("Undone")
    # The page is loaded again, as no page is stored: it offers to undo what happened last.
    page.go_back()
    expect(page.get_by_role("row", name="MAT-103")).to_contain_text("active")
    row = school.student.enrollments.get(course=school.held)
    assert (row.status, row.history.count()) == (Status.ACTIVE, 3)


@pytest.mark.parametrize("javascript", [True, False])
def test_what_could_not_be_saved_is_kept_and_sent_once_more(
    open_as: OpenAs, school: School, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    page.goto("/students/new/")
    fill(page, NORA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EditView, "post", busy)
        for button in ("Save", "Try again"):
            with page.expect_navigation():
                page.get_by_role("button", name=button).click()
            expect(page.get_by_text("What you typed is kept on this page.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect_messages(page, "was saved")
    assert Student.objects.get(number="N-1").email == NORA["Email"]


def test_a_new_token_that_is_reloaded_is_not_made_twice(open_as: OpenAs, school: School) -> None:
    page = open_as("Clerk")
    page.goto("/tokens/")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    page.reload()
    expect(page.get_by_role("status").first).to_contain_text("made no other")
    assert AuthToken.objects.count() == 1


@pytest.mark.parametrize("cookie", ["csrftoken", "__Host-csrftoken"])
def test_a_page_that_was_open_before_a_sign_in_sends_the_new_token(
    open_as: OpenAs, school: School, cookie: str
) -> None:
    """Under https the cookie's name has a prefix. A browser sets no such cookie under http."""
    page = open_as("Registrar")
    page.goto("/students/new/")
    page.evaluate(
        "(text) => Object.defineProperty(document, 'cookie', { get: () => text })",
        f"other=1; {cookie}=renewed",
    )
    sent = page.evaluate(
        """() => {
          const form = document.querySelector("main form[method=post]");
          form.addEventListener("submit", (event) => event.preventDefault());
          form.noValidate = true;
          form.requestSubmit();
          return form.querySelector("input[name=csrfmiddlewaretoken]").value;
        }"""
    )
    assert sent == "renewed"
