"""Changes of the teachers of a course, from the history records, as sentences."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from courses.models import Course, Teaching


def teacher_changes(course: Course) -> QuerySet[Any]:
    """The changes, latest first, each with `was_primary` and `had_ended`, the state before it.

    Both are None for the first change of a teaching.
    """
    records: QuerySet[Any] = Teaching.history.filter(course=course.pk)
    earlier = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by(
        "-history_id"
    )
    changes: QuerySet[Any] = (
        records.annotate(
            was_primary=Subquery(earlier.values("is_primary")[:1]),
            had_ended=Subquery(earlier.values("ended_at")[:1]),
        )
        .select_related("teacher")
        .order_by("-history_id")
    )
    return changes


def describe_teacher_change(record: Any) -> str:
    """A change of `teacher_changes()` as a sentence."""
    is_new = record.was_primary is None or record.had_ended
    if record.ended_at:
        sentence = _("%(teacher)s left the course")
    elif record.is_primary:
        sentence = _("%(teacher)s became the primary teacher of the course")
    elif is_new:
        sentence = _("%(teacher)s became a teacher of the course")
    else:
        sentence = _("%(teacher)s is no longer the primary teacher of the course")
    return sentence % {"teacher": record.teacher}
