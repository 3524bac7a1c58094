"""Every page in German, which has longer words: no wider than the window, and no text cut off.

The language can be chosen without JavaScript.
"""

from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import School
from tests.browser.test_pages import get_paths, get_states

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Elements whose text must not be cut off. A pixel is lost in rounding.
CUT_OFF = """() => [...document.querySelectorAll(
      "button, .button, .tag, a, th, td, dt, dd, label, input[type=submit]")]
    .filter((element) => !element.closest(".unseen, .skip") && element.checkVisibility())
    .filter((element) => element.scrollWidth > element.clientWidth + 1)
    .filter((element) => getComputedStyle(element).display !== "inline")
    .map((element) => element.outerHTML.slice(0, 120))"""
WIDTHS = [1280, 640, 360, 320]
ADMIN = [
    "",
    "students/student/",
    "students/student/add/",
    "students/enrollment/",
    "students/enrollment/add/",
    "courses/course/add/",
    "courses/term/add/",
]


def find_faults(page: Page, widths: Sequence[int] = WIDTHS) -> list[str]:
    """Elements that are cut off, and the width of the page where it exceeds that of the window."""
    faults: list[str] = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        faults += page.evaluate(CUT_OFF)
        page_width = page.evaluate("document.documentElement.scrollWidth")
        if page_width > width:
            faults.append(f"{page_width} px wide in {width} px")
    return faults


def test_every_page_has_room_for_its_words(open_as: Callable[..., Page], school: School) -> None:
    page = open_as("Registrar", locale="de-DE")
    found = {}
    for path in [*get_paths(school).values(), *get_states(school)]:
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == "de"
        found[path] = find_faults(page)

    page.goto(
        f"/students/{school.student.pk}/courses/?courses={school.full.pk}&courses={school.open.pk}"
    )
    with page.expect_navigation():
        page.get_by_role("button", name="Einschreiben", exact=True).click()
    page.get_by_text("ist voll").first.wait_for()
    found["refused"] = find_faults(page)

    page.goto("/tokens/")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Tastatur").wait_for()
    found["the list of keys"] = find_faults(page)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_text_that_is_cut_off_is_found(open_as: Callable[..., Page], school: School) -> None:
    page = open_as("Registrar", locale="de-DE")
    page.goto("/students/new/")
    assert find_faults(page) == []
    page.locator("main button").evaluate(
        "button => { button.style.inlineSize = '2rem'; button.style.overflowWrap = 'normal'; }"
    )
    assert "Sichern" in find_faults(page, [1280])[0]


def test_the_admin_is_no_wider_than_the_window(
    open_as: Callable[..., Page], school: School
) -> None:
    page = open_as("Registrar", width=360, locale="de-DE")
    for path in [
        *ADMIN,
        f"students/student/{school.student.pk}/change/",
        f"students/student/{school.student.pk}/history/",
    ]:
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize("path", ["/students/", "/admin/"])
def test_the_language_is_chosen_without_javascript(open_as: Callable[..., Page], path: str) -> None:
    page = open_as("Registrar", javascript=False)
    page.goto(path)
    page.get_by_role("button", name="Deutsch").click()
    assert page.url.endswith(path)
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
