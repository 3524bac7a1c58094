"""Filters of the catalogue's lists, for the API."""

from typing import Any

import django_filters as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from core.api.filters import BooleanFilter, OrderFilter, SearchFilter
from courses.models import Course, Term


@extend_schema_field(OpenApiTypes.STR)
class TermFilter(filters.ModelChoiceFilter):
    """The code of a term."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Term.objects.all(), to_field_name="code", **kwargs)


class CourseFilterSet(filters.FilterSet):
    ordering = OrderFilter("id", "code", "title")
    search = SearchFilter()
    term = TermFilter()
    is_open = BooleanFilter()
    has_seats = BooleanFilter(method="with_seats_left")

    class Meta:
        model = Course
        fields: list[str] = []

    def with_seats_left(self, queryset: Any, _name: str, wanted: bool) -> Any:  # noqa: FBT001 (django-filter calls it)
        room = queryset.with_seats_left()
        return room if wanted else queryset.exclude(pk__in=room.values("pk"))
