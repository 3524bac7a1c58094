"""Whatever makes room, or lets somebody in who waits, moves the waitlist in the transaction that did it.

The writer sees to its own changes; these are the others: a course, a term or a student was changed, at whatever door.
Who moved up, by any change, is told in one place too.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest  # noqa: TID251 (its page half moves out next)
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.models import Door, Recorded, current_door, recorded
from core.pages.views import mark_changed
from courses.models import Course, Term
from students.enrollment import service as enrollments
from students.models import Enrollment, Status, Student

NAMED = 5


def connect() -> None:
    for model in (Course, Term, Student):
        recorded.connect(_move_up, sender=model)


def _move_up(sender: type[Recorded], rows: Sequence[Recorded], *, changed: bool, fields: Collection[str] | None = (), **_kwargs: Any) -> None:
    if not changed:
        return
    key = {Course: "course", Term: "course__term", Student: "student"}[sender]
    waiting = Enrollment.objects.filter(status=Status.WAITLISTED).order_by()
    courses = set(waiting.filter(**{f"{key}__in": rows}).values_list("course", flat=True))
    if sender is Course and (fields is None or "code" in fields):
        courses |= _asking_for({row.code for row in rows if isinstance(row, Course)}, waiting)
    enrollments.move_up(courses)


def _asking_for(codes: set[str], waiting: QuerySet[Enrollment]) -> set[int]:
    """The courses that somebody waits for and that ask for one of these codes: who has completed it under another code may come in."""
    waited_for = Course.objects.exclude(prerequisites=[]).filter(pk__in=waiting.values("course"))
    return {pk for pk, asked in waited_for.values_list("pk", "prerequisites") if {*asked} & codes}


@contextmanager
def told(request: HttpRequest) -> Iterator[None]:
    """Who moves up from a waitlist inside, by whatever the request changes, is named in a message to its user."""
    with enrollments.promotions() as promoted:
        yield
    if not promoted:
        return
    # What was rolled back is not so.
    times = {row.pk: row.enrolled_at for row in promoted}
    rows = Enrollment.objects.filter(pk__in=times, status=Status.ACTIVE).select_related("student", "course__term").order_by("course", "pk")
    moved = [row for row in rows if row.enrolled_at == times[row.pk]]
    if names := [str(row) for row in moved]:
        # The admin shows no marks, and would leave them to whatever staff page is opened next, be it tomorrow.
        if current_door() == Door.STAFF:
            mark_changed(request, moved)
        messages.success(request, _("Moved up from the waitlist: %s.") % listed(names, NAMED))


def listed(names: Sequence[str], most: int) -> str:
    """The first of `names`, and how many more there are."""
    more = len(names) - most
    named = "; ".join(names[:most])
    return named if more <= 0 else named + " " + ngettext("and %d more", "and %d more", more) % more
