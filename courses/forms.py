"""Forms of the catalogue."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from core.pages.forms import Filters, RecordForm, TruthField
from courses.models import Course, Term


class CourseFilters(Filters):
    term = forms.ChoiceField(label=_("Term"), required=False)
    is_open = TruthField(label=_("Open"), either=_("Open or closed"), yes=_("Open"), no=_("Closed"))
    has_seats = forms.BooleanField(label=_("Has seats"), required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        terms = Term.objects.values_list("code", "name")
        choices = [("", _("All terms")), *((code, f"{code} · {name}") for code, name in terms)]
        self.fields["term"].choices = choices  # type: ignore[attr-defined]

    def narrow(self, queryset: Any) -> Any:
        queryset, wanted = super().narrow(queryset), self.wanted
        if wanted.get("term"):
            queryset = queryset.filter(term__code=wanted["term"])
        if wanted.get("is_open") is not None:
            queryset = queryset.filter(is_open=wanted["is_open"])
        return queryset.with_room() if wanted.get("has_seats") else queryset


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class TermForm(RecordForm):
    class Meta:
        model = Term
        fields = (
            "code",
            "name",
            "starts_on",
            "ends_on",
            "enrollment_opens_on",
            "enrollment_closes_on",
        )
        widgets = {name: DateInput for name in fields if name.endswith("_on")}


class CourseForm(RecordForm):
    class Meta:
        model = Course
        fields = (
            "term",
            "code",
            "title",
            "description",
            "credits",
            "capacity",
            "prerequisites",
            "is_open",
        )
