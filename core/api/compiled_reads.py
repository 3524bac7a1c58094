"""What GET answers is read as rows of plain columns, with no model instance and no serializer field at work for each of them.

What asks for nothing but a page, or for one row, is read by SQL that is compiled once for each view: what such a view shows depends on
the path alone and not on who asks.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.etags import add_etag, has_if_match
from core.api.serializers import ColumnSerializer
from core.db.compiled import CompiledQuery, Query, execute_all
from core.db.keyset import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Cursor,
    RowSource,
    rows_after,
    values_with_order,
)
from core.db.parameters import Parameter
from core.ids import MAX_ID

View = type["CompiledReadMixin"]
PAGE = {"cursor", "limit"}


class CompiledReadMixin(GenericAPIView[Any]):
    """List and retrieve for a view whose serializer shows columns (`core.api.serializers.Columns`)."""

    # Finds what the path names and the rows belong to.
    parent_query: ClassVar[Query | None] = None
    # What one row is shown with: the name of each part, the question that finds its rows, and the serializer that shows them.
    related_queries: ClassVar[Mapping[str, tuple[Query, type[ColumnSerializer[Any]]]]] = {}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # SQLite cannot compare a number of more than 64 bits.
        if any(isinstance(value, int) and value > MAX_ID for value in self.kwargs.values()):
            raise Http404
        columns = get_columns(type(self), "list")
        plain = all(name in PAGE and value for name, value in request.query_params.items())
        source = (
            CompiledRowSource(self)
            if plain
            else RowSource(
                values_with_order(self.filter_queryset(self.get_queryset()), list(columns.values()))
            )
        )
        rows: Any = self.paginate_queryset(source)  # type: ignore[arg-type]
        if not rows:
            self.check_parent_exists()
        # A row goes on after its columns with the fields of the order.
        return self.get_paginated_response([dict(zip(columns, row, strict=False)) for row in rows])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if request.query_params or has_if_match(request):
            return add_etag(Response(self.get_serializer(self.get_object()).data))
        questions = [
            compile_row(type(self), tuple(self.kwargs)),
            *(question for question, _serializer in self.related_queries.values()),
        ]
        found, *related_queries = execute_all(questions, self.kwargs)
        if not found:
            raise Http404
        data = dict(zip(get_columns(type(self), "retrieve"), found[0], strict=True))
        for (name, (_question, serializer)), rows in zip(
            self.related_queries.items(), related_queries, strict=True
        ):
            data[name] = [dict(zip(serializer.columns(), row, strict=True)) for row in rows]
        return add_etag(Response(data))

    def check_parent_exists(self) -> None:
        """Raises Http404 where what the path names is not there."""
        if self.parent_query and not self.parent_query(**self.kwargs):
            raise Http404


class CompiledRowSource(RowSource):
    """The rows of a view that were asked for without a filter."""

    def __init__(self, view: CompiledReadMixin) -> None:
        self.view, self.kwargs = type(view), view.kwargs
        super().__init__(unfiltered_rows(self.view, tuple(self.kwargs)))

    def read(self, start: Cursor | None, number: int) -> Sequence[Any]:
        # In two sizes, for what is compiled is kept.
        size = (DEFAULT_LIMIT if number <= DEFAULT_LIMIT + 1 else MAX_LIMIT) + 1
        page = compile_page(self.view, tuple(self.kwargs), size, start and start.backward)
        return page(
            **self.kwargs,
            **{f"at_{index}": value for index, value in enumerate(start.values if start else ())},
        )[:number]


def view_without_request(view: View, names: tuple[str, ...], action: str) -> CompiledReadMixin:
    """`view` as it meets a request without parameters, with slots for the `names` in the path."""
    return view(
        request=Request(HttpRequest()),
        action=action,
        kwargs={name: Parameter(name) for name in names},
    )


@cache
def get_columns(view: View, action: str) -> dict[str, str]:
    serializer: Any = view_without_request(view, (), action).get_serializer_class()
    columns: dict[str, str] = serializer.columns()
    return columns


@cache
def unfiltered_rows(view: View, names: tuple[str, ...]) -> QuerySet[Any, Any]:
    plain = view_without_request(view, names, "list")
    return plain.filter_queryset(plain.get_queryset())


@cache
def compile_page(
    view: View,
    names: tuple[str, ...],
    number: int,
    backward: bool | None,  # noqa: FBT001
) -> CompiledQuery[Any]:
    """The first `number` rows, or those beyond a cursor that reads `backward` or forward."""
    rows = unfiltered_rows(view, names)
    fields = [
        rows.model._meta.get_field(str(field).removeprefix("-")) for field in rows.query.order_by
    ]
    start = (
        None
        if backward is None
        else Cursor(
            [Parameter(f"at_{index}", field) for index, field in enumerate(fields)], backward
        )
    )
    return CompiledQuery(
        values_with_order(rows_after(rows, start), list(get_columns(view, "list").values()))[
            :number
        ]
    )


@cache
def compile_row(view: View, names: tuple[str, ...]) -> CompiledQuery[Any]:
    """The one row that the path names."""
    one = view_without_request(view, names, "retrieve")
    key = one.kwargs[one.lookup_url_kwarg or one.lookup_field]
    return CompiledQuery(
        one.get_queryset()
        .filter(**{one.lookup_field: key})
        .values_list(*get_columns(view, "retrieve").values())
    )
