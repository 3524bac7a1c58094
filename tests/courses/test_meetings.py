"""The weekly meetings of courses: their texts, their rows and which of them overlap."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from courses.meetings import (
    DAYS,
    Meeting,
    clean_meetings,
    export_meetings,
    format_meetings,
    parse_meetings,
)
from courses.models import Course, MeetingTime, Term
from students.enrollment.other_courses import OtherCourse
from students.enrollment.rules import find_refusals
from students.models import Student
from tests.importing import import_csv

LECTURE: Meeting = {"days": ["mon", "wed"], "from": "10:00", "to": "10:50", "room": "CENTR 105"}
EVENING: Meeting = {"days": ["thu"], "from": "17:00", "to": "17:50", "room": ""}
TEXT = "Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50"


def meeting(**fields: Any) -> dict[str, Any]:
    return {**LECTURE, **fields}


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            TEXT,
            # Order, duplicates, space, case, punctuation, long names and the dash of typographers.
            "thursday 17:00 – 17:50;; WED, mon. 10:00-10:50   CENTR 105 ;",  # noqa: RUF001
            f"{TEXT}; Mon Mon Wed 10:00-10:50 CENTR 105",
        ],
    )
    def test_is_read_into_one_form(self, text: str) -> None:
        assert parse_meetings(text) == [LECTURE, EVENING]

    def test_is_written_and_read_again(self) -> None:
        assert format_meetings([LECTURE, EVENING]) == TEXT
        assert parse_meetings("") == parse_meetings(" ; ") == []
        assert format_meetings([]) == ""

    @pytest.mark.parametrize("day", range(7))
    def test_names_the_days_of_the_language_or_in_english(self, day: int) -> None:
        german = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
        english = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        names = [german[day], german[day][:2], english[day], english[day][:3]]
        with translation.override("de"):
            for name in names:
                [found] = parse_meetings(f"{name} 9:05-10:00 A 1")
                assert (found["days"], found["from"]) == ([DAYS[day]], "09:05")
            text = format_meetings([found])
            assert text == f"{text.split()[0]} 09:05-10:00 A 1"
            assert text.startswith(german[day][:2])
            assert parse_meetings(text) == [found]
            # A file is the same in all languages.
            assert export_meetings([found]) == f"{english[day][:3]} 09:05-10:00 A 1"
        with translation.override("en"), pytest.raises(ValidationError):
            parse_meetings(f"{german[day]} 9:05-10:00")

    def test_in_the_order_of_the_week(self) -> None:
        # By the first day, then the time; the other days and the room decide between equal ones.
        text = (
            "Mon 08:00-09:00 B; Mon 08:00-09:30 A; Mon Tue 08:00-09:00 A; Mon 10:00-11:00; "
            "Tue 07:00-08:00; Sun 06:00-07:00"
        )
        assert format_meetings(parse_meetings("; ".join(reversed(text.split("; "))))) == (
            "Mon 08:00-09:00 B; Mon Tue 08:00-09:00 A; Mon 08:00-09:30 A; Mon 10:00-11:00; "
            "Tue 07:00-08:00; Sun 06:00-07:00"
        )


DAY_NAMES = "Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun."
DAY_CODES = "Days are mon, tue, wed, thu, fri, sat, sun."
NO_MEETINGS = "These must be meetings: a list."
NOT_READ = "is not read. Write meetings as Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50."
ROOM = "A room is a text without a semicolon."


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Mon 10:00", f"“Mon 10:00” {NOT_READ}"),
        ("10:00-11:00", f"“10:00-11:00” {NOT_READ}"),
        (f"{TEXT}; Fri", f"“Fri” {NOT_READ}"),
        ("Mon Xyz 10:00-11:00", f"“Xyz” is no day. {DAY_NAMES}"),
        ("Mon 24:00-25:00", "“24:00” is no time. Write times as 09:50."),
        ("Mon 10:00-10:60", "“10:60” is no time. Write times as 09:50."),
        ("Mon 10:00-10:00", "A meeting ends after it starts: 10:00-10:00."),
        ("Mon 10:00-9:00", "A meeting ends after it starts: 10:00-09:00."),
        (f"Mon 10:00-11:00 {'A' * 41}", "A room has at most 40 characters."),
        (None, NO_MEETINGS),
        ({}, NO_MEETINGS),
        ([EVENING] * 21, "A course has at most 20 meetings a week."),
        (["mon"], "A meeting needs days, from and to."),
        ([{"days": ["mon"]}], "A meeting needs days, from and to."),
        ([meeting(building="C", area="N")], "A meeting has no area, building."),
        ([meeting(days=[])], "A meeting needs at least one day."),
        ([meeting(days="mon")], "A meeting needs at least one day."),
        ([meeting(days=["Mon"])], f"“Mon” is no day. {DAY_CODES}"),
        ([meeting(days=[1])], f"“1” is no day. {DAY_CODES}"),
        ([meeting(to=11)], "“11” is no time. Write times as 09:50."),
        ([meeting(to="10:5")], "“10:5” is no time. Write times as 09:50."),
        ([meeting(to="\u0661\u0660:50")], "“\u0661\u0660:50” is no time. Write times as 09:50."),
        ([meeting(room="A;B")], ROOM),
        ([meeting(room=None)], ROOM),
    ],
)
def test_an_error_names_what_is_wrong(value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        parse_meetings(value) if isinstance(value, str) else clean_meetings(value)
    assert error.value.messages == [message]


def test_the_largest_values_are_valid() -> None:
    [found] = parse_meetings(f"Mon 0:00-23:59 {'A' * 40}")
    assert (found["from"], found["to"], found["room"]) == ("00:00", "23:59", "A" * 40)
    hours = "; ".join(f"Mon {hour}:00-{hour}:30" for hour in range(20))
    assert len(parse_meetings(hours)) == 20


def save(course: Course, _api: APIClient) -> None:
    course.meetings = "Fri 8:00-9:00"
    course.save()


def save_that_field(course: Course, _api: APIClient) -> None:
    course.meetings = "Fri 8:00-9:00"
    course.save(update_fields=["meetings"])


def patch(course: Course, api: APIClient) -> None:
    body = {"meetings": [{"days": ["fri"], "from": "8:00", "to": "9:00"}]}
    assert api.patch(f"/api/v1/courses/{course.pk}", body).status_code == 200


def import_file(course: Course, _api: APIClient) -> None:
    columns = "term_code,code,title,capacity,meetings"
    line = f"{course.term.code},{course.code},{course.title},,Fri 8:00-9:00"
    import_csv("courses", f"{columns}\n{line}")


@pytest.mark.django_db
class TestRows:
    def read(self, course: Course) -> list[str]:
        return [str(row) for row in MeetingTime.objects.filter(course=course.pk).order_by("pk")]

    @pytest.mark.parametrize("write", [save, save_that_field, patch, import_file])
    def test_follow_the_course(
        self, write: Callable[[Course, APIClient], None], api: APIClient
    ) -> None:
        course = CourseFactory.create(meetings=TEXT)
        other = CourseFactory.create(meetings=TEXT)
        assert self.read(course) == ["mon 10:00-10:50", "wed 10:00-10:50", "thu 17:00-17:50"]
        write(course, api)
        assert self.read(course) == ["fri 08:00-09:00"]
        assert self.read(other) == ["mon 10:00-10:50", "wed 10:00-10:50", "thu 17:00-17:50"]

    def test_stay_where_other_fields_are_saved(self) -> None:
        course = CourseFactory.create(meetings=TEXT)
        rows = set(MeetingTime.objects.values_list("pk", flat=True))
        course.meetings = []
        course.save(update_fields=["title"])
        assert set(MeetingTime.objects.values_list("pk", flat=True)) == rows
        course.refresh_from_db()
        # Those that are as before are not written again.
        course.meetings = "Mon 10:00-10:50 CENTR 106"
        course.save()
        [row] = MeetingTime.objects.all()
        assert row.pk in rows

    def test_are_one_for_the_same_hour_in_two_rooms(self) -> None:
        course = CourseFactory.create(meetings="Mon 10:00-11:00 A; Mon 10:00-11:00 B")
        assert self.read(course) == ["mon 10:00-11:00"]
        assert len(course.meetings) == 2

    def test_go_with_the_course(self) -> None:
        course = CourseFactory.create(meetings=TEXT)
        course.delete()
        assert not MeetingTime.objects.exists()


MONDAY = date(2026, 8, 31)


def make_course(random: Random, pk: int) -> Course:
    """A course with up to three meetings, in a term of 60 days or with dates of its own."""
    starts_on = MONDAY + timedelta(days=random.choice([0, 0, 40, 60]))
    term = Term(pk=pk, code=f"T{pk}", starts_on=starts_on, ends_on=starts_on + timedelta(days=60))
    meetings = []
    for _ in range(random.randrange(4)):
        begins = random.randrange(8 * 60, 12 * 60, 5)
        ends = begins + random.choice([25, 50, 80, 240])
        hours = [f"{minute // 60:02}:{minute % 60:02}" for minute in (begins, ends)]
        days = random.sample(DAYS, random.randint(1, 3))
        meetings.append({"days": days, "from": hours[0], "to": hours[1]})
    course = Course(pk=pk, code=f"C-{pk}", term=term, meetings=clean_meetings(meetings))
    if random.random() < 0.4:
        course.starts_on = MONDAY + timedelta(days=random.randrange(100))
    if random.random() < 0.4 or course.first_day > course.last_day:
        course.ends_on = course.first_day + timedelta(days=random.randrange(60))
    return course


def list_minutes(course: Course) -> set[tuple[int, int]]:
    """The number of the day and of the minute of each minute of the course's week."""
    minutes = set()
    for part in course.meetings:
        begins, ends = (int(part[key][:2]) * 60 + int(part[key][3:]) for key in ("from", "to"))
        for day in part["days"]:
            minutes |= {(DAYS.index(day), minute) for minute in range(begins, ends)}
    return minutes


def list_dates(course: Course) -> set[date]:
    day = course.starts_on or course.term.starts_on
    end = course.ends_on or course.term.ends_on
    return {day + timedelta(days=number) for number in range((end - day).days + 1)}


def test_courses_clash_where_they_share_a_date_and_a_minute_of_the_week() -> None:
    random = Random(20261201)
    student = Student(pk=1, number="S1", is_active=True)
    numbers = {True: 0, False: 0}
    for _ in range(5000):
        first, second = make_course(random, 1), make_course(random, 2)
        common = list_minutes(first) & list_minutes(second)
        clash = bool(common and list_dates(first) & list_dates(second))
        numbers[clash] += 1
        for course, other in ((first, second), (second, first)):
            errors = find_refusals(
                student, course, taken=0, today=MONDAY, others=[OtherCourse.of(other)]
            )
            conflicts = [error.params for error in errors if error.code == "time_conflict"]
            assert len(conflicts) == clash, (first, second)
            for found in conflicts:
                assert found
                day, minute = min(common)
                assert found["other_id"] == other.pk
                assert found["day"].value == DAYS[day]
                assert found["from"] == f"{minute // 60:02}:{minute % 60:02}"
    # Both happen often, so both are tested.
    assert min(numbers.values()) > 1000, numbers
