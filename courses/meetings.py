"""When and where courses meet: the model field, its text, and a row for each weekly hour.

A meeting is a dict as in JSON: `{"days": ["mon", "wed"], "from": "10:00", "to": "10:50", "room":
"CENTR 105"}`. Times are those of the school's clocks. As text: `Mon Wed 10:00-10:50 CENTR 105`;
several meetings are separated by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any, NamedTuple, TypedDict

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from core.db.fields import ListField
from core.text import clean_line

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MAX_MEETINGS = 20
MAX_ROOM_LENGTH = 40
_TIME = r"\d{1,2}:\d\d"
_TEXT = re.compile(
    rf"(?P<days>[^\d;]+?)\s*(?P<from>{_TIME})\s*[-–]\s*(?P<to>{_TIME})(?:\s+(?P<room>.*))?",  # noqa: RUF001
    re.DOTALL,
)

Meeting = TypedDict("Meeting", {"days": list[str], "from": str, "to": str, "room": str})


class Hour(NamedTuple):
    """One weekly meeting on one day. `starts` and `ends` are texts such as 09:50, which compare
    like times.
    """

    day: str
    starts: str
    ends: str


class MeetingsField(ListField):
    """A list of meetings in one order. It is also assigned as text."""

    description = _("Weekly meetings")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"default": list, "db_default": [], "blank": True}
        super().__init__(*args, **{**defaults, **kwargs})

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, form_class=MeetingsFormField, **kwargs)

    def to_python(self, value: Any) -> Any:
        """Raises ValidationError."""
        return parse_meetings(value) if isinstance(value, str) else clean_meetings(value)

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 (Django's)
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def display(self, value: list[Meeting]) -> str:
        """The value as people read it."""
        return format_meetings(value)


class MeetingsFormField(forms.CharField):
    """Meetings as text."""

    def display(self, value: Any) -> Any:
        return self.prepare_value(value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "size": 80}

    def prepare_value(self, value: Any) -> Any:
        return format_meetings(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else parse_meetings(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


def parse_meetings(text: str) -> list[Meeting]:
    """The meetings in a text. Days are named in English or in the active language.

    Raises ValidationError that names what is wrong.
    """
    meetings = []
    days_by_name = _get_days_by_name()
    for part in text.split(";"):
        if not part.strip():
            continue
        match = _TEXT.fullmatch(part.strip())
        if match is None:
            raise _error(
                _("“%(value)s” is not read. Write meetings as %(example)s."),
                value=part.strip(),
                example="Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50",
            )
        words = re.split(r"[\s,.]+", match["days"].strip())
        days = [_find_day(word, days_by_name) for word in words if word]
        room = match["room"] or ""
        meetings.append({"days": days, "from": match["from"], "to": match["to"], "room": room})
    return clean_meetings(meetings)


def format_meetings(meetings: Iterable[Meeting]) -> str:
    """The meetings as text, with the names of the days in the active language."""
    return "; ".join(map(format_meeting, meetings))


def format_meeting(meeting: Meeting) -> str:
    days = " ".join(str(day_label(day)) for day in meeting["days"])
    return f"{days} {meeting['from']}-{meeting['to']} {meeting['room']}".rstrip()


def format_hour(hour: Hour) -> str:
    """An hour as people read it: "Mon 10:00-10:50"."""
    return f"{day_label(hour.day)} {hour.starts}-{hour.ends}"


def export_meetings(meetings: Iterable[Meeting]) -> str:
    """The meetings as text for a file, which is the same in all languages."""
    with override("en"):
        return format_meetings(meetings)


def day_label(day: str) -> Any:
    """The short name of a day, in the language of the reader."""
    return WEEKDAYS_ABBR[DAYS.index(day)]


def clean_meetings(value: Any) -> list[Meeting]:
    """The meetings of a value as in JSON, in one form and one order, without duplicates.

    Raises ValidationError that names what is wrong.
    """
    if not isinstance(value, list | tuple):
        raise _error(_("These must be meetings: a list."))
    if len(value) > MAX_MEETINGS:
        raise _error(_("A course has at most %(number)s meetings a week."), number=MAX_MEETINGS)
    meetings = [_clean_meeting(meeting) for meeting in value]
    ordered = sorted(meetings, key=_order)
    return [meeting for index, meeting in enumerate(ordered) if meeting not in ordered[:index]]


def _order(meeting: Meeting) -> tuple[Any, ...]:
    days = [DAYS.index(day) for day in meeting["days"]]
    return days[0], meeting["from"], meeting["to"], days, meeting["room"]


def _clean_meeting(value: Any) -> Meeting:
    if not isinstance(value, Mapping) or not {"days", "from", "to"} <= set(value):
        raise _error(_("A meeting needs days, from and to."))
    if unknown := sorted(set(value) - {"days", "from", "to", "room"}):
        raise _error(_("A meeting has no %(names)s."), names=", ".join(map(str, unknown)))
    days, room = value["days"], value.get("room", "")
    if not isinstance(days, list) or not days:
        raise _error(_("A meeting needs at least one day."))
    for day in days:
        if day not in DAYS:
            raise _error(
                _("“%(value)s” is no day. Days are %(days)s."), value=day, days=", ".join(DAYS)
            )
    starts, ends = clean_time(value["from"]), clean_time(value["to"])
    check_order(starts, ends)
    ordered = sorted(set(days), key=DAYS.index)
    return {"days": ordered, "from": starts, "to": ends, "room": clean_room(room)}


def check_order(starts: str, ends: str) -> None:
    """Raises ValidationError if a meeting does not end after it starts."""
    if starts >= ends:
        raise _error(_("A meeting ends after it starts: %(hours)s."), hours=f"{starts}-{ends}")


def clean_room(value: Any) -> str:
    """The room in one form. Raises ValidationError."""
    if not isinstance(value, str) or ";" in value:
        raise _error(_("A room is a text without a semicolon."))
    room = clean_line(value)
    if len(room) > MAX_ROOM_LENGTH:
        raise _error(_("A room has at most %(number)s characters."), number=MAX_ROOM_LENGTH)
    return room


def clean_time(value: Any) -> str:
    """The time as 09:50. Raises ValidationError."""
    text = value if isinstance(value, str) else ""
    hour, _colon, minute = text.partition(":")
    if not re.fullmatch(_TIME, text, re.ASCII) or int(hour) > 23 or int(minute) > 59:
        raise _error(_("“%(value)s” is no time. Write times as 09:50."), value=value)
    return f"{int(hour):02}:{minute}"


def _find_day(word: str, days_by_name: Mapping[str, str]) -> str:
    """The day that a word names. Raises ValidationError."""
    day = days_by_name.get(word.casefold())
    if day is None:
        examples = ", ".join(str(day_label(day)) for day in DAYS)
        raise _error(_("“%(value)s” is no day. Days are %(days)s."), value=word, days=examples)
    return day


def _get_days_by_name() -> dict[str, str]:
    """The days by their names and short names in English and the active language, in lower case."""
    days = {}
    for language in ("en", get_language()):
        with override(language):
            for names in (WEEKDAYS, WEEKDAYS_ABBR):
                for number, name in names.items():
                    days[str(name).casefold().rstrip(".")] = DAYS[number]
    return days


def _error(message: Any, **params: Any) -> ValidationError:
    return ValidationError(message, code="invalid", params=params)


def find_hours(meetings: Iterable[Meeting]) -> list[Hour]:
    """The hours of meetings, one for each day of each meeting."""
    return [
        Hour(day, meeting["from"], meeting["to"]) for meeting in meetings for day in meeting["days"]
    ]


def find_overlap(hours: Sequence[Hour], others: Sequence[Hour]) -> Hour | None:
    """The first time that is in both lists; None if there is none.

    A meeting that begins when another one ends does not overlap it.
    """
    overlaps = [
        Hour(hour.day, max(hour.starts, other.starts), min(hour.ends, other.ends))
        for hour in hours
        for other in others
        if hour.day == other.day and hour.starts < other.ends and other.starts < hour.ends
    ]
    return min(overlaps, key=lambda hour: (DAYS.index(hour.day), hour.starts), default=None)


class MeetingTime(models.Model):
    """An hour in which a course meets each week: Course.meetings as rows, for queries."""

    # No index of its own: the index of the unique constraint begins with the course.
    course = models.ForeignKey(
        "courses.Course",
        models.CASCADE,
        related_name="meeting_times",
        verbose_name=_("course"),
        db_index=False,
    )
    day = models.PositiveSmallIntegerField(_("day"), help_text=_("1 is Monday, 7 is Sunday."))
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))

    class Meta:
        verbose_name = _("meeting time")
        verbose_name_plural = _("meeting times")
        # Written with the course.
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                name="meeting_time_once", fields=["course", "day", "starts", "ends"]
            ),
            models.CheckConstraint(
                name="meeting_time_ends_after_start", condition=Q(ends__gt=F("starts"))
            ),
            models.CheckConstraint(
                name="meeting_time_day_known", condition=Q(day__gte=1, day__lte=len(DAYS))
            ),
        ]

    def __str__(self) -> str:
        return f"{DAYS[self.day - 1]} {self.starts:%H:%M}-{self.ends:%H:%M}"


def write_meeting_times(meetings_by_course: Mapping[int, Iterable[Meeting]]) -> None:
    """Make the rows of these courses, by id, those of their meetings."""
    wanted = {
        (course, DAYS.index(day) + 1, time.fromisoformat(starts), time.fromisoformat(ends))
        for course, meetings in meetings_by_course.items()
        for day, starts, ends in find_hours(meetings)
    }
    rows = MeetingTime.objects.filter(course__in=meetings_by_course)
    values = rows.values_list("pk", "course", "day", "starts", "ends")
    present = {tuple(key): pk for pk, *key in values}
    if gone := [pk for key, pk in present.items() if key not in wanted]:
        MeetingTime.objects.filter(pk__in=gone).delete()
    MeetingTime.objects.bulk_create(
        MeetingTime(course_id=course, day=day, starts=starts, ends=ends)
        for course, day, starts, ends in sorted(wanted - present.keys())
    )
