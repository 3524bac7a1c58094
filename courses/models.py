"""The catalogue: terms and the courses offered in them."""

from __future__ import annotations

from datetime import date
from itertools import chain
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxLengthValidator,
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models, transaction
from django.db.models import Case, F, Func, IntegerField, OuterRef, Q, Subquery, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.search import WordIndex, WordPrefixes, search
from core.history.models import HistoryModel
from courses.prerequisites import CodesField, check_cycle, check_known, lock_prerequisites

code_validator = RegexValidator(
    r"\A[\w][\w .+/&-]*\Z",
    _(
        "A code begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow."
    ),
)
# A term's code stands in a path.
term_code_validator = RegexValidator(
    r"\A\w[\w.-]*\Z",
    _("A term's code is made of letters, digits and . - _ and begins with a letter or digit."),
)


class Term(HistoryModel):
    """A span of the school year in which courses are offered, and the days on which students may enroll in them."""

    code = models.CharField(
        _("code"),
        max_length=20,
        unique=True,
        validators=[term_code_validator],
        help_text=_("For example 2026-FA."),
    )
    name = models.CharField(_("name"), max_length=100)
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    enrollment_opens_on = models.DateField(
        _("enrollment opens on"),
        null=True,
        blank=True,
        help_text=_("First day to enroll. Empty: no beginning."),
    )
    enrollment_closes_on = models.DateField(
        _("enrollment closes on"),
        null=True,
        blank=True,
        help_text=_("Last day to enroll. Empty: no end."),
    )

    error_fields = {
        "ends_before_start": "ends_on",
        "closes_before_opening": "enrollment_closes_on",
    }
    protected_message = _("This term has courses, which are kept, so the term is kept too.")

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
        ordering = ["-starts_on", "code"]
        constraints = [
            models.CheckConstraint(
                name="term_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_code="ends_before_start",
                violation_error_message=_("A term cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="term_window_ordered",
                condition=Q(enrollment_closes_on__gte=F("enrollment_opens_on")),
                violation_error_code="closes_before_opening",
                violation_error_message=_("Enrollment cannot close before it opens."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def is_running(self, today: date) -> bool:
        return self.starts_on <= today <= self.ends_on


SEARCH_FIELDS = ("code", "title")


def count_subquery(rows: models.QuerySet[Any]) -> Subquery:
    """How many `rows` there are, for each row of the query around them. (Count would group them too, which takes half as long again.)"""
    return Subquery(
        rows.order_by().values(n=Func(template="COUNT(*)", output_field=IntegerField()))
    )


class CourseQuerySet(models.QuerySet["Course"]):
    def with_seats(self) -> CourseQuerySet:
        """Each course with `taken` (active enrollments) and `waiting` (waitlisted ones), counted now."""
        enrollments = Course.students.through.objects.filter(course=OuterRef("pk"))
        numbers = {
            name: count_subquery(enrollments.filter(status=status))
            for name, status in (("taken", "active"), ("waiting", "waitlisted"))
        }
        return self.annotate(**numbers)

    def with_seats_left(self) -> CourseQuerySet:
        """Those of `with_seats()` that have a seat left."""
        return self.filter(Q(capacity=None) | Q(capacity__gt=F("taken")))

    def in_enrollment_order(self) -> CourseQuerySet:
        """In the order in which one enrolls: courses of terms that take enrollments today, of those that run, that come, that are over."""
        today = timezone.localdate()
        over = Q(term__ends_on__lt=today)
        shut = Q(term__enrollment_opens_on__gt=today) | Q(term__enrollment_closes_on__lt=today)
        turn = Case(
            When(over, then=3),
            When(~shut, then=0),
            When(term__starts_on__lte=today, then=1),
            default=2,
        )
        return self.annotate(turn=turn).order_by("turn", "-term__starts_on", "code", "id")

    def search(self, text: str) -> CourseQuerySet:
        """Courses in which every word of `text` begins a word of the code or the title."""
        return search(self, text, SEARCH_FIELDS)


class Course(HistoryModel):
    """One offering in one term. Its seats are counted from the active enrollments, never stored."""

    code = models.CharField(
        _("code"), max_length=20, validators=[code_validator], help_text=_("For example BIO-101.")
    )
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(
        _("description"), blank=True, max_length=10_000, validators=[MaxLengthValidator(10_000)]
    )
    credits = models.DecimalField(
        _("credits"), max_digits=5, decimal_places=2, default=0, validators=[MinValueValidator(0)]
    )
    # The constraint's index begins with it.
    term = models.ForeignKey(
        Term, models.PROTECT, related_name="courses", verbose_name=_("term"), db_index=False
    )
    capacity = models.PositiveIntegerField(
        _("capacity"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(1_000_000)],
        help_text=_("Number of seats. Empty: unlimited; 0: none."),
    )
    prerequisites = CodesField(
        _("prerequisites"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Codes of courses to be completed first, in any term, separated by commas."),
    )
    is_open = models.BooleanField(
        _("open"), default=True, help_text=_("A closed course takes no new students.")
    )

    error_fields = {"unique": "code"}
    protected_message = _("This course has enrollments, which are kept. Close the course instead.")

    objects: ClassVar[models.Manager[Course]] = CourseQuerySet.as_manager()
    taken: int
    waiting: int

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ["term", "code"]
        indexes = [WordIndex(WordPrefixes(*SEARCH_FIELDS), name="course_by_word")]
        constraints = [
            models.UniqueConstraint(
                name="course_code_unique_in_term",
                fields=["term", "code"],
                violation_error_code="unique",
                violation_error_message=_("This term already has a course with this code."),
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
        return f"{self.code} ({self.term.code})"

    def clean(self) -> None:
        """Raises ValidationError for a prerequisite of no course, or one that leads back to this course."""
        super().clean()
        if not self.prerequisites:
            return
        found = Course.objects.filter(code__in=self.prerequisites)
        # What it asks for already may have got another code since, or be gone: that is no reason to refuse what is changed now.
        asked = Course.objects.filter(pk=self.pk).values_list("prerequisites", flat=True)
        check_known(
            self.prerequisites,
            {self.code, *found.values_list("code", flat=True), *chain.from_iterable(asked)},
        )
        self.check_cycle()

    def check_cycle(self) -> None:
        """Raises ValidationError for a prerequisite that leads back to this course."""
        wanted: dict[str, set[str]] = {self.code: set(self.prerequisites)}
        for code, codes in (
            Course.objects.exclude(prerequisites=[])
            .exclude(pk=self.pk)
            .values_list("code", "prerequisites")
        ):
            wanted.setdefault(code, set()).update(codes)
        check_cycle(self.code, wanted)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the course. Raises ValidationError also for a circle of prerequisites that two people closed at the same moment."""
        if not self.prerequisites or not {"code", "prerequisites"} & set(
            kwargs.get("update_fields") or ["code"]
        ):
            super().save(*args, **kwargs)
            return
        adding = self._state.adding
        try:
            with transaction.atomic():
                super().save(*args, **kwargs)
                lock_prerequisites()
                self.check_cycle()
        except ValidationError:
            if adding:
                # A row that was taken back is still to be made.
                self.pk, self._state.adding = None, True
            raise

    @property
    def left(self) -> int | None:
        """Seats left (None: unlimited), on a course read `with_seats()`. Overbooked courses have 0."""
        return None if self.capacity is None else max(self.capacity - self.taken, 0)
