"""Messages that name the outcomes of an association or a withdrawal on the staff pages."""

from collections.abc import Iterable, Sequence

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from students.enrollment.rules import Refusal
from students.enrollment.transitions import Outcome, Result
from students.messages import fold_names
from students.pages.undo import mark_and_tag


class SkippedResult(Result):
    """A change left out because the course is full and the form says to skip full courses."""


def skip_full_courses(results: Iterable[Result]) -> list[Result]:
    """Return `results` in their order; those refused for `course_full` alone become skipped."""
    with_skipped: list[Result] = []
    for result in results:
        if [reason.code for reason in result.refusals] == [Refusal.COURSE_FULL]:
            result = SkippedResult(result.change, result.outcome, result.enrollment)
        with_skipped.append(result)
    return with_skipped


def add_result_messages(
    request: HttpRequest,
    parent: Model,
    results: Sequence[Result],
    choice_key: str | None = None,
) -> None:
    """Add one message per outcome, the first one with the undo button.

    `choice_key` is the field of the enrollment by which each result is named ("student" or
    "course"); by default both name it.
    """
    # One button undoes all of them.
    tag = mark_and_tag(request, results)
    names_by_outcome: dict[tuple[Outcome, str], list[str]] = {}
    for result in results:
        names = names_by_outcome.setdefault((result.outcome, result_label(result)), [])
        row = result.enrollment
        names.append(str(getattr(row, choice_key) if choice_key else row))
    for (outcome, label), names in names_by_outcome.items():
        level = messages.INFO if outcome == Outcome.UNCHANGED else messages.SUCCESS
        messages.add_message(request, level, result_message(parent, label, names), extra_tags=tag)
        tag = ""


def result_message(parent: Model, label: str, names: Sequence[str]) -> SafeString:
    """Return the sentence that names one outcome of a student or a course, the `parent`."""
    return format_html(
        _("{subject}, {outcome}: {names}."), subject=parent, outcome=label, names=fold_names(names)
    )


def result_label(result: Result) -> str:
    """Return the outcome in words, with the place on the waitlist."""
    if isinstance(result, SkippedResult):
        return _("left out because the course is full")
    label = str(result.outcome.label)
    if result.outcome != Outcome.WAITLISTED or result.enrollment is None:
        return label
    return _("%(outcome)s, place %(position)d") % {
        "outcome": label,
        "position": result.enrollment.position,
    }
