"""The rules of enrolling: every reason to refuse a student-course pair, and when it applies."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.formatting import LocalizedValue, localized_date, localized_number
from courses.meetings import Hour, day_label, find_hours, find_overlap
from courses.models import Course
from courses.requirements import Requirement, localize_requirements
from students.enrollment.other_courses import NO_LIMIT, Load, OtherCourse
from students.models import Student

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PairField = Literal["student_id", "course_id"]
STUDENT: PairField = "student_id"
COURSE: PairField = "course_id"


class PairError(ValidationError):
    """A reason to refuse a pair. `field` names the side of the pair that the reason is about."""

    def __init__(
        self, message: "str | _StrPromise", code: str, params: dict[str, Any], *, field: PairField
    ) -> None:
        super().__init__(message, code=code, params=params)
        self.field = field


class Refusal(models.TextChoices):
    """The reasons, in the order in which they are checked and reported.

    A member is written as: code, side of the pair that it is about, phrase for an override (it
    follows "Enroll" or names an enrollment), message; and False before the message where nobody
    can override it.
    """

    field: PairField
    override_phrase: str | Promise
    can_be_overridden: bool

    STUDENT_INACTIVE = (
        "student_inactive",
        STUDENT,
        _("although the student is not active"),
        False,
        _("%(student)s is not active. Make the student active first."),
    )
    COURSE_CLOSED = (
        "course_closed",
        COURSE,
        _("although the course is closed"),
        _("%(course)s is closed. Open the course, or choose another one."),
    )
    WINDOW_NOT_OPEN = (
        "window_not_open",
        COURSE,
        _("before enrollment opens"),
        _("Enrollment for %(term)s opens on %(opens_on)s. Come back then."),
    )
    WINDOW_CLOSED = (
        "window_closed",
        COURSE,
        _("after enrollment closed"),
        _("Enrollment for %(term)s closed on %(closes_on)s."),
    )
    TERM_OVER = (
        "term_over",
        COURSE,
        _("although the course is over"),
        _("%(course)s is over: its last day was %(ended_on)s."),
    )
    PREREQUISITE_MISSING = (
        "prerequisite_missing",
        COURSE,
        _("although a prerequisite is missing"),
        _("%(course)s asks for %(missing)s to be completed first."),
    )
    EXCLUDED_BY = (
        "excluded_by",
        COURSE,
        _("although the other course excludes it"),
        _("%(course)s cannot be taken beside or after %(other)s."),
    )
    ALREADY_TAKING = (
        "already_taking",
        COURSE,
        _("although the student takes another section"),
        _("%(course)s is the same course as %(other)s, which the student takes at the same time."),
    )
    TIME_CONFLICT = (
        "time_conflict",
        COURSE,
        _("although the times clash"),
        _("%(course)s meets when %(other)s does: %(day)s %(from)s-%(to)s."),
    )
    CREDIT_LIMIT = (
        "credit_limit",
        COURSE,
        _("although the credits are more than allowed"),
        _(
            "%(student)s takes %(credits)s credits in %(term)s; with %(adding)s more it would be "
            "over the limit of %(limit)s."
        ),
    )
    COURSE_FULL = (
        "course_full",
        COURSE,
        _("although the course is full"),
        _("%(course)s is full: %(taken)d of %(capacity)d seats are taken."),
    )

    def __new__(
        cls,
        code: str,
        field: PairField,
        override_phrase: str | Promise,
        can_be_overridden: bool = True,  # noqa: FBT001, FBT002 (a member cannot name arguments)
    ) -> "Refusal":
        member = str.__new__(cls, code)
        member._value_ = code
        member.field = field
        member.override_phrase = override_phrase
        member.can_be_overridden = can_be_overridden
        return member

    def error(self, **params: Any) -> PairError:
        return PairError(self.label, self.value, params, field=self.field)


OVERRIDABLE = [refusal for refusal in Refusal if refusal.can_be_overridden]


def find_refusals(
    student: Student,
    course: Course,
    *,
    taken: int,
    today: date,
    unmet: Collection[Requirement] = (),
    excluding: Iterable[OtherCourse] = (),
    others: Collection[OtherCourse] = (),
    load: Load = NO_LIMIT,
    check_window: bool = True,
) -> Iterator[PairError]:
    """Every reason why `student` cannot become active in `course` today.

    `taken` is the number of seats taken in the course, `today` a date in the school's time zone,
    `unmet` the prerequisites that the student does not meet, `excluding` courses that the student
    takes or has completed and that exclude this one, `others` the other courses in which the
    student is active, and `load` the student's credits in the term without
    this course. With `check_window=False` the dates of the term and the course are not checked:
    neither those of enrollment nor the last day.
    """
    about_course = {"course": str(course), "course_id": course.pk}
    if not student.is_active:
        yield Refusal.STUDENT_INACTIVE.error(student=str(student), student_id=student.pk)
    if not course.is_open:
        yield Refusal.COURSE_CLOSED.error(**about_course)
    if check_window:
        yield from _find_refusals_of_dates(course, today)
    if unmet:
        yield Refusal.PREREQUISITE_MISSING.error(
            **about_course,
            missing=localize_requirements(unmet),
            unmet=[requirement.to_json() for requirement in unmet],
        )
    for other in excluding:
        yield Refusal.EXCLUDED_BY.error(**_name_both(course, other))
    yield from _find_refusals_of_others(course, others)
    if load.limit is not None and course.credits and load.credits + course.credits > load.limit:
        yield Refusal.CREDIT_LIMIT.error(
            student=str(student),
            student_id=student.pk,
            term=course.term.code,
            credits=localized_number(load.credits),
            adding=localized_number(course.credits),
            limit=localized_number(load.limit),
        )
    if course.capacity is not None and taken >= course.capacity:
        yield Refusal.COURSE_FULL.error(**about_course, taken=taken, capacity=course.capacity)


def _find_refusals_of_dates(course: Course, today: date) -> Iterator[PairError]:
    term = course.term
    if term.enrollment_opens_on and today < term.enrollment_opens_on:
        opens_on = localized_date(term.enrollment_opens_on)
        yield Refusal.WINDOW_NOT_OPEN.error(term=term.code, opens_on=opens_on)
    if term.enrollment_closes_on and today > term.enrollment_closes_on:
        closes_on = localized_date(term.enrollment_closes_on)
        yield Refusal.WINDOW_CLOSED.error(term=term.code, closes_on=closes_on)
    if today > course.last_day:
        yield Refusal.TERM_OVER.error(
            course=str(course),
            course_id=course.pk,
            term=term.code,
            ended_on=localized_date(course.last_day),
        )


def _find_refusals_of_others(
    course: Course, others: Collection[OtherCourse]
) -> Iterator[PairError]:
    """The refusals for courses that the student takes: one for each of them and each rule."""
    if not course.repeatable:
        for other in sorted(other for other in others if other.code == course.code):
            if course.overlaps(other):
                yield Refusal.ALREADY_TAKING.error(**_name_both(course, other))
    for other, overlap in find_time_conflicts(course, others):
        day = LocalizedValue(overlap.day, day_label(overlap.day))
        times = {"from": overlap.starts, "to": overlap.ends}
        yield Refusal.TIME_CONFLICT.error(**_name_both(course, other), day=day, **times)


def _name_both(course: Course, other: OtherCourse) -> dict[str, Any]:
    return {
        "course": str(course),
        "course_id": course.pk,
        "other": str(other),
        "other_id": other.pk,
    }


def find_time_conflicts(
    course: Course, others: Collection[OtherCourse]
) -> Iterator[tuple[OtherCourse, Hour]]:
    """Those of `others` that meet when `course` does, each with the first time that both meet.

    Their dates have a day in common with those of `course`. They come in the order of their ids.
    """
    if not course.meetings:
        return
    hours = find_hours(course.meetings)
    for other in sorted(others):
        overlap = find_overlap(hours, find_hours(other.meetings))
        if overlap and course.overlaps(other):
            yield other, overlap
