"""Filters of the API's lists.

Unknown and invalid parameters are errors; django-filter would ignore them.
"""

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import Model, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.parameters import PAGE_PARAMETERS, InvalidParameter, refuse_parameters
from core.ids import MAX_ID
from core.text import clean_email, clean_line


class FilterBackend(DjangoFilterBackend):
    """Filters by the `filterset_class` of the view. Raises InvalidParameter."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Model], view: APIView
    ) -> QuerySet[Model]:
        filterset = self.get_filterset(request, queryset, view)
        known = set(filterset.filters) if filterset else set()
        refuse_parameters(set(request.query_params) - known - PAGE_PARAMETERS)
        if filterset is None:
            return queryset
        empty = {}
        for name, value in request.query_params.items():
            if not value and not getattr(filterset.filters.get(name), "accepts_empty", False):
                empty[name] = [_("This parameter needs a value.")]
        if empty:
            raise InvalidParameter(empty, code="blank")
        if not filterset.is_valid():
            raise InvalidParameter(filterset.errors)
        found: QuerySet[Model] = filterset.qs
        return found


@extend_schema_field(OpenApiTypes.BOOL)
class BooleanFilter(filters.TypedChoiceFilter):
    """`true` or `false`. django-filter's BooleanFilter ignores other values."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[("true", "true"), ("false", "false")],
            coerce=lambda text: text == "true",
            empty_value=None,
            **kwargs,
        )


@extend_schema_field({"type": "boolean", "enum": [True]})
class TrueFilter(filters.ChoiceFilter):
    """`true`, which leaves rows out. Its opposite would be of no use."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[("true", "true")], **kwargs)


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 1})
class IdFilter(filters.Filter):
    """The id of a row. (A NumberFilter would accept 1e3.)"""

    field_class = forms.IntegerField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class TextFilter(filters.CharFilter):
    """A text of one line, compared as it is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def filter(self, queryset: Any, text: str) -> Any:
        return super().filter(queryset, clean_line(text)) if text else queryset


class EmailFilter(TextFilter):
    """An email address, compared without case as in the unique index."""

    def filter(self, queryset: Any, text: str) -> Any:
        if not text:
            return queryset
        return queryset.alias(address=Lower("email")).filter(address=clean_email(text).lower())


class SearchFilter(filters.CharFilter):
    """Rows in which every word of the text begins a word.

    Declare it after the ordering filter, because `search()` depends on the order of the rows.
    """

    accepts_empty = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)

    def filter(self, queryset: Any, text: str) -> Any:
        return queryset.search(text) if text else queryset


class OrderFilter(filters.ChoiceFilter):
    """The order of a list: the name of one of `fields`, with `-` before it for descending.

    A tuple is a name and the fields that it orders by. The id is added at the end.
    """

    def __init__(self, *fields: str | tuple[str, ...], **kwargs: Any) -> None:
        self.orders: dict[str, tuple[str, ...]] = {}
        choices = []
        for field in fields:
            name, *names = (field, field) if isinstance(field, str) else field
            self.orders[name] = tuple(names)
            choices += [(name, name), (f"-{name}", f"-{name}")]
        super().__init__(choices=choices, **kwargs)

    def filter(self, queryset: Any, field: str) -> Any:
        if not field:
            return queryset
        sign = "-" if field.startswith("-") else ""
        names = (*self.orders[field.removeprefix("-")], "id")
        # Without repetition, as `id` itself is one of the orders.
        return queryset.order_by(*dict.fromkeys(sign + name for name in names))
