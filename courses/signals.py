"""Keeps the rows of meeting times as the meetings of their courses."""

from collections.abc import Collection, Sequence
from typing import Any

from core.history.models import HistoryModel, rows_saved
from courses.meetings import write_meeting_times
from courses.models import Course


def connect_signals() -> None:
    rows_saved.connect(_write_meeting_times, sender=Course)


def _write_meeting_times(
    sender: type[HistoryModel],
    rows: Sequence[Course],
    *,
    changed: bool,
    fields: Collection[str] | None = None,
    **_kwargs: Any,
) -> None:
    if fields is not None and "meetings" not in fields:
        return
    meetings = {row.pk: row.meetings for row in rows if changed or row.meetings}
    if meetings:
        write_meeting_times(meetings)
