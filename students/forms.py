"""Forms of students and enrollments."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from courses.filters import MAX_ID
from courses.forms import Filters, RecordForm, TruthField
from students.models import CURRENT, Status, Student


class StudentForm(RecordForm):
    class Meta:
        model = Student
        fields = ("number", "first_name", "last_name", "email", "is_active")


class StudentFilters(Filters):
    is_active = TruthField(label=_("Active"), either=_("Active or not"), yes=_("Active"), no=_("Not active"))

    def narrow(self, queryset: Any) -> Any:
        queryset, active = super().narrow(queryset), self.wanted.get("is_active")
        return queryset if active is None else queryset.filter(is_active=active)


class RosterFilters(Filters):
    """What narrows the enrollments of a course; the current ones where nothing is said."""

    status = forms.ChoiceField(label=_("Status"), choices=[("", _("Current")), *Status.choices, ("all", _("All"))], required=False)

    def narrow(self, queryset: Any) -> Any:
        text, status = self.wanted.get("q"), self.wanted.get("status")
        if text:
            queryset = queryset.filter(student__in=Student.objects.search(text))
        if status == "all":
            return queryset
        return queryset.filter(status__in=[status] if status else CURRENT)


class IdsField(forms.Field):
    """Ids of rows, each once. Whether there are such rows is for the writer to say."""

    widget = forms.MultipleHiddenInput

    def to_python(self, values: list[str] | None) -> list[int]:
        for text in values or []:
            if not is_id(text):
                raise ValidationError(_("“%(text)s” is not an id."), code="invalid", params={"text": text[:30]})
        return ids_of(values or [])


class AssociationForm(forms.Form):
    """Whom to enroll in what: the ids in the field named `choices`, and the options of the enrollment."""

    def __init__(self, choices: str, *args: Any, nothing_chosen: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices = choices
        self.fields[choices] = IdsField(error_messages={"required": nothing_chosen})

    @property
    def options(self) -> list[forms.BoundField]:
        return [field for field in self if field.name != self.choices]

    @property
    def ids(self) -> list[int]:
        ids: list[int] = self.cleaned_data[self.choices]
        return ids


class WithdrawForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, required=False, help_text=_("Kept in the history. It may be left empty."))


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID


def ids_of(texts: list[str]) -> list[int]:
    """Those of `texts` that are ids, each once, in their order."""
    return list(dict.fromkeys(int(text) for text in texts if is_id(text)))
