"""Keeps the rows of meeting times and of codes of prerequisites as the fields of their courses."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from core.history.models import HistoryModel, rows_saved
from courses.meetings import write_meeting_times
from courses.models import Course
from courses.prerequisites import write_prerequisite_codes

# How the values of a field, by the ids of the courses, are written as rows.
WRITERS: dict[str, Callable[[Mapping[int, Any]], None]] = {
    "meetings": write_meeting_times,
    "prerequisites": write_prerequisite_codes,
}


def connect_signals() -> None:
    rows_saved.connect(_write_rows, sender=Course)


def _write_rows(
    sender: type[HistoryModel],
    rows: Sequence[Course],
    *,
    changed: bool,
    fields: Collection[str] | None = None,
    **_kwargs: Any,
) -> None:
    for field, write in WRITERS.items():
        if fields is not None and field not in fields:
            continue
        values = {row.pk: getattr(row, field) for row in rows if changed or getattr(row, field)}
        if values:
            write(values)
