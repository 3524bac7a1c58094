"""Lists as people paste them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Student
from students.pages.paste_box import PasteBox
from students.pages.pasted_list import MAX_LINES, correct, parse
from students.pages.pasted_names import (
    MAX_SPELLINGS,
    CourseFinder,
    StudentFinder,
    collect_spellings,
)

pytestmark = pytest.mark.django_db


def parse_students(text: str) -> PasteBox:
    return PasteBox(parse(text, StudentFinder()))


def parse_courses(text: str, term: str = "") -> PasteBox:
    return PasteBox(parse(text, CourseFinder(term)))


def problems(parsed: PasteBox) -> list[tuple[int, str, str, list[str]]]:
    return [
        (problem.source.line, problem.source.text, str(problem.reason), list(problem.offers))
        for problem in parsed.problems
    ]


@pytest.fixture
def ann() -> Student:
    return StudentFactory.create(
        number="S00123", first_name="Ann", last_name="Lee", email="ann@school.example"
    )


@pytest.mark.parametrize(
    "text",
    [
        "s00123",
        "\u200bS00123\ufeff",
        '"S00123"',
        "Ann Lee <ann@school.example>",
        '"Lee, Ann" <ann@school.example>',
        "Lee, Ann <ann@school.example>;",
        "ANN@School.Example",
        "<ann@school.example>\u2060",
        "S00123 Ann Lee",
        "S00123, Lee, Ann, active, 3",
        "Lee\tAnn\tS00123\t3",
        "Number\nS00123",
        "Number\tName\n\n  S00123 \tAnn Lee 17\n",
        "Name;E-Mail\nLee, Ann;ann@school.example",
        "Name\tMarks\tID\nAnn Lee\t17\tS00123",
    ],
)
def test_students_are_named_in_many_ways(text: str, ann: Student) -> None:
    parsed = parse_students(text)
    assert (list(parsed.sources), parsed.problems) == ([ann.pk], [])


@pytest.mark.parametrize("tabs", [False, True])
def test_rows_of_our_own_roster_have_no_problem(clerk: Client, tabs: bool) -> None:
    course = CourseFactory.create(capacity=3)
    # The place on the waitlist is the number of another student.
    StudentFactory.create(number="1")
    students = StudentFactory.create_batch(5, last_name='van "Dyk", jr.')
    for student in students:
        enrolled(student, course) if student in students[:3] else clerk.post(
            f"/courses/{course.pk}/students/", {"students": [student.pk], "on_full": "waitlist"}
        )
    text = clerk.get(f"/courses/{course.pk}/roster.csv").content.decode()
    parsed = parse_students(text.replace(",", "\t") if tabs else text)
    assert parsed.problems == []
    assert sorted(parsed.sources) == sorted(student.pk for student in students)
    assert parsed.sources[students[0].pk].line > 1


def test_a_table_may_have_other_students_numbers_in_other_columns(ann: Student) -> None:
    other = StudentFactory.create(number="17")
    assert list(parse_students("Seat,Number\n17,S00123").sources) == [ann.pk]
    # Without a heading nothing says which column has the numbers.
    parsed = parse_students("17\tS00123\tLee")
    assert problems(parsed) == [(1, "17\tS00123\tLee", "ambiguous", ["17", "S00123"])]
    assert list(parse_students("17, S00123").sources) == [other.pk, ann.pk]


def test_problems_have_their_line_and_stay_in_the_box(ann: Student) -> None:
    text = "S00123\n\nnobody\nAnn Lee, 17 Bond Street\nS00123, X-9, 0\r\nunknown@school.example"
    parsed = parse_students(text)
    assert list(parsed.sources) == [ann.pk]
    assert [line for line, *_others in problems(parsed)] == [3, 4, 5, 5, 6]
    assert parsed.text == "nobody\nAnn Lee, 17 Bond Street\nX-9\n0\nunknown@school.example"
    long = parse_students("\n".join(["S00123"] * MAX_LINES + ["S00123"]))
    assert problems(long) == [(MAX_LINES + 1, "S00123", "not_read", [])]


@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("S0123", ["S00123"]),
        ("s001223", ["S00123"]),
        ("X00123", ["S00123"]),
        ("S01023", ["S00123"]),
        ("an@school.example", ["ann@school.example"]),
        ("Ann Lee <nan@school.example>", ["ann@school.example"]),
        ("Lee\tAnn\tS0O123", ["S00123"]),
        ("S0132", []),
        ("Lee", []),
    ],
)
def test_numbers_and_addresses_one_letter_away_are_offered(
    ann: Student, typed: str, offers: list[str]
) -> None:
    StudentFactory.create(number="Leo")
    text = f"{ann.number}\n{typed}"
    parsed = parse_students(text)
    assert problems(parsed) == [(2, typed, "unknown", offers)]
    if offers:
        corrected = correct(parsed.text, [f"{typed}\t{offers[0]}"])
        assert (list(parse_students(corrected).sources), parse_students(corrected).text) == (
            [ann.pk],
            "",
        )
    assert correct("edited since", [f"{typed}\tS00123"]) == "edited since"


def test_suggestions_are_bounded_and_one_query(
    ann: Student, django_assert_num_queries: Callable[[int], Any]
) -> None:
    text = "\n".join(["S00124", *(f"unknown-{index}@school.example" for index in range(900))])
    with django_assert_num_queries(3):
        parsed = parse_students(text)
    assert len(parsed.problems) == 901
    assert parsed.problems[0].offers == ["S00123"]
    names_by_spelling = collect_spellings(text.splitlines(), str.lower)
    assert len(names_by_spelling) < 1.2 * MAX_SPELLINGS
    names = {name for names in names_by_spelling.values() for name in names}
    assert 2 < len(names) < 10


def test_numbers_that_differ_in_case_are_written_exactly() -> None:
    lower = StudentFactory.create(number="ab1", email="1@school.example")
    upper = StudentFactory.create(number="AB1", email="2@school.example")
    parsed = parse_students("ab1\nAB1\nAb1")
    assert list(parsed.sources) == [lower.pk, upper.pk]
    assert problems(parsed) == [(3, "Ab1", "ambiguous", ["ab1", "AB1"])]


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(code="CS-101", title="Introduction to C")


@pytest.mark.parametrize(
    "text",
    [
        "cs101",
        "CS-101",
        "cs-101",
        "cs 101",
        "\u201cCS-101\u201d",
        "CS-101 Introduction to something",
        "Code,Title,Credits\nCS-101,Introduction,17",
    ],
)
def test_a_code_means_the_term_that_can_be_enrolled_in_today(text: str, course: Course) -> None:
    CourseFactory.create(code="17")
    tomorrow = timezone.localdate() + timedelta(days=1)
    coming = TermFactory.create(starts_on=tomorrow, enrollment_opens_on=tomorrow)
    CourseFactory.create(code="CS-101", term=coming)
    assert (list(parse_courses(text).sources), parse_courses(text).text) == ([course.pk], "")


def test_sections_are_offered_and_named() -> None:
    term = TermFactory.create()
    one, two = (
        CourseFactory.create(code="CSE 8A", section=section, term=term) for section in ("A01", "B1")
    )
    assert problems(parse_courses("cse8a")) == [(1, "cse8a", "ambiguous", [str(one), str(two)])]
    for text in (
        str(two),
        "cse 8a b1",
        f"CSE-8A B1 {term.code}",
        f"Course\tSection\nCSE 8A\tB1\t{term.code}",
        "Course,Section,Seats\nCSE 8A,B1,3",
        f"CSE 8A\tB1\t{term.code}\tA title",
    ):
        assert (list(parse_courses(text).sources), parse_courses(text).text) == ([two.pk], "")


def test_a_code_that_may_mean_several_courses_offers_them(course: Course) -> None:
    two = CourseFactory.create(code="CS-101", term=TermFactory.create())
    parsed = parse_courses("x\ncs101")
    assert list(parsed.sources) == []
    [_unknown, (line, text, reason, offers)] = problems(parsed)
    assert (line, text, reason) == (2, "cs101", "ambiguous")
    assert sorted(offers) == sorted(map(str, [course, two]))
    for named in (f"cs101 {two.term.code}", str(two), f"CS-101,Some title,{two.term.code},3"):
        assert (list(parse_courses(named).sources), parse_courses(named).text) == ([two.pk], "")
    assert list(parse_courses("cs101", two.term.code).sources) == [two.pk]
    assert problems(parse_courses("cs102"))[0][3] == ["CS-101"]
