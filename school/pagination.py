"""Lists by keyset: a page begins after the last row of the page before, found by an index and never counted off."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from django.core.exceptions import FieldError, ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from courses.filters import InvalidParameter


@dataclass(frozen=True)
class Cursor:
    """The row at which a page begins, by the values of its order; `backward` reads towards the beginning."""

    values: list[Any]
    backward: bool = False

    def encode(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.backward, *self.values])).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises ValueError for what `encode` did not make."""
        backward, *values = orjson.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        if not isinstance(backward, bool) or any(not isinstance(value, str | int) or "\0" in str(value) for value in values):
            raise ValueError(text)
        return cls(values, backward)


class KeysetPagination(BasePagination):
    """Pages of a queryset whose order ends in a unique field, all its fields in one direction and none of them null."""

    default_limit = 50
    max_limit = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """One page of `queryset`. Raises InvalidParameter for a limit or a cursor that is not one."""
        params = request.query_params
        self.url = request.build_absolute_uri()
        limit = self._limit(params)
        self.count = queryset.count() if self._wants_count(params) else None
        self.order = [str(field) for field in queryset.query.order_by]
        cursor = self._cursor(params)
        backward = cursor is not None and cursor.backward
        try:
            rows = list(self._from(queryset, cursor)[: limit + 1])
        except (ValueError, TypeError, OverflowError, ValidationError, FieldError) as error:
            raise _bad_cursor() from error
        more, rows = len(rows) > limit, rows[:limit]
        if backward:
            rows.reverse()
        self.next = self._link(rows[-1], backward=False) if rows and (backward or more) else None
        self.previous = self._link(rows[0], backward=True) if rows and (more if backward else cursor) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        count = {} if self.count is None else {"count": self.count}
        return Response({**count, "next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"count": {"type": "integer"}, "next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        return [
            _parameter("limit", limit, "Rows on a page."),
            _parameter("cursor", {"type": "string"}, "Where the page begins: taken from `next` or `previous`."),
            _parameter("count", {"type": "boolean", "default": False}, "Whether to count all rows."),
        ]

    def _limit(self, params: Mapping[str, str]) -> int:
        text = params.get("limit", str(self.default_limit))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= self.max_limit and len(text) < 9):
            raise InvalidParameter({"limit": [_("The limit is a number from 1 to %d.") % self.max_limit]})
        return int(text)

    def _wants_count(self, params: Mapping[str, str]) -> bool:
        text = params.get("count", "false")
        if text not in ("true", "false"):
            raise InvalidParameter({"count": [_("Say true or false.")]})
        return text == "true"

    def _cursor(self, params: Mapping[str, str]) -> Cursor | None:
        if "cursor" not in params:
            return None
        try:
            cursor = Cursor.decode(params["cursor"])
        except (ValueError, TypeError, binascii.Error) as error:
            raise _bad_cursor() from error
        if len(cursor.values) != len(self.order):
            raise _bad_cursor()
        return cursor

    def _from(self, queryset: QuerySet[Any], cursor: Cursor | None) -> QuerySet[Any]:
        if cursor is None:
            return queryset
        descending = self.order[0].startswith("-")
        beyond = "lt" if descending != cursor.backward else "gt"
        rows, same = Q(), Q()
        for field, value in zip(self._fields(), cursor.values, strict=True):
            rows |= same & Q(**{f"{field}__{beyond}": value})
            same &= Q(**{field: value})
        # Says nothing new, but gives the index a range to begin with.
        bound = Q(**{f"{self._fields()[0]}__{beyond}e": cursor.values[0]})
        queryset = queryset.filter(bound & rows)
        return queryset.reverse() if cursor.backward else queryset

    def _fields(self) -> list[str]:
        return [field.removeprefix("-") for field in self.order]

    def _link(self, row: Any, *, backward: bool) -> str:
        values = [attrgetter(field.replace("__", "."))(row) for field in self._fields()]
        cursor = Cursor([value if isinstance(value, str | int) else value.isoformat() for value in values], backward)
        return replace_query_param(remove_query_param(self.url, "cursor"), "cursor", cursor.encode())


def _bad_cursor() -> InvalidParameter:
    return InvalidParameter({"cursor": [_("This cursor is not one of this list. Take it from next or previous.")]})


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
