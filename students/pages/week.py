"""A student's week and credits in each term, for the pages of the student."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from django.utils.dates import WEEKDAYS

from courses.meetings import DAYS
from courses.models import Term
from students.enrollment.other_courses import Load
from students.models import COUNTED_STATUSES, CreditLimit, Enrollment


@dataclass(frozen=True)
class WeekMeeting:
    """One meeting of a course on one day."""

    enrollment: Enrollment
    starts: str
    ends: str
    room: str


@dataclass(frozen=True)
class WeekDay:
    """A day, from 1 (Monday) to 7, and the meetings on it: all, or those of one row."""

    number: int
    meetings: list[WeekMeeting]

    @property
    def name(self) -> str:
        return str(WEEKDAYS[self.number - 1])


@dataclass(frozen=True)
class Week:
    """The week of a term. `rows` has the days on which there are meetings, by start time."""

    term: Term
    rows: dict[str, list[WeekDay]]
    without_times: list[Enrollment]

    @property
    def days(self) -> list[WeekDay]:
        return next(iter(self.rows.values()), [])


def find_weeks(enrollments: Iterable[Enrollment], today: date) -> list[Week]:
    """The week of each term, for `enrollments` ordered by term. Courses that are over are left out.

    A term without any meeting times has no week.
    """
    going_on = [row for row in enrollments if row.course.last_day >= today]
    weeks = [
        _make_week(term, list(group))
        for term, group in groupby(going_on, lambda row: row.course.term)
    ]
    return [week for week in weeks if week.rows]


def _make_week(term: Term, enrollments: list[Enrollment]) -> Week:
    cells: dict[tuple[str, int], list[WeekMeeting]] = {}
    for row in enrollments:
        for meeting in row.course.meetings:
            shown = WeekMeeting(row, meeting["from"], meeting["to"], meeting["room"])
            for day in meeting["days"]:
                cells.setdefault((shown.starts, DAYS.index(day) + 1), []).append(shown)
    days = sorted({day for _starts, day in cells})
    rows = {
        starts: [WeekDay(day, cells.get((starts, day), [])) for day in days]
        for starts in sorted({starts for starts, _day in cells})
    }
    return Week(term, rows, [row for row in enrollments if not row.course.meetings])


def sum_loads(
    enrollments: Iterable[Enrollment], limits: Mapping[int, CreditLimit]
) -> dict[int, Load]:
    """The credits of one student by the id of the term. `limits` are the student's own ones."""
    loads: dict[int, Load] = {}
    for row in enrollments:
        term = row.course.term
        own = limits.get(term.pk)
        limit = own.max_credits if own else term.max_credits
        before = loads.get(term.pk, Load(Decimal(0), limit))
        # Those who wait take nothing yet.
        counts = row.status in COUNTED_STATUSES
        added = row.course.credits if counts else Decimal(0)
        loads[term.pk] = Load(before.credits + added, limit)
    return loads
