"""Forms whose answer is lost or wrong: the page stays, or Back leads to it with what was typed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from playwright.sync_api import Error, Locator, Page, Route, expect

from courses.models import Course
from students.models import Status
from tests.browser.accessible import Look, find_faults
from tests.browser.conftest import School, expect_messages
from tests.browser.test_unexpected_answers import ANSWERS, answer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OpenAs = Callable[..., Page]

DESCRIPTION = "What one should know.\n" * 60


@dataclass
class Form:
    """A form filled in, the check that it still is, its button, and a check that it was saved."""

    fill: Callable[[Page, School], None]
    check: Callable[[Page, School], None]
    button: str
    is_saved: Callable[[School], bool]


def fill_course(page: Page, school: School) -> None:
    page.goto("/courses/new/")
    page.get_by_label("Term").select_option(label=str(school.open.term))
    page.get_by_label("Code", exact=True).fill("NEW-1")
    page.get_by_label("Title").fill("New")
    page.get_by_label("Credits").fill("3")
    page.get_by_label("Description").fill(DESCRIPTION)


def check_course(page: Page, school: School) -> None:
    expect(page.get_by_label("Code", exact=True)).to_have_value("NEW-1")
    expect(page.get_by_label("Description")).to_have_value(DESCRIPTION)


def pick(page: Page, school: School) -> Locator:
    return page.locator(f"#pick-{school.open.pk}")


def fill_association(page: Page, school: School) -> None:
    page.goto(f"/students/{school.student.pk}/courses/")
    pick(page, school).check()


def fill_paste(page: Page, school: School) -> None:
    page.goto(f"/students/{school.student.pk}/courses/")
    page.locator("details.paste summary").click()
    page.locator("#id_paste").fill("BIO-101")


def check_paste(page: Page, school: School) -> None:
    expect(page.locator("#id_paste")).to_have_value("BIO-101")


def is_enrolled(school: School) -> bool:
    return school.student.enrollments.filter(course=school.open).exists()


def fill_withdrawal(page: Page, school: School) -> None:
    page.goto(f"/courses/{school.held.pk}/")
    page.locator(f"#tick-{school.student.pk}").check()
    page.get_by_role("button", name="Withdraw the ticked").click()
    page.get_by_label("Reason").fill("moved away")


FORMS = {
    "new course": Form(
        fill_course,
        check_course,
        "Save",
        lambda _school: Course.objects.filter(code="NEW-1", description__contains="know").exists(),
    ),
    "association": Form(
        fill_association,
        lambda page, school: expect(pick(page, school)).to_be_checked(),
        "Enroll the chosen",
        is_enrolled,
    ),
    "pasted list": Form(fill_paste, check_paste, "Enroll the chosen", is_enrolled),
    "roster ticks": Form(
        fill_withdrawal,
        lambda page, _school: expect(page.get_by_label("Reason")).to_have_value("moved away"),
        "Withdraw",
        lambda school: (
            school.student.enrollments.get(course=school.held).status == Status.WITHDRAWN
        ),
    ),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)

# All timers of a page run ten times as fast.
HURRY = """
const slow = setTimeout;
window.setTimeout = (work, milliseconds) => slow(work, milliseconds / 10);
"""


@each_form
def test_the_page_stays_while_the_server_does_not_answer(
    open_as: OpenAs, school: School, faults: list[str], form: Form
) -> None:
    page = open_as("Registrar")
    page.add_init_script(HURRY)
    form.fill(page, school)
    address = page.url
    for respond, words in ANSWERS.values():
        page.evaluate("troubleLine.replaceChildren()")
        page.route("**/*", respond)
        page.get_by_role("button", name=form.button, exact=True).click()
        expect(page.locator("#trouble")).to_contain_text(words)
        expect(page.locator("form[aria-busy]")).to_have_count(0)
        form.check(page, school)
        assert page.url == address
        page.unroute_all(behavior="ignoreErrors")
    assert not form.is_saved(school)
    page.locator("#trouble").get_by_role("button", name="Try again").click()
    expect_messages(page, "was saved" if form.button == "Save" else ": ")
    assert form.is_saved(school)
    # These were the answers of the test.
    faults.clear()


@each_form
@pytest.mark.parametrize("javascript", [True, False])
def test_back_leads_to_the_form_as_filled_in(
    open_as: OpenAs, school: School, form: Form, javascript: bool
) -> None:
    page = open_as("Registrar", javascript=javascript)
    form.fill(page, school)

    def send(respond: Callable[[Route], None]) -> None:
        """Send the form, and answer it by `respond`."""

        def handle(route: Route) -> None:
            is_sent = route.request.method == "POST" and route.request.is_navigation_request()
            respond(route) if is_sent else route.fallback()

        page.route("**/*", handle)
        with suppress(Error), page.expect_navigation():
            page.get_by_role("button", name=form.button, exact=True).click()
        page.unroute_all()

    for respond in (answer(502), answer(403), answer(200, "")):
        send(respond)
        page.go_back()
        form.check(page, school)
    # The browser's own page of a lost connection sends the form when it is loaded again.
    send(lambda route: route.abort())
    assert not form.is_saved(school)
    page.reload()
    expect_messages(page, "was saved" if form.button == "Save" else ": ")
    assert form.is_saved(school)


def test_the_admin_stays_while_the_server_does_not_answer(
    open_as: OpenAs, school: School, faults: list[str]
) -> None:
    page = open_as("admin")
    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.get_by_label("First name").fill("Nora")
    for name in ("502", "offline"):
        respond, words = ANSWERS[name]
        page.evaluate("troubleLine.replaceChildren()")
        page.route("**/*", respond)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#trouble")).to_contain_text(words)
        page.unroute_all()
    expect(page.get_by_label("First name")).to_have_value("Nora")
    assert find_faults(page, [Look(1280, "light"), Look(320, "dark")]) == []
    page.locator("#trouble").get_by_role("button", name="Try again").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    faults.clear()
