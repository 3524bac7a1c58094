"""Errors in any page of a window fail the test."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ('<p style="color: red">', "Content Security Policy"),
        ("<script>alert(1)</script>", "Content Security Policy"),
        ('<img alt="" src="https://other.example/x.png">', "Content Security Policy"),
        ('<img alt="" src="/static/nothing.svg">', "404: "),
        ('<script src="/static/made-up.js"></script>', "missing is not defined"),
        ('<script src="/static/made-up.js"></script>', "oh dear"),
        (
            '<meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/">',
            "request to another host",
        ),
    ],
)
def test_an_error_is_recorded(
    open_as: Callable[..., Page], faults: list[str], part: str, fault: str
) -> None:
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
    assert any(fault in found for found in faults), faults
    faults.clear()


def test_the_status_of_a_page_is_no_error(open_as: Callable[..., Page], faults: list[str]) -> None:
    page = open_as("Clerk")
    page.goto("/nowhere/")
    assert faults == []
