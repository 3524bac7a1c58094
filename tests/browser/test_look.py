"""What all-day work needs of the layout: short rows on a phone, long names, aligned numbers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from students.factories import StudentFactory, enrolled
from tests.browser.conftest import School

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OpenAs = Callable[..., Page]

LONG = "Wolfeschlegelsteinhausenbergerdorff" * 3
OUTSIDE = """() => {
  const scrolls = (element) => element
    && (getComputedStyle(element).overflowX === "auto" || scrolls(element.parentElement));
  return [...document.querySelectorAll("#container *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .filter((element) => !scrolls(element.parentElement))
    .map((element) => element.outerHTML.slice(0, 200));
}"""


def test_a_phone_shows_six_people_of_a_roster(open_as: OpenAs, school: School) -> None:
    for _number in range(8):
        enrolled(StudentFactory.create(), school.held)
    page = open_as("Registrar", width=390, height=844)
    page.goto(f"/courses/{school.held.pk}/")
    heights = page.locator("#roster tbody tr[id]").evaluate_all(
        "rows => rows.map((row, at) => (rows[at + 1] ?? row).offsetTop - row.offsetTop)"
    )
    assert len(heights) == 9
    assert all(height <= 844 / 6 for height in heights)


def test_a_name_of_a_hundred_letters_fits_the_admin_on_a_phone(
    open_as: OpenAs, school: School
) -> None:
    student = StudentFactory.create(first_name=LONG[:100], last_name="X" * 100)
    row = enrolled(student, school.held)
    page = open_as("admin", width=320)
    for path in (
        "students/student/?q=x",
        f"students/student/{student.pk}/change/",
        f"students/student/{student.pk}/history/",
        f"students/student/{student.pk}/delete/",
        f"courses/course/{school.held.pk}/change/",
        "students/enrollment/",
        f"students/enrollment/{row.pk}/change/",
        f"students/enrollment/{row.pk}/history/",
    ):
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert page.evaluate(OUTSIDE) == [], path
    # A list scrolls sideways, and no column is wider than the window.
    page.goto("/admin/students/student/?q=x")
    widths = page.locator("#result_list td").evaluate_all(
        "cells => cells.map((c) => c.offsetWidth)"
    )
    assert max(widths) <= 320


def test_numbers_of_the_admin_are_aligned_at_their_end(open_as: OpenAs, school: School) -> None:
    page = open_as("admin")
    for path, columns in (
        ("courses/course/", ("seats", "waiting", "credits_shown")),
        ("courses/term/", ("course_count",)),
        ("students/student/", ("course_count",)),
    ):
        page.goto(f"/admin/{path}")
        for column in columns:
            for cell in (f"th.column-{column}", f"td.field-{column}"):
                style = page.locator(cell).first.evaluate("c => getComputedStyle(c).textAlign")
                assert style in ("end", "right"), (path, cell)
