"""Search while typing and the keyboard, in a browser; the same without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from students.factories import StudentFactory
from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenAs = Callable[..., Page]


def test_a_list_is_searched_as_one_types(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    page.goto("/students/")
    page.evaluate("window.same = true")
    page.get_by_label("Search").press_sequentially(school.student.number)
    expect(page.get_by_role("link", name="Lee, Ann")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("status").last).to_have_text("1 found.")
    expect(page.get_by_label("Search")).to_be_focused()
    expect(page.get_by_label("Search")).to_have_value(school.student.number)
    assert page.evaluate("window.same"), "The page was loaded anew."
    assert f"q={school.student.number}" in page.url

    # Going back from a student shows the list as before, without a step for each letter.
    page.get_by_role("link", name="Lee, Ann").click()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value(school.student.number)
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Active").select_option("Not active")
    expect(page.get_by_text("No student was found.")).to_be_visible()


def test_back_returns_to_what_was_found_before(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    page.goto("/")
    page.goto("/students/")
    search = page.get_by_label("Search")
    search.press_sequentially("lee", delay=250)
    # A search that the next one interrupts leaves no step in the browser's history.
    expect(page).to_have_url(re.compile("q=lee"))
    search.press("Enter")
    search.fill(school.student.number[:-1])
    search.press_sequentially(school.student.number[-1])
    expect(page).to_have_url(re.compile(f"q={school.student.number}"))
    page.get_by_label("Active").select_option("Not active")
    expect(page.get_by_text("No student was found.")).to_be_visible()

    # Each search is one step, whatever its number of letters.
    page.go_back()
    expect(search).to_have_value(school.student.number)
    expect(page.get_by_role("row")).to_have_count(2)
    page.go_back()
    expect(search).to_have_value("lee")
    expect(search).to_be_focused()
    page.go_back()
    expect(search).to_have_value("")
    expect(page).to_have_url(re.compile("/students/$"))
    page.go_forward()
    expect(search).to_have_value("lee")
    page.go_back()
    expect(search).to_have_value("")
    page.go_back()
    expect(page.get_by_role("heading", name="Desk")).to_be_visible()


def test_a_pause_ends_a_search(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    page.goto("/students/")
    search = page.get_by_label("Search")
    search.fill("lee")
    expect(page).to_have_url(re.compile("q=lee"))
    page.wait_for_timeout(2100)
    search.fill("zzz")
    expect(page).to_have_url(re.compile("q=zzz"))
    page.go_back()
    expect(search).to_have_value("lee")


def test_back_from_a_result_leads_to_it_in_the_list(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    page.goto("/students/")
    page.get_by_label("Search").fill("lee")
    expect(page).to_have_url(re.compile("q=lee"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("lee")
    expect(page.get_by_role("link", name="Lee, Ann")).to_be_focused()


def test_the_last_search_is_shown(open_as: OpenAs, school: School) -> None:
    StudentFactory.create(first_name="Zoe", last_name="Quick", number="Q-1")
    page = open_as("Viewer")
    page.goto("/students/")
    for text in ("lee", "zzz", "q-1"):
        page.get_by_label("Search").fill(text)
        page.wait_for_timeout(210)
    expect(page.get_by_role("link", name="Quick, Zoe")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)


def test_the_status_regions_stay_in_place(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    page.goto("/students/")
    page.evaluate("window.regions = [...document.querySelectorAll('[role=status]')]")
    page.locator("form.filters").evaluate(
        "form => { form.setAttribute('hx-get', '/students/?cursor=x'); htmx.process(form) }"
    )
    page.get_by_label("Search").fill(school.student.number)
    expect(page.get_by_role("status").last).to_have_text("1 found.")
    expect(page.get_by_role("status").first).to_have_text(
        "This list has no such page. Here is its beginning."
    )
    assert (
        page.evaluate(
            "window.regions.every((region) => region.isConnected) && window.regions.length"
        )
        == 2
    )


def test_without_javascript_a_list_is_searched_by_its_button(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Viewer", javascript=False)
    page.goto("/students/")
    page.get_by_label("Search").fill(school.student.number)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Lee, Ann")).to_be_visible()
    expect(page.get_by_text("1 found.")).to_be_visible()
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_keys_lead_to_the_search_and_through_what_was_found(
    open_as: OpenAs, school: School
) -> None:
    page = open_as("Viewer")
    page.goto("/terms/")
    page.keyboard.press("/")
    expect(page.get_by_role("heading", name="Desk")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(school.student.number)
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=str(school.student)).first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Find a student or a course")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Find a student or a course")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()


def test_the_help_sheet_opens_by_a_key_and_closes(open_as: OpenAs) -> None:
    page = open_as("Viewer")
    page.goto("/students/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("?/")
    expect(page.get_by_label("Search")).to_have_value("?/")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_a_slow_answer_is_no_pause(open_as: OpenAs, school: School) -> None:
    page = open_as("Viewer")
    # The clock of the page stands still but for these steps, so a busy machine makes no pause.
    page.clock.install(time=0)
    page.goto("/students/")
    page.clock.pause_at(60_000)
    search = page.get_by_label("Search")
    search.fill("l")
    page.clock.run_for(500)
    expect(page).to_have_url(re.compile("q=l&|q=l$"))

    held: list[Route] = []
    page.route("**/students/?q=lee*", lambda route: held.append(route))
    search.fill("lee")
    page.clock.run_for(500)
    page.clock.run_for(2500)
    held[0].continue_()
    expect(page).to_have_url(re.compile("q=lee"))
    page.clock.resume()
    page.go_back()
    expect(search).to_have_value("")
