"""What happened to enrollments, told from their history records."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from students.models import Enrollment

Records = QuerySet[Any]


def changes() -> Records:
    """All changes of enrollments, oldest first, each with `before`, the status it had before (None at its beginning)."""
    records: Records = Enrollment.history.model.objects.all()
    earlier = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    told: Records = records.select_related("history_user").annotate(before=Subquery(earlier.values("status")[:1])).order_by("history_id")
    return told


def latest(**of: object) -> Records:
    """The changes of enrollments, latest first, each with its student and course. `of` picks some, such as `student=7`."""
    return changes().filter(**of).select_related("student", "course__term").order_by("-history_id")
