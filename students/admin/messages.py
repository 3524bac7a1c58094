"""Messages of the admin about enrollments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from students.enrollment.transitions import Outcome, Result
from students.messages import fold_names
from students.models import Enrollment


def status_label(row: Enrollment) -> str:
    """Return the status, with the place on the waitlist in parentheses."""
    status = row.get_status_display()
    return f"{status} ({row.position})" if row.position else status


def add_outcome_messages(
    request: HttpRequest, results: Sequence[Result], outcomes: Iterable[Outcome] = Outcome
) -> None:
    """Add one message for each of `outcomes` among `results`, with the first names."""
    for outcome in outcomes:
        names = [
            _name(result.enrollment)
            for result in results
            if result.outcome == outcome and result.enrollment
        ]
        if names:
            level = messages.WARNING if outcome == Outcome.UNCHANGED else messages.SUCCESS
            messages.add_message(
                request,
                level,
                format_html("{}: {}.", capfirst(outcome.label), fold_names(names, "; ")),
            )


def _name(row: Enrollment) -> str:
    if not row.position:
        return str(row)
    return _("%(enrollment)s, place %(position)d") % {"enrollment": row, "position": row.position}
