"""When each reason applies, without a database."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from courses.meetings import parse_meetings
from courses.models import Course, Term
from students.api.serializers import serialize_refusal
from students.enrollment.other_courses import Load, OtherCourse
from students.enrollment.rules import Refusal, find_refusals
from students.models import Student

TODAY = date(2026, 8, 15)
DAY = timedelta(days=1)


def reasons(**state: Any) -> list[str]:
    """Codes of the refusals of a student in a course, both in order but for `state`."""
    window = {
        name: state[name]
        for name in ("enrollment_opens_on", "enrollment_closes_on")
        if name in state
    }
    term = Term(code="2026-FA", ends_on=state.get("ends_on", TODAY), **window)
    course = Course(
        code="BIO-101",
        term=term,
        is_open=state.get("is_open", True),
        capacity=state.get("capacity"),
    )
    student = Student(
        number="S1", first_name="Ann", last_name="Smith", is_active=state.get("is_active", True)
    )
    found = find_refusals(
        student,
        course,
        taken=state.get("taken", 0),
        today=TODAY,
        check_window=state.get("ask_window", True),
    )
    return [str(reason.code) for reason in found]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, []),
        ({"is_active": False}, ["student_inactive"]),
        ({"is_open": False}, ["course_closed"]),
        ({"enrollment_opens_on": TODAY + DAY}, ["window_not_open"]),
        ({"enrollment_opens_on": TODAY}, []),
        ({"enrollment_closes_on": TODAY - DAY}, ["window_closed"]),
        ({"enrollment_closes_on": TODAY}, []),
        ({"enrollment_opens_on": TODAY + DAY, "ask_window": False}, []),
        ({"enrollment_closes_on": TODAY - DAY, "ask_window": False}, []),
        ({"ends_on": TODAY - DAY}, ["term_over"]),
        ({"ends_on": TODAY - DAY, "ask_window": False}, []),
        ({"capacity": 2, "taken": 1}, []),
        ({"capacity": 2, "taken": 2}, ["course_full"]),
        ({"capacity": 2, "taken": 3}, ["course_full"]),
        ({"capacity": 0}, ["course_full"]),
        ({"capacity": None, "taken": 10**6}, []),
        (
            {
                "is_active": False,
                "is_open": False,
                "enrollment_opens_on": TODAY + DAY,
                "capacity": 0,
            },
            ["student_inactive", "course_closed", "window_not_open", "course_full"],
        ),
    ],
)
def test_applies(state: dict[str, Any], expected: list[str]) -> None:
    assert reasons(**state) == expected


def section(name: str, **fields: Any) -> Course:
    term = Term(code="2026-FA", starts_on=TODAY, ends_on=TODAY + 10 * DAY)
    return Course(**{"pk": ord(name), "code": "BIO-101", "section": name, "term": term, **fields})


@pytest.mark.parametrize(
    ("fields", "refuses"),
    [
        ({}, True),
        ({"repeatable": True}, False),
        ({"starts_on": TODAY + 5 * DAY}, True),
        ({"starts_on": TODAY + 6 * DAY}, False),
        ({"ends_on": TODAY + DAY}, True),
        ({"ends_on": TODAY}, False),
    ],
)
def test_another_section_counts_if_their_dates_have_a_day_in_common(
    fields: dict[str, Any], refuses: bool
) -> None:
    other = section("A", starts_on=TODAY + DAY, ends_on=TODAY + 5 * DAY, repeatable=True)
    course = section("B", **fields)
    found = find_refusals(Student(), course, taken=0, today=TODAY, others=[OtherCourse.of(other)])
    assert [reason.code for reason in found] == ["already_taking"] * refuses


def test_each_other_section_is_an_error_of_its_own() -> None:
    others = [OtherCourse.of(section(name)) for name in "AB"]
    found = find_refusals(Student(), section("C"), taken=0, today=TODAY, others=others)
    assert [reason.params for reason in found] == [
        {
            "course": "BIO-101 · C (2026-FA)",
            "course_id": ord("C"),
            "other": f"BIO-101 · {name} (2026-FA)",
            "other_id": ord(name),
        }
        for name in "AB"
    ]


@pytest.mark.parametrize(
    ("meetings", "fields", "expected"),
    [
        ("Mon 9:00-10:00", {}, []),
        ("Mon 11:00-12:00", {}, []),
        ("Tue 10:00-11:00", {}, []),
        ("", {}, []),
        ("Mon 10:59-12:00", {}, ["mon", "10:59", "11:00"]),
        ("Fri 9:00-10:00; Mon 9:00-12:00", {}, ["mon", "10:00", "11:00"]),
        ("Wed Mon 10:15-10:45", {}, ["mon", "10:15", "10:45"]),
        ("Mon 10:00-11:00", {"starts_on": TODAY + 6 * DAY}, []),
        ("Mon 10:00-11:00", {"starts_on": TODAY + 5 * DAY}, ["mon", "10:00", "11:00"]),
    ],
)
def test_two_courses_clash_if_they_meet_at_a_time_and_their_dates_overlap(
    meetings: str, fields: dict[str, Any], expected: list[str]
) -> None:
    other = section("A", code="ART-1", ends_on=TODAY + 5 * DAY)
    other.meetings = parse_meetings("Mon Wed 10:00-11:00")
    course = section("B", **fields)
    course.meetings = parse_meetings(meetings)
    found = list(
        find_refusals(Student(), course, taken=0, today=TODAY, others=[OtherCourse.of(other)])
    )
    params = [serialize_refusal(reason)["params"] for reason in found]
    assert [[param["day"], param["from"], param["to"]] for param in params] == (
        [expected] if expected else []
    )


def test_a_clash_says_when() -> None:
    course, other = section("A"), section("B", code="ART-1")
    course.meetings = other.meetings = parse_meetings("Mon 10:00-11:00")
    [reason] = find_refusals(
        Student(), course, taken=0, today=TODAY, others=[OtherCourse.of(other)]
    )
    words = "BIO-101 · A (2026-FA) meets when ART-1 · B (2026-FA) does: Mon 10:00-11:00."
    assert reason.messages == [words]
    with translation.override("de"):
        assert "Mo 10:00" in reason.messages[0]


@pytest.mark.parametrize(
    ("adding", "taken", "limit", "refuses"),
    [
        (3, 9, 12, False),
        (3, 10, 12, True),
        ("0.5", 12, 12, True),
        (0, 30, 12, False),
        (3, 30, None, False),
    ],
)
def test_credits_count_up_to_the_limit(
    adding: float | str, taken: int, limit: int | None, refuses: bool
) -> None:
    load = Load(Decimal(taken), None if limit is None else Decimal(limit))
    course = section("A", credits=Decimal(adding))
    found = list(find_refusals(Student(), course, taken=0, today=TODAY, load=load))
    assert [reason.code for reason in found] == ["credit_limit"] * refuses
    for reason in found:
        assert serialize_refusal(reason)["params"] == {
            "student": str(Student()),
            "student_id": None,
            "term": "2026-FA",
            "credits": f"{taken}.00",
            "adding": f"{course.credits:.2f}",
            "limit": "12.00",
        }


def test_a_course_with_a_last_day_of_its_own_is_over_after_it() -> None:
    [reason] = find_refusals(Student(), section("A", ends_on=TODAY - DAY), taken=0, today=TODAY)
    assert reason.code == "term_over"
    assert serialize_refusal(reason)["params"]["ended_on"] == "2026-08-14"
    longer = section("A", ends_on=TODAY)
    longer.term.ends_on = TODAY - DAY
    assert not list(find_refusals(Student(), longer, taken=0, today=TODAY))


def test_says_what_and_which() -> None:
    course = Course(pk=7, code="BIO-101", term=Term(code="2026-FA", ends_on=TODAY), capacity=30)
    [reason] = find_refusals(Student(), course, taken=30, today=TODAY)
    assert reason.messages == ["BIO-101 (2026-FA) is full: 30 of 30 seats are taken."]
    assert reason.params == {
        "course": "BIO-101 (2026-FA)",
        "course_id": 7,
        "taken": 30,
        "capacity": 30,
    }


def test_a_refusal_names_its_side_of_the_pair_whatever_its_parameters() -> None:
    error = Refusal.COURSE_FULL.error(student_count=3, course="BIO-101", taken=3, capacity=3)
    assert error.field == "course_id"
    assert [item.value for item in Refusal if item.field == "student_id"] == ["student_inactive"]


def test_a_date_is_iso_for_programs_and_localized_in_the_sentence() -> None:
    term = Term(code="2026-FA", enrollment_opens_on=TODAY + DAY, ends_on=TODAY)
    [reason] = find_refusals(Student(), Course(code="BIO-101", term=term), taken=0, today=TODAY)
    assert serialize_refusal(reason)["params"] == {"term": "2026-FA", "opens_on": "2026-08-16"}
    with translation.override("de"):
        assert "16.08.2026" in reason.messages[0]
    with translation.override("en"):
        assert "16.08.2026" not in reason.messages[0]


def test_every_refusal_is_in_the_order_of_the_list() -> None:
    assert Refusal.values == [
        "student_inactive",
        "course_closed",
        "window_not_open",
        "window_closed",
        "term_over",
        "prerequisite_missing",
        "excluded_by",
        "already_taking",
        "time_conflict",
        "credit_limit",
        "course_full",
    ]
