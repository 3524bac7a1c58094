"""The changes that the service can make to an enrollment, their options and their results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from courses.models import Course
from students.enrollment.keys import ResolvedKey
from students.enrollment.rules import OVERRIDABLE, PairError, PairField
from students.models import Enrollment, Status, Student


class Outcome(models.TextChoices):
    """What happened to one student-course pair."""

    CREATED = "created", _("enrolled")
    REACTIVATED = "reactivated", _("enrolled again")
    WAITLISTED = "waitlisted", _("on the waitlist")
    UNCHANGED = "unchanged", _("nothing to change")
    WITHDRAWN = "withdrawn", _("withdrawn")
    COMPLETED = "completed", _("completed")
    REFUSED = "refused", _("refused")


@dataclass(frozen=True)
class Transition:
    """The status that a pair shall get, and the outcome by the status that it has (None: no row).

    Where `outcomes` lacks the present status, nothing changes; a `strict` transition is refused.
    With `seats_waiting`, a request with overrides also gives a seat to a student who waits.
    `by_mistake` marks the withdrawn enrollment as entered by mistake.
    """

    status: Status
    outcomes: Mapping[Status | None, Outcome]
    strict: bool = False
    seats_waiting: bool = False
    by_mistake: bool = False


ACTIVE = Status.ACTIVE
WAITLISTED = Status.WAITLISTED
COMPLETED = Status.COMPLETED
WITHDRAWN = Status.WITHDRAWN

ENROLL = Transition(
    ACTIVE, {None: Outcome.CREATED, WITHDRAWN: Outcome.REACTIVATED}, seats_waiting=True
)
# For a course of a set that the student already has: the overrides are meant for the new ones.
KEEP_COURSE = Transition(ACTIVE, ENROLL.outcomes)
WITHDRAW = Transition(WITHDRAWN, {ACTIVE: Outcome.WITHDRAWN, WAITLISTED: Outcome.WITHDRAWN})

WITHDRAW_MISTAKE = Transition(WITHDRAWN, WITHDRAW.outcomes, by_mistake=True)

# The strict ones set the status of one given enrollment.
ACTIVATE = Transition(
    ACTIVE, {WAITLISTED: Outcome.REACTIVATED, WITHDRAWN: Outcome.REACTIVATED}, strict=True
)
# Undoing a completion needs a free seat; no other rule is checked.
REOPEN = Transition(ACTIVE, {COMPLETED: Outcome.REACTIVATED}, strict=True)
# For users who may also undo a completion.
ACTIVATE_OR_REOPEN = Transition(ACTIVE, {**ACTIVATE.outcomes, **REOPEN.outcomes}, strict=True)
COMPLETE = Transition(COMPLETED, {ACTIVE: Outcome.COMPLETED}, strict=True)
WITHDRAW_STRICTLY = Transition(WITHDRAWN, WITHDRAW.outcomes, strict=True)
# For users who may also take back a completion.
WITHDRAW_OR_CORRECT = Transition(
    WITHDRAWN, {**WITHDRAW.outcomes, COMPLETED: Outcome.WITHDRAWN}, strict=True
)

# An import may also bring statuses of the past, which follow no order.
IMPORT_TRANSITIONS = {
    ACTIVE: ENROLL,
    COMPLETED: Transition(
        COMPLETED,
        {
            None: Outcome.CREATED,
            ACTIVE: Outcome.COMPLETED,
            WAITLISTED: Outcome.COMPLETED,
            WITHDRAWN: Outcome.COMPLETED,
        },
    ),
    WITHDRAWN: Transition(
        WITHDRAWN,
        {
            None: Outcome.CREATED,
            ACTIVE: Outcome.WITHDRAWN,
            WAITLISTED: Outcome.WITHDRAWN,
            COMPLETED: Outcome.WITHDRAWN,
        },
    ),
}


@dataclass(frozen=True, slots=True)
class EnrollmentChange:
    """The transition wanted for one pair, and the place of the wish in the request.

    `pointer` is a JSON pointer. In it, `{field}` is replaced by the field that names the side of
    the pair that an error is about. `keys` has the sides that the request named by a key.
    """

    student_id: int
    course_id: int
    transition: Transition = ENROLL
    pointer: str = ""
    keys: Mapping[PairField, ResolvedKey] = field(default_factory=dict)

    def get_pointer(self, side: PairField) -> str:
        """The JSON pointer to the student or the course."""
        return self.pointer.format(field=side.removesuffix("_id") if side in self.keys else side)


@dataclass(frozen=True, slots=True)
class Options:
    """What is allowed beyond the plain rules.

    `waitlist`: wait where a course is full. `override`: codes of refusals to ignore.
    `check_window=False`: ignore the terms' enrollment dates, for registrations of the past.
    """

    waitlist: bool = False
    override: Collection[str] = ()
    check_window: bool = True

    def overrides(self, refusal: ValidationError) -> bool:
        """Whether this refusal is to be ignored: it is named, and it can be overridden."""
        return refusal.code in self.override and refusal.code in OVERRIDABLE


DEFAULT_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change: its enrollment (None: there is none), and why it was refused.

    `student` and `course` are None where they do not exist.
    """

    change: EnrollmentChange
    outcome: Outcome
    enrollment: Enrollment | None
    refusals: tuple[PairError, ...] = ()
    student: Student | None = None
    course: Course | None = None


class Refused(ValidationError):
    """At least one change of a list was refused, so none was made. `results` has one for each."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        super().__init__([reason for result in results for reason in result.refusals])
