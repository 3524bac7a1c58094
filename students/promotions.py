"""Whatever makes room, or lets somebody in who waits, moves the waitlist in the transaction that did it.

The writer sees to its own changes; these are the others: a course, a term or a student was changed, at whatever door.
"""

from collections.abc import Sequence
from typing import Any

from courses.history import Recorded, recorded
from courses.models import Course, Term
from students import enrollments
from students.models import Enrollment, Student


def connect() -> None:
    for model in (Course, Term, Student):
        recorded.connect(_move_up, sender=model)


def _move_up(sender: type[Recorded], rows: Sequence[Recorded], *, changed: bool, **_kwargs: Any) -> None:
    if not changed:
        return
    key = {Course: "course", Term: "course__term", Student: "student"}[sender]
    waiting = Enrollment.objects.filter(**{f"{key}__in": rows}, status="waitlisted")
    enrollments.move_up(waiting.order_by().values_list("course", flat=True).distinct())
