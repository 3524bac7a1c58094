"""What happened to enrollments, and how they stood at any moment, told from their history records."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from students.models import Enrollment, place_in

Records = QuerySet[Any]


def changes() -> Records:
    """All changes of enrollments, oldest first, each with `before`, the status it had before (None at its beginning)."""
    records: Records = Enrollment.history.model.objects.all()
    earlier = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    told: Records = records.annotate(before=Subquery(earlier.values("status")[:1])).order_by("history_id")
    return told


def latest(**of: object) -> Records:
    """The changes of enrollments, latest first, each with its student and course. `of` picks some, such as `student=7`."""
    return changes().filter(**of).select_related("student", "course__term").order_by("-history_id")


def as_of(moment: datetime, enrollments: QuerySet[Enrollment]) -> Records:
    """How `enrollments` stood at `moment`: for each that there was, the record of its last change before, with `position`.

    A record has the attributes of an enrollment but `pk`, which is its own; its student and course are as they are today.
    """
    records: Records = Enrollment.history.model.objects.filter(history_date__lte=moment)
    later = records.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
    standing = records.filter(~Exists(later))
    found: Records = standing.filter(id__in=enrollments.values("id")).annotate(position=place_in(standing))
    return found.select_related("student", "course__term")
