"""What the writer can be asked to do to a student and a course, and what it answers: the words that all doors share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from students.enrollment.rules import Refusal
from students.models import Enrollment, Status


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
    """The status a pair shall have, and what it is called to come there from each status it may come from (None: no row).

    From any other status nothing is changed, or, where the verb is `strict`, the change is refused. Who waits is given a seat
    where refusals are overridden, if the verb is `pressing`.
    """

    status: Status
    outcomes: Mapping[Status | None, Outcome]
    strict: bool = False
    seats_waiting: bool = False


ACTIVE, WAITLISTED, COMPLETED, WITHDRAWN = (
    Status.ACTIVE,
    Status.WAITLISTED,
    Status.COMPLETED,
    Status.WITHDRAWN,
)
# Whoever overrides a refusal does not want the student to wait on.
ENROLL = Transition(
    ACTIVE, {None: Outcome.CREATED, WITHDRAWN: Outcome.REACTIVATED}, seats_waiting=True
)
# The same for a course of a set that the student has already: what is overridden is meant for the others.
KEEP_COURSE = Transition(ACTIVE, ENROLL.outcomes)
WITHDRAW = Transition(WITHDRAWN, {ACTIVE: Outcome.WITHDRAWN, WAITLISTED: Outcome.WITHDRAWN})
# One enrollment is given a status, and whoever asks for what cannot be is told so.
ACTIVATE = Transition(
    ACTIVE, {WAITLISTED: Outcome.REACTIVATED, WITHDRAWN: Outcome.REACTIVATED}, strict=True
)
COMPLETE = Transition(COMPLETED, {ACTIVE: Outcome.COMPLETED}, strict=True)
WITHDRAW_STRICTLY = Transition(WITHDRAWN, WITHDRAW.outcomes, strict=True)
# As END, by who may also take back a completion.
WITHDRAW_OR_CORRECT = Transition(
    WITHDRAWN, {**WITHDRAW.outcomes, COMPLETED: Outcome.WITHDRAWN}, strict=True
)
# What an import says of the past is taken as it is.
IMPORT_TRANSITIONS = {
    ACTIVE: ENROLL,
    COMPLETED: Transition(
        COMPLETED,
        dict.fromkeys([ACTIVE, WAITLISTED, WITHDRAWN], Outcome.COMPLETED) | {None: Outcome.CREATED},
    ),
    WITHDRAWN: Transition(
        WITHDRAWN,
        dict.fromkeys([ACTIVE, WAITLISTED, COMPLETED], Outcome.WITHDRAWN) | {None: Outcome.CREATED},
    ),
}


@dataclass(frozen=True, slots=True)
class EnrollmentChange:
    """What shall be done to one pair, and where the wish stands in what was sent.

    `at` is a JSON pointer, in which `{field}` stands for the field of the pair that a reason is about.
    """

    student_id: int
    course_id: int
    transition: Transition = ENROLL
    at: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What is allowed beside the plain rules: to wait where a course is full, and refusals that somebody takes upon themselves.

    `ask_window=False` does not ask the terms' enrollment dates, for registrations of the past.
    """

    waitlist: bool = False
    override: Collection[str] = ()
    check_window: bool = True

    def overrides(self, reason: ValidationError) -> bool:
        """Whether this refusal is overridden: it is named, and may be."""
        return reason.code in self.override and Refusal(str(reason.code)).can_be_overridden


DEFAULT_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change: the row it left, if there is one, and the reasons where it was refused."""

    change: EnrollmentChange
    outcome: Outcome
    enrollment: Enrollment | None
    refusals: tuple[ValidationError, ...] = ()


class Refused(ValidationError):
    """Some changes of a list were refused, so none was made. `results` tells of each."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        super().__init__([reason for result in results for reason in result.refusals])
