"""Filters of courses in the API."""

from typing import Any

import django_filters as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from core.api.filters import BooleanFilter, OrderFilter, SearchFilter
from courses.models import Course, Term


@extend_schema_field(OpenApiTypes.STR)
class TermFilter(filters.ModelChoiceFilter):
    """Filters by the code of a term."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Term.objects.all(), to_field_name="code", **kwargs)


class CourseFilterSet(filters.FilterSet):
    ordering = OrderFilter("id", ("code", "code_key", "code"), "title")
    search = SearchFilter()
    term = TermFilter()
    is_open = BooleanFilter()
    has_seats = BooleanFilter(method="filter_seats")

    class Meta:
        model = Course
        fields: list[str] = []

    def filter_seats(
        self,
        queryset: Any,
        _name: str,
        has_seats: bool,  # noqa: FBT001 (django-filter calls it)
    ) -> Any:
        with_seats = queryset.with_seats_left()
        return with_seats if has_seats else queryset.exclude(pk__in=with_seats.values("pk"))
