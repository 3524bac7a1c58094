"""Changes of enrollments as sentences."""

from typing import Any, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from students.models import Status, Student

A, W, C, X = Status.ACTIVE, Status.WAITLISTED, Status.COMPLETED, Status.WITHDRAWN
# By the status before the change (None: a new enrollment) and after it.
SENTENCES = {
    (None, A): _("{student} was enrolled in {course}"),
    (None, W): _("{student} was put on the waitlist of {course}"),
    (None, C): _("{student} was entered as having completed {course}"),
    (None, X): _("{student} was entered as withdrawn from {course}"),
    (A, X): _("{student} was withdrawn from {course}"),
    (A, C): _("{student} was set to completed in {course}"),
    (W, W): _("{student} stays on the waitlist of {course}"),
    (W, X): _("{student} was withdrawn from the waitlist of {course}"),
    (W, C): _("{student} was set to completed in {course}"),
    (X, A): _("{student} was enrolled in {course} again"),
    (X, W): _("{student} was put on the waitlist of {course} again"),
    (X, C): _("{student} was entered as having completed {course}"),
    (C, A): _("{student} was set from completed back to active in {course}"),
    (C, X): _("{student} was withdrawn from {course}, which had been completed"),
}
MISTAKES = {
    A: _("{student} was withdrawn from {course}, entered there by mistake"),
    W: _("{student} was withdrawn from the waitlist of {course}, entered there by mistake"),
}
PROMOTED = _("{student} moved up from the waitlist to active in {course}")
SEATED = _("{student} was given a seat in {course} from the waitlist")
OTHER_CHANGE = _("{student} is {after} in {course}, and was {before}")


class FreedSeats(NamedTuple):
    """How many students gave up a seat together, one of them, and the status after that."""

    number: int
    student: Student
    status: str


def is_promotion(record: Any) -> bool:
    """Whether the waitlist moved by itself.

    To give a seat to a student who waits, a user overrides a refusal, and that is recorded.
    """
    return (record.before, record.status) == (W, A) and not record.override


def describe_change(record: Any, student: str, course: str) -> SafeString:
    """The change as a sentence; `student` and `course` are names, or links in HTML."""
    if (record.before, record.status) == (W, A):
        sentence = PROMOTED if is_promotion(record) else SEATED
    else:
        sentence = SENTENCES.get((record.before, record.status), OTHER_CHANGE)
    if record.by_mistake:
        sentence = MISTAKES.get(record.before, sentence)
    labels = {
        "before": record.before and Status(record.before).label,
        "after": Status(record.status).label,
    }
    return format_html(str(sentence), student=student, course=course, **labels)


def describe_cause(record: Any) -> str:
    """The cause of a promotion, from the attributes of `attach_causes()`; else an empty text."""
    left: FreedSeats | None = getattr(record, "left", None)
    if left:
        if left.number > 1:
            return (
                ngettext("because %d seat was freed", "because %d seats were freed", left.number)
                % left.number
            )
        return (
            __("because %s was set to completed")
            if left.status == C
            else __("because %s was withdrawn")
        ) % left.student
    completed = getattr(record, "completed", None)
    return __("because %s was set to completed") % completed if completed else ""
