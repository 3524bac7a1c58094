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

from core.api.etags import asks_for_match, tagged
from core.api.serializers import Columns
from core.db.compiled import Compiled, Question, ask
from core.db.keyset import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Source, beyond, with_order
from core.db.parameters import Slot

View = type["RowsMixin"]
PAGE = {"cursor", "limit"}


class RowsMixin(GenericAPIView[Any]):
    """List and retrieve for a view whose serializer shows columns (`core.api.serializers.Columns`)."""

    # Finds what the path names and the rows belong to.
    owner: ClassVar[Question | None] = None
    # What one row is shown with: the name of each part, the question that finds its rows, and the serializer that shows them.
    parts: ClassVar[Mapping[str, tuple[Question, type[Columns[Any]]]]] = {}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        columns = columns_of(type(self), "list")
        plain = all(name in PAGE and value for name, value in request.query_params.items())
        source = (
            CompiledSource(self)
            if plain
            else Source(
                with_order(self.filter_queryset(self.get_queryset()), list(columns.values()))
            )
        )
        rows: Any = self.paginate_queryset(source)  # type: ignore[arg-type]
        if not rows:
            self.check_owner()
        # A row goes on after its columns with the fields of the order.
        return self.get_paginated_response([dict(zip(columns, row, strict=False)) for row in rows])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if request.query_params or asks_for_match(request):
            return tagged(Response(self.get_serializer(self.get_object()).data))
        questions = [
            compiled_row(type(self), tuple(self.kwargs)),
            *(question for question, _serializer in self.parts.values()),
        ]
        found, *parts = ask(questions, self.kwargs)
        if not found:
            raise Http404
        data = dict(zip(columns_of(type(self), "retrieve"), found[0], strict=True))
        for (name, (_question, serializer)), rows in zip(self.parts.items(), parts, strict=True):
            data[name] = [dict(zip(serializer.columns(), row, strict=True)) for row in rows]
        return tagged(Response(data))

    def check_owner(self) -> None:
        """Raises Http404 where what the path names is not there."""
        if self.owner and not self.owner(**self.kwargs):
            raise Http404


class CompiledSource(Source):
    """The rows of a view that were asked for without a filter."""

    def __init__(self, view: RowsMixin) -> None:
        self.view, self.kwargs = type(view), view.kwargs
        super().__init__(all_rows(self.view, tuple(self.kwargs)))

    def read(self, start: Cursor | None, number: int) -> Sequence[Any]:
        # In two sizes, for what is compiled is kept.
        size = (DEFAULT_LIMIT if number <= DEFAULT_LIMIT + 1 else MAX_LIMIT) + 1
        page = compiled_page(self.view, tuple(self.kwargs), size, start and start.backward)
        return page(
            **self.kwargs,
            **{f"at_{index}": value for index, value in enumerate(start.values if start else ())},
        )[:number]


def blank(view: View, names: tuple[str, ...], action: str) -> RowsMixin:
    """`view` as it meets a request without parameters, with slots for the `names` in the path."""
    return view(
        request=Request(HttpRequest()), action=action, kwargs={name: Slot(name) for name in names}
    )


@cache
def columns_of(view: View, action: str) -> dict[str, str]:
    columns: dict[str, str] = blank(view, (), action).get_serializer_class().columns()  # type: ignore[attr-defined]
    return columns


@cache
def all_rows(view: View, names: tuple[str, ...]) -> QuerySet[Any, Any]:
    plain = blank(view, names, "list")
    return plain.filter_queryset(plain.get_queryset())


@cache
def compiled_page(
    view: View,
    names: tuple[str, ...],
    number: int,
    backward: bool | None,  # noqa: FBT001
) -> Compiled[Any]:
    """The first `number` rows, or those beyond a cursor that reads `backward` or forward."""
    rows = all_rows(view, names)
    fields = [
        rows.model._meta.get_field(str(field).removeprefix("-")) for field in rows.query.order_by
    ]
    start = (
        None
        if backward is None
        else Cursor([Slot(f"at_{index}", field) for index, field in enumerate(fields)], backward)
    )
    return Compiled(
        with_order(beyond(rows, start), list(columns_of(view, "list").values()))[:number]
    )


@cache
def compiled_row(view: View, names: tuple[str, ...]) -> Compiled[Any]:
    """The one row that the path names."""
    one = blank(view, names, "retrieve")
    key = one.kwargs[one.lookup_url_kwarg or one.lookup_field]
    return Compiled(
        one.get_queryset()
        .filter(**{one.lookup_field: key})
        .values_list(*columns_of(view, "retrieve").values())
    )
