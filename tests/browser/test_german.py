"""Every page in German, whose words are longer: no wider than the screen, and nothing cut off; the language is chosen without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import School
from tests.browser.test_pages import paths

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# What must show its words whole. A pixel is lost in rounding.
CUT = """() => [...document.querySelectorAll("button, .button, .tag, a, th, td, dt, dd, label, input[type=submit]")]
    .filter(element => !element.closest(".unseen, .skip") && element.checkVisibility() && !element.matches(".unseen, .skip"))
    .filter(element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline")
    .map(element => element.outerHTML.slice(0, 120))"""
ADMIN = [
    "",
    "students/student/",
    "students/student/add/",
    "students/enrollment/",
    "students/enrollment/add/",
    "courses/course/add/",
    "courses/term/add/",
]


def faults_of(page: Page, width: int) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [*page.evaluate(CUT), *([f"{wide} px wide"] if wide > width else [])]


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_every_page_has_room_for_its_words(
    open_as: Callable[..., Page], school: School, width: int
) -> None:
    page = open_as("Registrar", width=width, locale="de-DE")
    found = {}
    for path in paths(school):
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == "de"
        found[path] = faults_of(page, width)

    page.goto(
        f"/students/{school.student.pk}/courses/?courses={school.full.pk}&courses={school.open.pk}"
    )
    page.get_by_role("button", name="Einschreiben", exact=True).click()
    page.get_by_text("ist voll").first.wait_for()
    found["refused"] = faults_of(page, width)

    page.goto("/tokens/")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Tastatur").wait_for()
    found["the help sheet"] = faults_of(page, width)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_what_is_cut_off_is_found(open_as: Callable[..., Page], school: School) -> None:
    page = open_as("Registrar", locale="de-DE")
    page.goto("/students/new/")
    assert faults_of(page, 1280) == []
    page.locator("main button").evaluate(
        "button => { button.style.inlineSize = '2rem'; button.style.overflowWrap = 'normal'; }"
    )
    assert "Sichern" in faults_of(page, 1280)[0]


def test_the_admin_is_no_wider_than_the_screen(
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
