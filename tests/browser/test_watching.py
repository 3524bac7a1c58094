"""What goes wrong in a window, of any page that is opened in it, fails the test."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STYLE = "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p { color: red }'}))"
IMAGE = "document.body.append(Object.assign(new Image(), {src: 'https://other.example/x.png'}))"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (STYLE, "Content Security Policy"),
        (IMAGE, "Content Security Policy"),
        ("document.write('<script>alert(1)</script>')", "Content Security Policy"),
        ("console.error('oh')", "oh"),
        ("setTimeout(() => missing())", "missing is not defined"),
        ("document.body.append(Object.assign(new Image(), {src: '/static/nothing.svg'}))", "404: "),
        ("location = 'http://127.0.0.1:9/'", "asks another host"),
    ],
)
def test_is_noted(open_as: Callable[..., Page], faults: list[str], script: str, told: str) -> None:
    first = open_as("Clerk")
    page = first.context.new_page()
    page.goto("/terms/")
    page.evaluate(f"() => {{ {script} }}")
    page.wait_for_timeout(300)
    assert any(told in fault for fault in faults), faults
    faults.clear()


def test_a_refused_page_is_none(open_as: Callable[..., Page], faults: list[str]) -> None:
    page = open_as("Clerk")
    page.goto("/nowhere/")
    assert faults == []
