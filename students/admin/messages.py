"""How the admin tells of enrollments and of what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from students.enrollment.transitions import Outcome, Result
from students.messages import join_names
from students.models import Enrollment

NAMED = 10


def status_label(row: Enrollment) -> str:
    """The status, with the place of one who waits."""
    status = row.get_status_display()
    return f"{status} ({row.position})" if row.position else status


def add_outcome_messages(
    request: HttpRequest, results: Sequence[Result], outcomes: Iterable[Outcome] = Outcome
) -> None:
    """One message for each of `outcomes` among `results`, naming the first of those who had it."""
    for outcome in outcomes:
        rows = [
            _named(result.enrollment)
            for result in results
            if result.outcome == outcome and result.enrollment
        ]
        if rows:
            level = messages.WARNING if outcome == Outcome.UNCHANGED else messages.SUCCESS
            messages.add_message(
                request, level, f"{capfirst(outcome.label)}: {join_names(rows, NAMED)}."
            )


def _named(row: Enrollment) -> str:
    return (
        _("%(enrollment)s, place %(position)d") % {"enrollment": row, "position": row.position}
        if row.position
        else str(row)
    )
