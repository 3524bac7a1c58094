"""Answers to htmx that are not the page: the page stays as it is and says what to do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessible import Look, find_faults
from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIGN_IN = '<!DOCTYPE html><main id="main" data-page="/login/"><h1>Sign in</h1></main>'
OTHER = "<!DOCTYPE html><html><body><h1>Sign in to the wireless network</h1></body></html>"

SET_TIMEOUT = "milliseconds => { htmx.config.defaultTimeout = milliseconds }"


def answer(status: int, body: str = OTHER) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body=body, content_type="text/html")


def give_no_answer(_route: Route) -> None:
    """Leave the request open until the time-out of the page."""


ANSWERS: dict[str, tuple[Callable[[Route], None], str]] = {
    "502": (answer(502), "could not answer"),
    "500": (answer(500), "could not answer"),
    "403": (answer(403), "not allowed"),
    "sign-in": (answer(200, SIGN_IN), "signed out"),
    "html of something else": (answer(200), "could not answer"),
    "empty": (answer(200, ""), "could not answer"),
    "time-out": (give_no_answer, "no connection"),
    "offline": (lambda route: route.abort(), "no connection"),
}


def test_the_page_stays_and_says_what_to_do(
    open_as: Callable[..., Page], school: School, faults: list[str]
) -> None:
    page = open_as("Registrar")
    student, course = school.student, school.held
    for path, search, tick in [
        (f"/students/{student.pk}/courses/", "Search", f"#pick-{school.open.pk}"),
        (f"/courses/{course.pk}/", "Search", f"#tick-{student.pk}"),
        ("/students/", "Search", ""),
    ]:
        page.goto(path)
        if tick:
            with page.expect_response(lambda answered: answered.request.resource_type == "fetch"):
                page.locator(tick).check()
        heading = page.get_by_role("heading", level=1).inner_text()
        address = page.url
        for name, (respond, words) in ANSWERS.items():
            page.evaluate("document.getElementById('trouble').replaceChildren()")
            page.evaluate(SET_TIMEOUT, 700 if respond == give_no_answer else 60_000)
            page.route("**/*", respond)
            page.get_by_label(search, exact=True).fill(name)
            trouble = page.locator("#trouble")
            expect(trouble).to_contain_text(words)
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            expect(page.get_by_label(search, exact=True)).to_have_value(name)
            expect(page.locator("#main[aria-busy=true]")).to_have_count(0)
            assert page.url == address
            if tick:
                expect(page.locator(tick)).to_be_checked()
            page.unroute_all(behavior="ignoreErrors")
        assert find_faults(page, [Look(1280, "light")]) == []
        page.evaluate(SET_TIMEOUT, 60_000)

        # Once it answers again, the page goes on and the line is gone.
        page.locator("#trouble").get_by_role("button", name="Try again").click()
        expect(page.locator("#trouble")).to_be_empty()
        if tick:
            expect(page.locator(tick)).to_be_checked()
    # These were the answers of the test.
    faults.clear()


def test_somebody_who_signed_in_elsewhere_goes_on(
    open_as: Callable[..., Page], school: School, faults: list[str]
) -> None:
    page = open_as("Clerk")
    page.goto(f"/students/{school.student.pk}/courses/")
    # Signing in gives a new token.
    page.context.add_cookies(
        [{"name": "csrftoken", "value": "a" * 32, "url": page.evaluate("location.origin")}]
    )
    page.locator(f"#pick-{school.open.pk}").check()
    expect(page.get_by_text("would be: enrolled")).to_be_visible()
    page.get_by_role("button", name="Enroll the chosen").click()
    expect(page.get_by_role("status").first).to_contain_text("enrolled: BIO-101")
