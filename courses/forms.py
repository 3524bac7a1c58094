"""Forms of the staff pages for terms, courses and teachers."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from core.datetime_fields import DateInput
from core.pages.forms import EditForm, FilterForm, OptionalBooleanField
from courses.models import Course, Teacher, Term
from courses.teacher_field import CourseTeachersForm


class CourseFilterForm(FilterForm):
    term = forms.ChoiceField(label=_("Term"), required=False)
    is_open = OptionalBooleanField(
        label=_("Open"), either=_("Open or closed"), yes=_("Open"), no=_("Closed")
    )
    has_seats = forms.BooleanField(label=_("Has seats"), required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        terms = Term.objects.values_list("code", "name")
        choices = [("", _("All terms")), *((code, f"{code} · {name}") for code, name in terms)]
        self.fields["term"].choices = choices  # type: ignore[attr-defined]

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        valid_data = self.valid_data
        if valid_data.get("term"):
            queryset = queryset.filter(term__code=valid_data["term"])
        if valid_data.get("is_open") is not None:
            queryset = queryset.filter(is_open=valid_data["is_open"])
        if valid_data.get("has_seats"):
            queryset = queryset.with_seats_left()
        return queryset


class TermForm(EditForm):
    class Meta:
        model = Term
        fields = (
            "code",
            "name",
            "starts_on",
            "ends_on",
            "enrollment_opens_on",
            "enrollment_closes_on",
            "max_credits",
            "accepts_in_progress",
        )
        widgets = {name: DateInput for name in fields if name.endswith("_on")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.initial.setdefault("accepts_in_progress", True)


class CourseForm(CourseTeachersForm, EditForm):
    class Meta:
        model = Course
        fields = (
            "term",
            "code",
            "section",
            "title",
            "description",
            "credits",
            "starts_on",
            "ends_on",
            "meetings",
            "capacity",
            "prerequisites",
            "excludes",
            "is_open",
            "repeatable",
            "teachers",
        )
        widgets = {name: DateInput for name in fields if name.endswith("_on")}

    def save_related(self) -> None:
        self.save_teachers()


class TeacherForm(EditForm):
    class Meta:
        model = Teacher
        fields = ("number", "first_name", "last_name", "email", "is_active")
