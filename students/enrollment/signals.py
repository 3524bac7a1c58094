"""Moves waitlists after a change of a course, a term or a student, in its transaction.

The service itself moves the waitlists of the courses whose enrollments it changes.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Q
from django.db.models.signals import post_delete

from core.db.transactions import held_locks
from core.history.models import HistoryModel, rows_saved
from courses.models import Course, Term
from students.enrollment import service
from students.models import COUNTED_STATUSES, CreditLimit, Enrollment, Status, Student

# The fields, by model, on which it depends what else those can take who take a course.
FIELDS_ABOUT_OTHERS: dict[type[HistoryModel], set[str]] = {
    Course: {"code", "term", "starts_on", "ends_on", "meetings", "credits", "excludes"},
    Term: {"starts_on", "ends_on"},
}


def connect_signals() -> None:
    for model in (Course, Term, Student):
        rows_saved.connect(_promote_waiting, sender=model)
    rows_saved.connect(_promote_limited, sender=CreditLimit)
    post_delete.connect(_promote_unlimited, sender=CreditLimit)


def _promote_waiting(
    sender: type[HistoryModel],
    rows: Sequence[HistoryModel],
    *,
    changed: bool,
    fields: Collection[str] | None = None,
    **_kwargs: Any,
) -> None:
    if not changed:
        return
    held_locks()[sender].update(row.pk for row in rows)
    lookup = {Course: "course", Term: "course__term", Student: "student"}[sender]
    waiting = Enrollment.objects.filter(status=Status.WAITLISTED).order_by()
    of_rows = Q(**{f"{lookup}__in": rows})
    courses = set(waiting.filter(of_rows).values_list("course", flat=True))
    fields_about_others = FIELDS_ABOUT_OTHERS.get(sender, set())
    if fields_about_others and (fields is None or fields_about_others.intersection(fields)):
        # Those who take or have completed a changed course may now take another one, for which
        # they wait.
        active = Enrollment.objects.filter(of_rows, status__in=COUNTED_STATUSES).order_by()
        of_active = waiting.filter(student__in=active.values("student"))
        courses |= set(of_active.values_list("course", flat=True))
    service.promote_waiting(courses)


def _promote_limited(
    sender: type[HistoryModel], rows: Sequence[CreditLimit], **_kwargs: Any
) -> None:
    """Move the waitlists of students who may take more, or less, than before."""
    waiting = Enrollment.objects.filter(
        student__in={row.student_id for row in rows},
        course__term__in={row.term_id for row in rows},
        status=Status.WAITLISTED,
    ).order_by()
    service.promote_waiting(set(waiting.values_list("course", flat=True)))


def _promote_unlimited(sender: type[HistoryModel], instance: CreditLimit, **_kwargs: Any) -> None:
    """Move the waitlists of a student who is limited as others are again."""
    _promote_limited(sender, [instance])
