"""The models of teachers and of the courses that they teach. See courses.teaching for writes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from core.db.constraints import NotAllEmpty
from core.db.fields import CleanCharField, EmailField
from core.db.search import SearchKeyField, SearchKeyPrefixes, SortKeyField, WordIndex, search
from core.history.models import HistoryModel
from core.names import NAME_ORDER, NamedPerson, number_validator


class TeacherQuerySet(models.QuerySet["Teacher"]):
    def search(self, text: str) -> TeacherQuerySet:
        """Teachers of whom each word of `text` begins a word of number, names or email."""
        return search(self, text, anywhere="first_name")


class Teacher(NamedPerson, HistoryModel):
    """Somebody who teaches courses. `number` is the school's own key. Needs no user."""

    number = CleanCharField(
        _("number"),
        max_length=30,
        unique=True,
        validators=[number_validator],
        help_text=_("The school's own key for this teacher."),
    )
    first_name = CleanCharField(_("first name"), max_length=100, blank=True)
    last_name = CleanCharField(_("last name"), max_length=100, blank=True)
    email = EmailField(_("email"), blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Whether the teacher works at the school now.")
    )

    search_key = SearchKeyField(joined=["number", "first_name", "last_name"], words=["email"])
    name_key = SortKeyField("last_name", "first_name")

    error_fields = {"unique": "email", "no_name": "last_name"}
    protected_message = _(
        "This teacher has taught courses, which are kept. Make the teacher inactive instead."
    )
    objects: ClassVar[models.Manager[Teacher]] = TeacherQuerySet.as_manager()

    class Meta:
        verbose_name = _("teacher")
        verbose_name_plural = _("teachers")
        ordering = [*NAME_ORDER, "pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="teacher_email_unique",
                condition=~Q(email=""),
                violation_error_code="unique",
                violation_error_message=_("A teacher with this email already exists."),
            ),
            NotAllEmpty(
                name="teacher_has_a_name",
                condition=~Q(first_name="", last_name=""),
                violation_error_code="no_name",
                violation_error_message=_("A teacher needs a first name or a last name."),
            ),
        ]
        indexes = [
            models.Index(fields=[*NAME_ORDER, "id"], name="teacher_by_name_key"),
            WordIndex(SearchKeyPrefixes("search_key"), name="teacher_by_search_key"),
        ]


class TeachingQuerySet(models.QuerySet["Teaching"]):
    def current(self) -> TeachingQuerySet:
        """Those that have not ended."""
        return self.filter(ended_at=None)

    def in_order(self) -> TeachingQuerySet:
        """Order by course: the primary teacher first, then by name."""
        names = [f"teacher__{field}" for field in NAME_ORDER]
        return self.order_by("course", "-is_primary", *names, "pk")


class Teaching(HistoryModel):
    """A teacher of a course. The row stays when the teacher leaves the course: it has an end.

    It is deleted only together with a course that never had an enrollment.
    """

    # No index of its own: the index of the unique constraint begins with the course.
    course = models.ForeignKey(
        "courses.Course",
        models.CASCADE,
        related_name="teachings",
        verbose_name=_("course"),
        db_index=False,
    )
    teacher = models.ForeignKey(
        Teacher, models.PROTECT, related_name="teachings", verbose_name=_("teacher")
    )
    is_primary = models.BooleanField(
        _("primary"), default=False, help_text=_("The teacher who is responsible for the course.")
    )
    ended_at = models.DateTimeField(
        _("ended at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the teacher left the course. Empty: teaches it."),
    )

    error_fields = {"second_primary": "is_primary"}
    history_indexes = [
        models.Index(fields=["course", "history_id"], name="teaching_history_by_course")
    ]
    objects: ClassVar[models.Manager[Teaching]] = TeachingQuerySet.as_manager()

    class Meta:
        verbose_name = _("teacher of a course")
        verbose_name_plural = _("teachers of a course")
        ordering = ["pk"]
        # Written with the course, by who may change courses.
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                name="teaching_once",
                fields=["course", "teacher"],
                violation_error_message=_("The course has this teacher already."),
            ),
            models.UniqueConstraint(
                name="teaching_one_primary",
                fields=["course"],
                condition=Q(is_primary=True, ended_at=None),
                violation_error_code="second_primary",
                violation_error_message=_("Only one teacher of a course can be the primary one."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.teacher}: {self.course}"
