"""What happened to an enrollment, as a sentence."""

from typing import Any, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from students.models import Status, Student

A, W, C, X = Status.ACTIVE, Status.WAITLISTED, Status.COMPLETED, Status.WITHDRAWN
# By the status before and after.
SENTENCES = {
    (None, A): _("{student} was enrolled in {course}"),
    (None, W): _("{student} was put on the waitlist of {course}"),
    (None, C): _("{student} was entered as having completed {course}"),
    (None, X): _("{student} was entered as withdrawn from {course}"),
    (A, X): _("{student} was withdrawn from {course}"),
    (A, C): _("{student} was set to completed in {course}"),
    (W, X): _("{student} was withdrawn from the waitlist of {course}"),
    (W, C): _("{student} was set to completed in {course}"),
    (X, A): _("{student} was enrolled in {course} again"),
    (X, W): _("{student} was put on the waitlist of {course} again"),
    (X, C): _("{student} was entered as having completed {course}"),
    (C, X): _("{student} was withdrawn from {course}, which had been completed"),
}
MOVED_UP = _("{student} moved up from the waitlist to active in {course}")
GIVEN_A_SEAT = _("{student} was given a seat in {course} from the waitlist")
OTHERWISE = _("{student} is {after} in {course}, and was {before}")


class FreedSeats(NamedTuple):
    """How many gave up a seat at once, the one who did where it was one, and what they have since."""

    number: int
    student: Student
    status: str


def is_promotion(record: Any) -> bool:
    """Whether the waitlist moved by itself: whoever gives a seat to one who waits overrides a refusal, and that is recorded."""
    return (record.before, record.status) == (W, A) and not record.override


def describe_change(record: Any, student: str, course: str) -> SafeString:
    """What became of whom; `student` and `course` are their names or links to them."""
    if (record.before, record.status) == (W, A):
        sentence = MOVED_UP if is_promotion(record) else GIVEN_A_SEAT
    else:
        sentence = SENTENCES.get((record.before, record.status), OTHERWISE)
    words = {
        "before": record.before and Status(record.before).label,
        "after": Status(record.status).label,
    }
    return format_html(str(sentence), student=student, course=course, **words)


def describe_cause(record: Any) -> str:
    """What let somebody move up from the waitlist, as far as that is on record; empty for all else."""
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
