"""Filters of courses and teachers in the API."""

from typing import Any

import django_filters as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from core.api.filters import (
    BooleanFilter,
    EmailFilter,
    IdFilter,
    OrderFilter,
    SearchFilter,
    TextFilter,
)
from core.names import NAME_ORDER
from courses.models import Course, Teacher, Teaching, Term


@extend_schema_field(OpenApiTypes.STR)
class TermFilter(filters.ModelChoiceFilter):
    """Filters by the code of a term."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Term.objects.all(), to_field_name="code", **kwargs)


class SectionFilter(TextFilter):
    """A section of a course. The empty text is one too."""

    accepts_empty = True


class CourseFilterSet(filters.FilterSet):
    ordering = OrderFilter("id", ("code", "code_key", "code"), "title")
    search = SearchFilter()
    term = TermFilter()
    code = TextFilter(help_text="Exactly this code.")
    section = SectionFilter(help_text="Exactly this section; empty: the courses without one.")
    teacher = IdFilter(method="filter_teacher", help_text="The courses of this teacher.")
    is_open = BooleanFilter()
    has_seats = BooleanFilter(method="filter_seats")

    class Meta:
        model = Course
        fields: list[str] = []

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        # django-filter applies no filter whose value is empty.
        return queryset.filter(section="") if self.data.get("section") == "" else queryset

    def filter_teacher(self, queryset: Any, _name: str, teacher: int) -> Any:
        teachings = Teaching.objects.current().filter(teacher=teacher)
        return queryset.filter(pk__in=teachings.values("course"))

    def filter_seats(
        self,
        queryset: Any,
        _name: str,
        has_seats: bool,  # noqa: FBT001 (django-filter calls it)
    ) -> Any:
        with_seats = queryset.with_seats_left()
        return with_seats if has_seats else queryset.exclude(pk__in=with_seats.values("pk"))


class TeacherFilterSet(filters.FilterSet):
    ordering = OrderFilter("id", "number", ("last_name", *NAME_ORDER), "email")
    search = SearchFilter()
    number = TextFilter(help_text="Exactly this number.")
    email = EmailFilter(help_text="Exactly this email, without case.")
    is_active = BooleanFilter()

    class Meta:
        model = Teacher
        fields: list[str] = []
