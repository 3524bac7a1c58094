"""The catalogue: terms and the courses offered in them."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxLengthValidator,
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.db.models import Case, F, Func, IntegerField, OuterRef, Prefetch, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.constraints import DatesInOrder
from core.db.fields import CleanCharField, NormalizedTextField, SchoolDateField
from core.db.search import (
    SearchKeyField,
    SearchKeyPrefixes,
    SortKeyField,
    WordIndex,
    search,
    search_filter,
)
from core.db.transactions import atomic_with_reruns
from core.history.models import HistoryModel
from courses.meetings import MeetingsField, MeetingTime
from courses.prerequisites import (
    CodesField,
    PrerequisiteCode,
    check_known,
    check_reachable,
    lock_prerequisites,
)
from courses.requirements import (
    Requirement,
    RequirementsField,
    check_size,
    describe_requirements,
    find_codes,
    format_requirements,
    read_requirements,
)
from courses.teachers import Teacher, Teaching

# Django finds the models of an app in this module.
__all__ = ["Course", "MeetingTime", "PrerequisiteCode", "Teacher", "Teaching", "Term"]

code_validator = RegexValidator(
    r"\A[\w][\w .+/&-]*\Z",
    _(
        "A code begins with a letter or digit; "
        "then letters, digits, spaces and . + / & - _ may follow."
    ),
)
# A term's code is part of URLs.
term_code_validator = RegexValidator(
    r"\A\w[\w.-]*\Z",
    _("A term's code is made of letters, digits and . - _ and begins with a letter or digit."),
)


class TermQuerySet(models.QuerySet["Term"]):
    def search(self, text: str) -> TermQuerySet:
        """The terms in which every word of `text` begins a word of the code or the name."""
        return self.filter(search_filter(text))


class Term(HistoryModel):
    """A term of the school year, and its enrollment window (both days inclusive)."""

    code = CleanCharField(
        _("code"),
        max_length=20,
        unique=True,
        validators=[term_code_validator],
        help_text=_("For example 2026-FA."),
    )
    name = CleanCharField(_("name"), max_length=100)
    starts_on = SchoolDateField(_("starts on"))
    ends_on = SchoolDateField(_("ends on"))
    enrollment_opens_on = SchoolDateField(
        _("enrollment opens on"),
        null=True,
        blank=True,
        help_text=_("First day to enroll. Empty: no beginning."),
    )
    enrollment_closes_on = SchoolDateField(
        _("enrollment closes on"),
        null=True,
        blank=True,
        help_text=_("Last day to enroll. Empty: no end."),
    )
    max_credits = models.DecimalField(
        _("most credits"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("That a student may take in this term. Empty: no limit."),
    )
    accepts_in_progress = models.BooleanField(
        _("courses in progress meet prerequisites"),
        default=False,
        db_default=False,
        help_text=_(
            "A student may enroll who still takes a prerequisite, if it ends before the course "
            "begins."
        ),
    )

    error_fields = {
        "ends_before_start": "ends_on",
        "closes_before_opening": "enrollment_closes_on",
    }
    search_key = SearchKeyField(joined=["code"], words=["name"])
    protected_message = _("This term has courses, which are kept, so the term is kept too.")

    objects: ClassVar[models.Manager[Term]] = TermQuerySet.as_manager()

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
        ordering = ["-starts_on", "code"]
        constraints = [
            DatesInOrder(
                name="term_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_code="ends_before_start",
                violation_error_message=_("A term cannot end before it starts."),
            ),
            DatesInOrder(
                name="term_window_ordered",
                condition=Q(enrollment_closes_on__gte=F("enrollment_opens_on")),
                violation_error_code="closes_before_opening",
                violation_error_message=_("Enrollment cannot close before it opens."),
            ),
            models.CheckConstraint(
                name="term_max_credits_not_negative",
                condition=Q(max_credits__gte=0),
                violation_error_message=_("Credits cannot be negative."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def is_running(self, today: date) -> bool:
        return bool(self.starts_on <= today <= self.ends_on)


def count_subquery(rows: models.QuerySet[Any]) -> Subquery:
    """A subquery that counts `rows`. (The aggregate Count would also group: 50 % slower.)"""
    return Subquery(
        rows.order_by().values(n=Func(template="COUNT(*)", output_field=IntegerField()))
    )


class HasDates(Protocol):
    """A course, or what is known of one: with its first and its last day."""

    @property
    def first_day(self) -> date: ...

    @property
    def last_day(self) -> date: ...


def course_label(code: str, section: str, term_code: str) -> str:
    """How a course is named: "CSE 8A · A01 (2026-FA)"."""
    name = f"{code} · {section}" if section else code
    return f"{name} ({term_code})"


# The fields of a course with codes of other courses.
CODE_FIELDS = ("prerequisites", "excludes")
COURSE_ENDS_BEFORE_START = _("A course cannot end before it starts.")


class CourseQuerySet(models.QuerySet["Course"]):
    def with_seats(self) -> CourseQuerySet:
        """Annotate the numbers of active (`taken`) and waitlisted (`waiting`) enrollments."""
        enrollments = Course.students.through.objects.filter(course=OuterRef("pk"))
        numbers = {
            "taken": count_subquery(enrollments.filter(status="active")),
            "waiting": count_subquery(enrollments.filter(status="waitlisted")),
        }
        return self.annotate(**numbers)

    def with_teachers(self) -> CourseQuerySet:
        """Read the current teachers of each course into `current_teachings`, in one more query."""
        teachings = Teaching.objects.current().in_order().select_related("teacher")
        prefetch = Prefetch("teachings", teachings, to_attr="current_teachings")
        return self.prefetch_related(prefetch)  # type: ignore[no-redef]

    def with_seats_left(self) -> CourseQuerySet:
        """The courses with a free seat; call it after `with_seats()`."""
        return self.filter(Q(capacity=None) | Q(capacity__gt=F("taken")))

    def in_enrollment_order(self) -> CourseQuerySet:
        """Order by term: open for enrollment today, running, in the future; then what is over."""
        today = timezone.localdate()
        rows = self.alias(last=Coalesce("ends_on", "term__ends_on"))
        is_over = Q(last__lt=today)
        is_window_closed = Q(term__enrollment_opens_on__gt=today) | Q(
            term__enrollment_closes_on__lt=today
        )
        term_order = Case(
            When(is_over, then=3),
            When(~is_window_closed, then=0),
            When(term__starts_on__lte=today, then=1),
            default=2,
        )
        return rows.annotate(term_order=term_order).order_by(
            "term_order", "-term__starts_on", "code_key", "code", "section", "id"
        )

    def search(self, text: str) -> CourseQuerySet:
        """The courses in which every word of `text` begins a word of the code or the title."""
        return search(self, text)


class Course(HistoryModel):
    """One section of a course in one term. Taken seats are counted, not stored.

    A course without sections has one row, whose section is empty.
    """

    code = CleanCharField(
        _("code"), max_length=20, validators=[code_validator], help_text=_("For example BIO-101.")
    )
    section = CleanCharField(
        _("section"),
        max_length=20,
        default="",
        db_default="",
        blank=True,
        validators=[code_validator],
        help_text=_("For example A01, where a course is offered several times in one term."),
    )
    title = CleanCharField(_("title"), max_length=200)
    description = NormalizedTextField(
        _("description"), blank=True, max_length=10_000, validators=[MaxLengthValidator(10_000)]
    )
    credits = models.DecimalField(
        _("credits"), max_digits=5, decimal_places=2, default=0, validators=[MinValueValidator(0)]
    )
    # No index of its own: the index of the unique constraint begins with the term.
    term = models.ForeignKey(
        Term, models.PROTECT, related_name="courses", verbose_name=_("term"), db_index=False
    )
    starts_on = SchoolDateField(
        _("starts on"), null=True, blank=True, help_text=_("Empty: with the term.")
    )
    ends_on = SchoolDateField(
        _("ends on"), null=True, blank=True, help_text=_("Last day. Empty: with the term.")
    )
    meetings = MeetingsField(
        _("meetings"),
        help_text=_("For example Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50."),
    )
    capacity = models.PositiveIntegerField(
        _("capacity"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(1_000_000)],
        help_text=_("Number of seats. Empty: unlimited; 0: none."),
    )
    prerequisites = RequirementsField(
        _("prerequisites"),
        help_text=_(
            "Codes of courses to be completed first, in any term. MAT-1 | MAT-2*, PHY-2 means "
            "MAT-1 or MAT-2, and PHY-2; with the star, the course may also be taken at the same "
            "time."
        ),
    )
    excludes = CodesField(
        _("excludes"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_(
            "Codes of courses separated by commas. Who takes or has completed one of them cannot "
            "take this one, nor the other way round."
        ),
    )
    is_open = models.BooleanField(
        _("open"), default=True, help_text=_("A closed course takes no new students.")
    )
    repeatable = models.BooleanField(
        _("repeatable"),
        default=False,
        db_default=False,
        help_text=_("A student may take several sections of this course at the same time."),
    )

    search_key = SearchKeyField(joined=["code"], words=["section", "title"])
    code_key = SortKeyField("code")

    error_fields = {"unique": "code", "ends_before_start": "ends_on"}
    protected_message = _("This course has enrollments, which are kept. Close the course instead.")

    objects: ClassVar[models.Manager[Course]] = CourseQuerySet.as_manager()
    taken: int
    waiting: int
    current_teachings: list[Teaching]

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ["term", "code_key", "code", "section"]
        indexes = [WordIndex(SearchKeyPrefixes("search_key"), name="course_by_search_key")]
        constraints = [
            models.UniqueConstraint(
                name="course_section_unique_in_term",
                fields=["term", "code", "section"],
                violation_error_code="unique",
                violation_error_message=_(
                    "This term already has a course with this code and section."
                ),
            ),
            DatesInOrder(
                name="course_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_code="ends_before_start",
                violation_error_message=COURSE_ENDS_BEFORE_START,
            ),
            models.CheckConstraint(
                name="course_capacity_not_negative",
                condition=Q(capacity__gte=0),
                violation_error_message=_("Capacity cannot be negative."),
            ),
            models.CheckConstraint(
                name="course_credits_not_negative",
                condition=Q(credits__gte=0),
                violation_error_message=_("Credits cannot be negative."),
            ),
        ]

    def __str__(self) -> str:
        return course_label(self.code, self.section, self.term.code)

    @property
    def name(self) -> str:
        """The code, with the section if there is one: "CSE 8A · A01"."""
        return f"{self.code} · {self.section}" if self.section else self.code

    @property
    def first_day(self) -> date:
        """The day on which the course starts: its own, or else that of its term."""
        day: date = self.starts_on or self.term.starts_on
        return day

    @property
    def last_day(self) -> date:
        """The day on which the course ends: its own, or else that of its term."""
        day: date = self.ends_on or self.term.ends_on
        return day

    @property
    def prerequisites_text(self) -> str:
        """The codes of the prerequisites; with alternatives, a sentence."""
        is_plain = all(isinstance(value, str) for value in self.prerequisites)
        describe = format_requirements if is_plain else describe_requirements
        return describe(self.prerequisites)

    def other_sections(self) -> CourseQuerySet:
        """The other courses with this code in the same term."""
        courses = CourseQuerySet(Course).filter(term=self.term_id, code=self.code)
        return courses.exclude(pk=self.pk).select_related("term").order_by("section")

    def overlaps(self, other: HasDates) -> bool:
        """Whether this course and `other` have a day in common, by their first and last days."""
        return self.first_day <= other.last_day and other.first_day <= self.last_day

    def clean(self) -> None:
        """Raises ValidationError for dates that are not in order, and for wrong prerequisites.

        Prerequisites are wrong if they do not exist or form a circle.
        """
        super().clean()
        self.check_dates()
        self.check_prerequisites()

    def check_dates(self) -> None:
        """Raises ValidationError if one date of the course contradicts the other of its term."""
        if self.term_id is None or (self.starts_on is None) == (self.ends_on is None):
            # A constraint of the database is about two dates of the course.
            return
        if self.last_day < self.first_day:
            field = "ends_on" if self.ends_on else "starts_on"
            raise ValidationError(
                {field: ValidationError(COURSE_ENDS_BEFORE_START, code="ends_before_start")}
            )

    def check_prerequisites(self) -> None:
        """Raises ValidationError for codes that do not exist, and for a circle of prerequisites.

        What the saved course has already is valid. So a course can be changed whose prerequisite
        was deleted or has a new code.
        """
        if not (self.prerequisites or self.excludes):
            return
        rows = Course.objects.filter(pk=self.pk)
        saved_code, *saved = rows.values_list("code", *CODE_FIELDS).first() or ("", [], [])
        for field, saved_values in zip(CODE_FIELDS, saved, strict=True):
            values = getattr(self, field)
            if values == saved_values:
                continue
            check_size(values, field)
            new_codes = find_codes(values) - find_codes(saved_values) - {self.code}
            if new_codes:
                existing = Course.objects.filter(code__in=new_codes)
                check_known(new_codes, existing.values_list("code", flat=True), field)
        if (self.code, self.prerequisites) != (saved_code, saved[0]):
            self.check_reachable()

    def check_reachable(self) -> None:
        """Raises ValidationError if nobody could ever meet the prerequisites of this course."""
        if not self.prerequisites:
            return
        others = Course.objects.exclude(pk=self.pk)
        # A course with an offering that requires nothing can be taken.
        free = others.filter(prerequisites=[]).values("code")
        rows = others.filter(Q(code=self.code) | ~Q(prerequisites=[]) & ~Q(code__in=free))
        catalogue: dict[str, list[list[Requirement]]] = {}
        own = (self.code, self.prerequisites)
        for code, values in [own, *rows.order_by().values_list("code", "prerequisites")]:
            catalogue.setdefault(code, []).append(read_requirements(values))
        check_reachable(self.code, catalogue)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the course.

        Raises ValidationError also for a circle of prerequisites that two concurrent transactions
        have created together. See lock_prerequisites.
        """
        written_fields = kwargs.get("update_fields") or ["code", "prerequisites"]
        if not self.prerequisites or not {"code", "prerequisites"} & set(written_fields):
            super().save(*args, **kwargs)
            return
        adding = self._state.adding
        try:
            self._save_and_check_reachable(*args, **kwargs)
        except ValidationError:
            if adding:
                # The insert was rolled back, so the next save must insert again.
                self.pk, self._state.adding = None, True
            raise

    @atomic_with_reruns
    def _save_and_check_reachable(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        lock_prerequisites()
        self.check_reachable()

    @property
    def left(self) -> int | None:
        """Free seats of a course from `with_seats()`; None: unlimited; overbooked: 0."""
        return None if self.capacity is None else max(self.capacity - self.taken, 0)
