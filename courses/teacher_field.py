"""The teachers of a course in the forms of the staff pages and the admin."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.conflicts import ConflictAwareForm
from core.history.models import HistoryModel
from core.text import clean_email, clean_line
from courses.models import Course, Teacher, Teaching
from courses.teaching import Assignment, set_teachers

# The number in a teacher's name as lists show it: "Ada Lovelace (P-1)".
NUMBER_IN_NAME = re.compile(r"\(([^()]+)\)\Z")
# Candidates that the error of an ambiguous name lists.
MAX_CANDIDATES = 5


class TeachersField(forms.CharField):
    """Teachers, one on each line, by number, email or name."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Teachers"),
            required=False,
            max_length=5_000,
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text=_(
                "One on each line: number, email or name. "
                "The first is the primary teacher of the course."
            ),
        )

    def clean(self, value: Any) -> list[Teacher]:
        """The teachers that the lines name. Raises ValidationError."""
        teachers: list[Teacher] = []
        errors: list[ValidationError] = []
        for line in split_lines(super().clean(value)):
            try:
                teacher = find_teacher(line)
            except ValidationError as error:
                errors.append(error)
                continue
            if teacher in teachers:
                errors.append(ValidationError(_("This teacher is named twice."), code="repeated"))
            teachers.append(teacher)
        if errors:
            raise ValidationError(errors)
        return teachers

    def has_changed(self, initial: Any, data: Any) -> bool:
        return split_lines(initial) != split_lines(data)


def split_lines(text: str | None) -> list[str]:
    lines = map(clean_line, re.split(r"[\n;]", text or ""))
    return [line.strip() for line in lines if line.strip()]


def find_teacher(text: str) -> Teacher:
    """The teacher with this number or email, or the only one with this name.

    Raises ValidationError.
    """
    in_name = NUMBER_IN_NAME.search(text)
    numbers = [text, in_name[1].strip()] if in_name else [text]
    found = list(Teacher.objects.filter(number__in=numbers)[:2])
    if not found and "@" in text:
        found = list(Teacher.objects.filter(email__iexact=clean_email(text))[:2])
    if not found:
        # As lists show names: "Lovelace, Ada".
        words = text.replace(",", " ")
        found = list(Teacher.objects.search(words)[: MAX_CANDIDATES + 1])
    if not found:
        raise ValidationError(
            _("There is no teacher “%(text)s”."), code="not_found", params={"text": text}
        )
    if len(found) > 1:
        names = ", ".join(map(str, found[:MAX_CANDIDATES]))
        raise ValidationError(
            _("“%(text)s” may be one of several: %(names)s. Write the number."),
            code="ambiguous",
            params={"text": text, "names": names},
        )
    return found[0]


def list_teachers(course: Course) -> str:
    """The current teachers of a course as text, the primary one first."""
    teachings = Teaching.objects.current().filter(course=course).in_order()
    return "\n".join(str(teaching.teacher) for teaching in teachings.select_related("teacher"))


class CourseTeachersForm(ConflictAwareForm):
    """A form of a course, with its teachers."""

    teachers = TeachersField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["teachers"] = list_teachers(self.instance)

    def find_conflicts(self, row: HistoryModel) -> dict[str, ValidationError]:
        errors = super().find_conflicts(row)
        if "teachers" in self.changed_data and isinstance(row, Course):
            current = list_teachers(row)
            if self.is_conflict("teachers", current):
                errors["teachers"] = self.conflict_error(row, "teachers", current)
        return errors

    def get_last_change(self, row: HistoryModel, name: str) -> Any:
        if name != "teachers":
            return super().get_last_change(row, name)
        return Teaching.history.filter(course=row.pk).order_by("history_id").last()

    def save_teachers(self) -> None:
        """Write the teachers if they were changed. The course must be saved and locked."""
        if "teachers" in self.changed_data:
            teachers = self.cleaned_data["teachers"]
            assignments = [Assignment(row.pk, row == teachers[0]) for row in teachers]
            set_teachers({self.instance.pk: assignments})
