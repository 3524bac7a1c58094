"""Students, and their enrollments in courses."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, IntegerField, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.constraints import NotAllEmpty
from core.db.fields import CleanCharField, EmailField, ListField
from core.db.search import SearchKeyField, SearchKeyPrefixes, SortKeyField, WordIndex, search
from core.db.times import Microseconds, to_microseconds
from core.history.models import HistoryModel
from core.names import NAME_ORDER, NamedPerson, number_validator
from courses.models import Course, Term, count_subquery


class Status(models.TextChoices):
    """The status of an enrollment. Only `active` takes a seat."""

    ACTIVE = "active", _("active")
    WAITLISTED = "waitlisted", _("waitlisted")
    COMPLETED = "completed", _("completed")
    WITHDRAWN = "withdrawn", _("withdrawn")


# The order of enrollments by the name of their student.
STUDENT_NAME_ORDER = tuple(f"student__{field}" for field in NAME_ORDER)
CURRENT_STATUSES = (Status.ACTIVE, Status.WAITLISTED)
# The credits of these enrollments count in their term.
COUNTED_STATUSES = (Status.ACTIVE, Status.COMPLETED)


class StudentQuerySet(models.QuerySet["Student"]):
    def search(self, text: str) -> StudentQuerySet:
        """Students of whom each word of `text` begins a word of number, names or email."""
        return search(self, text, anywhere="first_name")

    def with_course_count(self) -> StudentQuerySet:
        """Annotate each student with `course_count`, the number of active enrollments."""
        return self.annotate(
            course_count=count_subquery(
                Enrollment.objects.filter(student=OuterRef("pk"), status=Status.ACTIVE)
            )
        )  # type: ignore[no-redef]


class Student(NamedPerson, HistoryModel):
    """A student. `number` is the school's own key."""

    number = CleanCharField(
        _("number"),
        max_length=30,
        unique=True,
        validators=[number_validator],
        help_text=_("The school's own key for this student."),
    )
    first_name = CleanCharField(_("first name"), max_length=100, blank=True)
    last_name = CleanCharField(_("last name"), max_length=100, blank=True)
    email = EmailField(_("email"))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive student cannot be enrolled.")
    )
    courses = models.ManyToManyField(
        Course, through="Enrollment", related_name="students", verbose_name=_("courses")
    )

    search_key = SearchKeyField(joined=["number", "first_name", "last_name"], words=["email"])
    name_key = SortKeyField("last_name", "first_name")

    error_fields = {"unique": "email", "no_name": "last_name"}
    protected_message = _(
        "This student has enrollments, which are kept. Make the student inactive instead."
    )
    objects: ClassVar[models.Manager[Student]] = StudentQuerySet.as_manager()
    course_count: int

    class Meta:
        verbose_name = _("student")
        verbose_name_plural = _("students")
        ordering = [*NAME_ORDER, "pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="student_email_unique",
                violation_error_code="unique",
                violation_error_message=_("A student with this email already exists."),
            ),
            NotAllEmpty(
                name="student_has_a_name",
                condition=~Q(first_name="", last_name=""),
                violation_error_code="no_name",
                violation_error_message=_("A student needs a first name or a last name."),
            ),
        ]
        indexes = [
            models.Index(fields=[*NAME_ORDER, "id"], name="student_by_name_key"),
            models.Index(fields=["email", "id"], name="student_by_email"),
            WordIndex(SearchKeyPrefixes("search_key"), name="student_by_search_key"),
        ]


# A server of the version before waitlists had numbers, which still runs while the database is
# migrated, adds waiting rows without one. Such a row has the number that the migration gives.
WAITLIST_NUMBER = Coalesce("waitlist_number", Microseconds("enrolled_at"))


