"""Pagination of the API's lists."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from core.api.parameters import InvalidParameter
from core.db.keyset import DEFAULT_LIMIT, MAX_LIMIT, InvalidCursor, Page, RowSource, read_page


class KeysetPagination(BasePagination):
    """Keyset pagination of a queryset whose ordering ends in a unique field."""

    default_limit = DEFAULT_LIMIT
    max_limit = MAX_LIMIT

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of one page of `queryset`, which may be a RowSource.

        Raises InvalidParameter if `limit`, `cursor` or `count` is not valid.
        """
        source = queryset if isinstance(queryset, RowSource) else RowSource(queryset)
        params = request.query_params
        self.url = request.build_absolute_uri()
        limit = self._limit(params)
        self.count = source.queryset.count() if self._wants_count(params) else None
        try:
            page: Page[Any] = read_page(source, params.get("cursor"), limit)
        except InvalidCursor as error:
            raise InvalidParameter(
                {
                    "cursor": [
                        _("This cursor is not one of this list. Take it from next or previous.")
                    ]
                }
            ) from error
        self.next, self.previous = self._link(page.next), self._link(page.previous)
        return page.rows

    def get_paginated_response(self, data: Any) -> Response:
        count = {} if self.count is None else {"count": self.count}
        return Response({**count, "next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "count": {"type": "integer"},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_limit,
            "default": self.default_limit,
        }
        return [
            _parameter("limit", limit, "Rows on a page."),
            _parameter(
                "cursor",
                {"type": "string"},
                "Where the page begins: taken from `next` or `previous`.",
            ),
            _parameter(
                "count", {"type": "boolean", "default": False}, "Whether to count all rows."
            ),
        ]

    def _limit(self, params: Mapping[str, str]) -> int:
        text = params.get("limit", str(self.default_limit))
        if not (
            text.isascii()
            and text.isdigit()
            and 1 <= int(text[:9]) <= self.max_limit
            and len(text) < 9
        ):
            raise InvalidParameter(
                {"limit": [_("The limit is a number from 1 to %d.") % self.max_limit]}
            )
        return int(text)

    def _wants_count(self, params: Mapping[str, str]) -> bool:
        text = params.get("count", "false")
        if text not in ("true", "false"):
            raise InvalidParameter({"count": [_("Say true or false.")]})
        return text == "true"

    def _link(self, cursor: str | None) -> str | None:
        return cursor and replace_query_param(self.url, "cursor", cursor)


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }
