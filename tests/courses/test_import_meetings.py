"""Imports of the weekly meetings of courses."""

import pytest
from django.utils import translation

from courses.factories import CourseFactory, TermFactory
from courses.meetings import export_meetings
from courses.models import Course, MeetingTime
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "term_code,code,title,capacity,meetings"
TEXT = "Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50"


def read_times() -> list[str]:
    rows = MeetingTime.objects.order_by("course__code", "day", "starts")
    return [f"{row.course.code} {row}" for row in rows.select_related("course")]


def test_are_created_and_changed() -> None:
    term = TermFactory.create(code="FA")
    CourseFactory.create(term=term, code="LAT-1", title="Latin", meetings="Fri 8:00-9:00")
    CourseFactory.create(term=term, code="LAT-2", title="Latin", meetings="Fri 9:00-10:00")
    lines = [
        f"FA,LAT-1,Latin,,{TEXT}",
        "FA,LAT-2,Latin,,",
        "FA,LAT-3,Latin,,thursday 17:00–17:50;monday wednesday 10:00-10:50 CENTR 105",  # noqa: RUF001
    ]
    text = "\n".join([HEADER, *lines])
    assert import_csv("courses", text) == "courses: 1 created, 2 changed, 0 unchanged"
    assert import_csv("courses", text) == "courses: 0 created, 0 changed, 3 unchanged"
    times = ["mon 10:00-10:50", "wed 10:00-10:50", "thu 17:00-17:50"]
    assert read_times() == [f"{code} {time}" for code in ("LAT-1", "LAT-3") for time in times]
    # The text of a file is the same in all languages.
    with translation.override("de"):
        texts = [export_meetings(row.meetings) for row in Course.objects.order_by("code")]
    assert texts == [TEXT, "", TEXT]
    # A file without the column leaves them as they are.
    text = "term_code,code,title,capacity\nFA,LAT-1,Latin for all,"
    assert import_csv("courses", text) == "courses: 0 created, 1 changed, 0 unchanged"
    assert export_meetings(Course.objects.get(code="LAT-1").meetings) == TEXT
    assert len(read_times()) == 6


def test_bad_lines_are_named() -> None:
    TermFactory.create(code="FA")
    lines = ["Mon 10:00", "Mon 10:00-9:00", "Xyz 10:00-11:00", "Mon 10:00-25:00"]
    rows = [f"FA,LAT-{number},Latin,,{line}" for number, line in enumerate(lines)]
    text = "\n".join([HEADER, *rows])
    assert faults_of("courses", text) == [
        (
            "line 2, meetings 'Mon 10:00': “Mon 10:00” is not read. Write meetings as "
            "Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50."
        ),
        "line 3, meetings 'Mon 10:00-9:00': A meeting ends after it starts: 10:00-09:00.",
        (
            "line 4, meetings 'Xyz 10:00-11:00': “Xyz” is no day. "
            "Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun."
        ),
        "line 5, meetings 'Mon 10:00-25:00': “25:00” is no time. Write times as 09:50.",
    ]
    assert not Course.objects.exists()