def waitlist_position(rows: models.QuerySet[Any]) -> Case:
    """The position, from 1, of an enrollment on its course's waitlist; null where it does not wait.

    `rows` are the enrollments, or history records, that make up the waitlists.
    """
    waiting = rows.filter(course=OuterRef("course"), status=Status.WAITLISTED)
    own = Coalesce(OuterRef("waitlist_number"), Microseconds(OuterRef("enrolled_at")))
    comes_first = Q(id__lte=OuterRef("id"))
    # Not one condition on WAITLIST_NUMBER, since no index has that.
    ahead = waiting.alias(arrival=Microseconds("enrolled_at")).filter(
        Q(waitlist_number__lt=own)
        | (Q(waitlist_number=own) & comes_first)
        | (Q(waitlist_number=None) & (Q(arrival__lt=own) | (Q(arrival=own) & comes_first)))
    )
    return Case(
        When(status=Status.WAITLISTED, then=count_subquery(ahead)),
        default=Value(None),
        output_field=IntegerField(),
    )


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    """For reading only. `students.enrollment.service` writes, by the rules and with history."""

    def without_mistakes(self) -> EnrollmentQuerySet:
        """Leave out the enrollments that were entered by mistake."""
        return self.filter(by_mistake=False)

    def current(self) -> EnrollmentQuerySet:
        """Enrollments that are active or waitlisted."""
        return self.filter(status__in=CURRENT_STATUSES)

    def with_position(self) -> EnrollmentQuerySet:
        """Annotate each with `position`, from 1, on its waitlist; None where it does not wait."""
        position = waitlist_position(Enrollment.objects.all())
        return self.annotate(position=position)  # type: ignore[no-redef]

    def _refuse_write(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("Enrollments are written by students.enrollment.service alone.")

    create = get_or_create = update_or_create = bulk_create = bulk_update = update = delete = (
        _raw_delete
    ) = _refuse_write


class Enrollment(HistoryModel):
    """One student in one course. The row is never deleted: a withdrawal is a status."""

    # No index of their own: the unique constraint and the indexes below begin with them.
    student = models.ForeignKey(
        Student,
        models.PROTECT,
        related_name="enrollments",
        verbose_name=_("student"),
        db_index=False,
    )
    course = models.ForeignKey(
        Course, models.PROTECT, related_name="enrollments", verbose_name=_("course"), db_index=False
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    enrolled_at = models.DateTimeField(
        _("enrolled at"),
        default=timezone.now,
        help_text=_("When the student last asked for the course."),
    )
    # Grows with each change, also where a clock is wrong.
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now)
    by_mistake = models.BooleanField(
        _("entered by mistake"),
        default=False,
        db_default=False,
        help_text=_("The enrollment was an error and was withdrawn: the student never attended."),
    )
    # Gives the order of a course's waitlist, whatever the clocks say. Null: does not wait (or see
    # WAITLIST_NUMBER).
    waitlist_number = models.BigIntegerField(
        _("waitlist number"), null=True, blank=True, editable=False
    )
    # Never contains course_full: who overrides that does not wait.
    overridden = ListField(
        _("overridden"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=_("Codes of the refusals that were overridden for this enrollment."),
    )

    objects: ClassVar[models.Manager[Enrollment]] = EnrollmentQuerySet.as_manager()
    # For the latest changes of one course: PostgreSQL would otherwise search through all changes.
    history_indexes = [models.Index(fields=["course", "history_id"], name="history_by_course")]
    # Set by with_position(), or by the service in its results.
    position: int | None = None

    class Meta:
        verbose_name = _("enrollment")
        verbose_name_plural = _("enrollments")
        ordering = ["pk"]
        default_permissions = ("add", "view")
        permissions = [
            ("withdraw_enrollment", _("Can withdraw students from courses")),
            ("complete_enrollment", _("Can set enrollments to completed and back")),
            ("override_refusal", _("Can override refusals")),
        ]
        constraints = [
            models.UniqueConstraint(
                name="enrollment_once",
                fields=["student", "course"],
                violation_error_message=_("The student has this course already."),
            ),
            models.CheckConstraint(
                name="enrollment_status_known",
                condition=Q(status__in=Status.values),
                violation_error_message=_("Unknown status."),
            ),
            models.CheckConstraint(
                name="enrollment_mistake_is_withdrawn",
                condition=Q(by_mistake=False) | Q(status="withdrawn"),
                violation_error_message=_("Only a withdrawn enrollment can be a mistake."),
            ),
        ]
        indexes = [
            models.Index(fields=["course", "status"], name="enrollment_by_course"),
            models.Index(fields=["updated_at", "id"], name="enrollment_by_update"),
            models.Index(
                fields=["course", "waitlist_number", "id"],
                condition=Q(status="waitlisted"),
                name="enrollment_by_waitlist",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student}: {self.course}"

    @property
    def place_number(self) -> int:
        """The number by which a waiting enrollment is ordered, as WAITLIST_NUMBER; or 0."""
        if self.waitlist_number is None and self.status == Status.WAITLISTED:
            return to_microseconds(self.enrolled_at)
        return self.waitlist_number or 0

    @property
    def is_current(self) -> bool:
        return self.status in CURRENT_STATUSES

    def save(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("Enrollments are written by students.enrollment.service alone.")

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("Enrollments are withdrawn, never deleted.")


class CreditLimit(HistoryModel):
    """The credits that one student may take in a term: more or less than `Term.max_credits`."""

    # No index of its own: the index of the unique constraint begins with the student.
    student = models.ForeignKey(
        Student,
        models.CASCADE,
        related_name="credit_limits",
        verbose_name=_("student"),
        db_index=False,
    )
    term = models.ForeignKey(
        Term, models.CASCADE, related_name="credit_limits", verbose_name=_("term")
    )
    max_credits = models.DecimalField(
        _("most credits"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Empty: no limit."),
    )
    reason = CleanCharField(_("reason"), max_length=200, blank=True)

    error_fields = {"unique": "term"}

    class Meta:
        verbose_name = _("credit limit")
        verbose_name_plural = _("credit limits")
        ordering = ["-term__starts_on", "student", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="credit_limit_once",
                fields=["student", "term"],
                violation_error_code="unique",
                violation_error_message=_("The student has a credit limit for this term already."),
            ),
            models.CheckConstraint(
                name="credit_limit_not_negative",
                condition=Q(max_credits__gte=0),
                violation_error_message=_("Credits cannot be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student}: {self.term}"
