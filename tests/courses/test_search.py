"""Search by word prefixes."""

import re
import sys

import pytest
from django.db import connection

from courses.factories import CourseFactory, TermFactory
from courses.models import Course

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        "q",
        "qu",
        "QUANTU",
        "quantum",
        "quantumfield",
        "quantumfields",
        "phy quantumf",
        "x-y",
        "y_z q",
        "101",
        "  phy-1 ",
    ],
)
def test_finds_words_by_prefixes_of_any_length(text: str) -> None:
    course = CourseFactory(code="PHY-101", title="Quantumfields: x-y_z")
    assert list(Course.objects.search(text)) == [course]


@pytest.mark.parametrize(
    "text", ["uant", "quantumfieldss", "quantumx", "phy-2", "hy", "x.y", "!", "q !", "1 2"]
)
def test_other_texts_match_nothing(text: str) -> None:
    CourseFactory(code="PHY-101", title="Quantumfields: x-y_z")
    assert list(Course.objects.search(text)) == []


def test_an_empty_text_matches_everything() -> None:
    CourseFactory()
    assert Course.objects.search(" ").count() == 1


@pytest.mark.parametrize("text", ["quantumfields", "quan", "zz"])
def test_postgresql_uses_the_index(text: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such index.")
    CourseFactory(title="Quantumfields")
    term = TermFactory()
    Course.objects.bulk_create(
        Course(term=term, code=f"C{number}", title="Of other things") for number in range(1_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE courses_course")
    assert "course_by_search_key" in Course.objects.search(text).order_by("id")[:50].explain()
    assert "course_by_search_key" not in Course.objects.search("o").order_by("id")[:50].explain()


# Characters that equal an ASCII letter without case.
CAPITAL_I, SMALL_I, LONG_S, KELVIN = "\u0130", "\u0131", "\u017f", "\u212a"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (f"{CAPITAL_I}stanbul", "istanbul"),
        (f"I{LONG_S}{SMALL_I}k", f"{SMALL_I}{LONG_S}IK"),
        (f"Flu{LONG_S}s", "fluss"),
        (f"{KELVIN}elvin", "kelvin"),
    ],
)
def test_ignores_case(title: str, text: str) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL compares by the locale of the database.")
    course = CourseFactory(title=title)
    CourseFactory(title="Others")
    assert list(Course.objects.search(text)) == [course]


@pytest.mark.parametrize(
    ("title", "text"),
    [("Müller", "mülLER"), ("50% off_x", "50% off_"), ("a_b", "a_"), ("Ski", "ski")],
)
def test_finds_other_letters_and_symbols(title: str, text: str) -> None:
    course = CourseFactory(title=title)
    CourseFactory(title="50 of the others, axb")
    assert list(Course.objects.search(text)) == [course]


def test_no_other_characters_equal_ascii_letters_without_case() -> None:
    others = re.findall("[ -~]", "".join(map(chr, range(128, sys.maxunicode + 1))), re.IGNORECASE)
    assert others == [CAPITAL_I, SMALL_I, LONG_S, KELVIN]
