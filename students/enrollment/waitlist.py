"""Moves waitlists after a change of a course, a term or a student, in the transaction of that change.

The service moves the waitlists of the courses whose enrollments it changes itself.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import QuerySet

from core.history.models import HistoryModel, rows_saved
from courses.models import Course, Term
from students.enrollment import service
from students.models import Enrollment, Status, Student


def connect_signals() -> None:
    for model in (Course, Term, Student):
        rows_saved.connect(_move_up, sender=model)


def _move_up(
    sender: type[HistoryModel],
    rows: Sequence[HistoryModel],
    *,
    changed: bool,
    fields: Collection[str] | None = (),
    **_kwargs: Any,
) -> None:
    if not changed:
        return
    key = {Course: "course", Term: "course__term", Student: "student"}[sender]
    waiting = Enrollment.objects.filter(status=Status.WAITLISTED).order_by()
    courses = set(waiting.filter(**{f"{key}__in": rows}).values_list("course", flat=True))
    if sender is Course and (fields is None or "code" in fields):
        courses |= _asking_for({row.code for row in rows if isinstance(row, Course)}, waiting)
    service.promote_waiting(courses)


def _asking_for(codes: set[str], waiting: QuerySet[Enrollment]) -> set[int]:
    """The courses that somebody waits for and that ask for one of these codes: who has completed it under another code may come in."""
    waited_for = Course.objects.exclude(prerequisites=[]).filter(pk__in=waiting.values("course"))
    return {pk for pk, asked in waited_for.values_list("pk", "prerequisites") if {*asked} & codes}
