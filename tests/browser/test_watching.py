"""What goes wrong in a window, of any page that is opened in it, fails the test."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ('<p style="color: red">', "Content Security Policy"),
        ("<script>alert(1)</script>", "Content Security Policy"),
        ('<img alt="" src="https://other.example/x.png">', "Content Security Policy"),
        ('<img alt="" src="/static/nothing.svg">', "404: "),
        ('<script src="/static/made-up.js"></script>', "missing is not defined"),
        ('<script src="/static/made-up.js"></script>', "oh dear"),
        ('<meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/">', "asks another host"),
    ],
)
def test_is_noted(open_as: Callable[..., Page], faults: list[str], part: str, told: str) -> None:
    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, body=real.text().replace("</main>", f"{part}</main>"))

    first = open_as("Clerk")
    page = first.context.new_page()
    page.route("**/terms/", answer)
    page.route(
        "**/made-up.js",
        lambda route: route.fulfill(
            body="console.error('oh dear'); missing()", content_type="text/javascript"
        ),
    )
    page.goto("/terms/")
    page.wait_for_timeout(500)
    assert any(told in fault for fault in faults), faults
    faults.clear()


def test_a_refused_page_is_none(open_as: Callable[..., Page], faults: list[str]) -> None:
    page = open_as("Clerk")
    page.goto("/nowhere/")
    assert faults == []
