"""The reasons to say no to an enrollment: one list, and when each applies."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.formatting import localized_date
from courses.models import Course
from students.models import Student


class Refusal(models.TextChoices):
    """Code and words of each reason, in the order in which they are checked."""

    STUDENT_INACTIVE = (
        "student_inactive",
        _("%(student)s is not active. Make the student active first."),
    )
    COURSE_CLOSED = (
        "course_closed",
        _("%(course)s is closed. Open the course, or choose another one."),
    )
    WINDOW_NOT_OPEN = (
        "window_not_open",
        _("Enrollment for %(term)s opens on %(opens_on)s. Come back then."),
    )
    WINDOW_CLOSED = "window_closed", _("Enrollment for %(term)s closed on %(closes_on)s.")
    PREREQUISITE_MISSING = (
        "prerequisite_missing",
        _("%(course)s asks for %(missing)s to be completed first."),
    )
    COURSE_FULL = "course_full", _("%(course)s is full: %(taken)d of %(capacity)d seats are taken.")

    @property
    def can_be_overridden(self) -> bool:
        return self is not Refusal.STUDENT_INACTIVE

    @property
    def although(self) -> str:
        """What is accepted by overriding it, in words that follow “Enroll” or an enrollment."""
        return str(ALTHOUGH[self])

    def error(self, **params: Any) -> ValidationError:
        return ValidationError(self.label, code=self.value, params=params)


ALTHOUGH = {
    Refusal.STUDENT_INACTIVE: _("although the student is not active"),
    Refusal.COURSE_CLOSED: _("although the course is closed"),
    Refusal.WINDOW_NOT_OPEN: _("before enrollment opens"),
    Refusal.WINDOW_CLOSED: _("after enrollment closed"),
    Refusal.PREREQUISITE_MISSING: _("although a prerequisite is missing"),
    Refusal.COURSE_FULL: _("although the course is full"),
}
OVERRIDABLE = [refusal for refusal in Refusal if refusal.can_be_overridden]


def find_refusals(
    student: Student,
    course: Course,
    *,
    taken: int,
    today: date,
    missing: Sequence[str] = (),
    check_window: bool = True,
) -> Iterator[ValidationError]:
    """Every reason why `student` cannot become active in `course` today, where `taken` seats are taken.

    `today` is a date in the school's time zone; `missing` are the codes of prerequisites that the student has not completed.
    With `ask_window=False` the term's enrollment dates are not asked.
    """
    term = course.term
    if not student.is_active:
        yield Refusal.STUDENT_INACTIVE.error(student=str(student))
    if not course.is_open:
        yield Refusal.COURSE_CLOSED.error(course=str(course))
    if check_window and term.enrollment_opens_on and today < term.enrollment_opens_on:
        yield Refusal.WINDOW_NOT_OPEN.error(
            term=term.code, opens_on=localized_date(term.enrollment_opens_on)
        )
    if check_window and term.enrollment_closes_on and today > term.enrollment_closes_on:
        yield Refusal.WINDOW_CLOSED.error(
            term=term.code, closes_on=localized_date(term.enrollment_closes_on)
        )
    if missing:
        yield Refusal.PREREQUISITE_MISSING.error(course=str(course), missing=", ".join(missing))
    if course.capacity is not None and taken >= course.capacity:
        yield Refusal.COURSE_FULL.error(course=str(course), taken=taken, capacity=course.capacity)
