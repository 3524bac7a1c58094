"""Lists as people paste them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory
from students.pages.pasted_list import find_courses, find_students, parse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        "s00123",
        "\u200bS00123\ufeff",
        '"S00123"',
        "Ann Lee <ann@school.example>",
        "ANN@School.Example",
        "<ann@school.example>\u2060",
    ],
)
def test_students_are_named_in_many_ways(text: str) -> None:
    student = StudentFactory.create(number="S00123", email="ann@school.example")
    assert parse(text, find_students) == ([student.pk], [])


def test_numbers_that_differ_in_case_are_written_exactly() -> None:
    lower = StudentFactory.create(number="ab1", email="1@school.example")
    upper = StudentFactory.create(number="AB1", email="2@school.example")
    assert parse("ab1\nAB1\nAb1", find_students) == ([lower.pk, upper.pk], ["Ab1"])


@pytest.mark.parametrize("text", ["cs101", "CS-101", "cs-101", "cs 101", "\u201cCS-101\u201d"])
def test_a_code_means_the_term_that_can_be_enrolled_in_today(text: str) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    course = CourseFactory.create(code="CS-101")
    coming = TermFactory.create(starts_on=tomorrow, enrollment_opens_on=tomorrow)
    CourseFactory.create(code="CS-101", term=coming)
    assert parse(text, find_courses) == ([course.pk], [])
    two = CourseFactory.create(code="CS-101", term=TermFactory.create())
    assert parse(text, find_courses).ids == []
    assert parse(f"cs101 {two.term.code}", find_courses) == ([two.pk], [])
