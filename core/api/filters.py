"""What filters of lists in the API share. A parameter that is unknown or cannot be read is refused, never passed over."""

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from core.ids import MAX_ID

PAGE_PARAMETERS = {"limit", "cursor", "count"}


class InvalidParameter(ValidationError):
    """A query parameter is wrong: {name: [messages]}."""


class FilterBackend(DjangoFilterBackend):
    """Filters by the view's `filterset_class`. Raises InvalidParameter."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Model], view: APIView
    ) -> QuerySet[Model]:
        filterset = self.get_filterset(request, queryset, view)
        known = set(filterset.filters) if filterset else set()
        if unknown := set(request.query_params) - known - PAGE_PARAMETERS:
            raise InvalidParameter(
                {name: [_("There is no such parameter here.")] for name in sorted(unknown)},
                code="unknown_parameter",
            )
        if filterset is None:
            return queryset
        if empty := [
            name
            for name, value in request.query_params.items()
            if not value and not isinstance(filterset.filters.get(name), SearchFilter)
        ]:
            raise InvalidParameter(
                {name: [_("This parameter needs a value.")] for name in empty}, code="blank"
            )
        if not filterset.is_valid():
            raise InvalidParameter(filterset.errors)
        found: QuerySet[Model] = filterset.qs
        return found


@extend_schema_field(OpenApiTypes.BOOL)
class BooleanFilter(filters.TypedChoiceFilter):
    """`true` or `false`; django-filter's own passes over anything else."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[("true", "true"), ("false", "false")],
            coerce=lambda text: text == "true",
            empty_value=None,
            **kwargs,
        )


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 1})
class IdFilter(filters.Filter):
    """The id of a row. (A NumberFilter would take 1e3 for one.)"""

    field_class = forms.IntegerField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class SearchFilter(filters.CharFilter):
    """Words, each of which begins a word of the row. It stands after the order: `search` goes by it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)

    def filter(self, queryset: Any, text: str) -> Any:
        return queryset.search(text) if text else queryset


class OrderFilter(filters.ChoiceFilter):
    """One of `fields`, or those after it of a tuple too; `-` before it for descending. Ends in the key, in the same direction."""

    def __init__(self, *fields: str | tuple[str, ...], **kwargs: Any) -> None:
        self.orders = {
            names[0]: names
            for names in (((field,) if isinstance(field, str) else field) for field in fields)
        }
        names = [sign + field for field in self.orders for sign in ("", "-")]
        super().__init__(choices=[(name, name) for name in names], **kwargs)

    def filter(self, queryset: Any, field: str) -> Any:
        if not field:
            return queryset
        sign = "-" if field.startswith("-") else ""
        return queryset.order_by(
            *dict.fromkeys(sign + name for name in (*self.orders[field.removeprefix("-")], "id"))
        )
