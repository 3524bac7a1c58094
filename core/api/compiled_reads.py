"""Lists and single rows that are read by SQL which is compiled once for each view.

Rows become JSON without a model instance and without a serializer. This passes over methods of the
view and the serializer, so it is used only by a view that opts in, and only while none of these
methods is overridden: see `find_overrides`, which a system check reports.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from django.core.checks import Error
from django.core.exceptions import FieldError
from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.urls import get_resolver
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.etags import add_etag, check_preconditions, has_precondition
from core.api.filters import FilterBackend
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
PAGE_PARAMETERS = {"cursor", "limit"}
# Methods that a compiled read does not call, and modules whose versions of them depend on nothing
# but the path.
VIEW_METHODS = (
    *("get_queryset", "filter_queryset", "get_object", "check_object_permissions"),
    *("get_permissions", "get_serializer", "get_serializer_class", "get_serializer_context"),
)
SERIALIZER_METHODS = ("__init__", "fields", "get_fields", "to_representation", "data")
KNOWN_MODULES = {
    *("rest_framework.generics", "rest_framework.views", "rest_framework.viewsets"),
    *("rest_framework.serializers", "core.api.serializers"),
    *("core.api.compiled_reads", "core.api.viewsets"),
}


class CompiledReadMixin(GenericAPIView[Any]):
    """List and retrieve for a view whose serializers are ColumnSerializers.

    With `compiled_reads`, a list without filters and a single row are read by compiled SQL. What
    they show must not depend on the user, or on anything of the request but its path.
    """

    action: str
    compiled_reads: ClassVar[bool] = False
    # For a single row, where they are not those of the list.
    detail_queryset: ClassVar[QuerySet[Any] | None] = None
    detail_serializer_class: ClassVar[type[ColumnSerializer[Any]] | None] = None
    # Fields that the rows of a list are filtered by, each with the argument of the path.
    path_filter: ClassVar[Mapping[str, str]] = {}
    # Finds the row that the path names and that the rows of the list belong to.
    parent_query: ClassVar[Query | None] = None
    # Related rows in the JSON of a single row: the key, the query, and the serializer of its rows.
    related_queries: ClassVar[Mapping[str, tuple[Query, type[ColumnSerializer[Any]]]]] = {}

    def get_queryset(self) -> QuerySet[Any]:
        if self.action != "list" and self.detail_queryset is not None:
            return self.detail_queryset.all()
        filters = {field: self.kwargs[name] for field, name in self.path_filter.items()}
        return super().get_queryset().filter(**filters)

    def get_serializer_class(self) -> Any:
        if self.action != "list" and self.detail_serializer_class is not None:
            return self.detail_serializer_class
        return super().get_serializer_class()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # SQLite cannot compare a number of more than 64 bits.
        if any(isinstance(value, int) and value > MAX_ID for value in self.kwargs.values()):
            raise Http404
        view = type(self)
        if not uses_compiled_reads(view):
            rows: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
            data = self.get_serializer(rows, many=True).data
        else:
            columns = get_columns(view, "list")
            if all(name in PAGE_PARAMETERS and value for name, value in request.GET.items()):
                source: RowSource = CompiledRowSource(self)
            else:
                queryset = self.filter_queryset(self.get_queryset())
                source = RowSource(values_with_order(queryset, list(columns.values())))
            rows = self.paginate_queryset(source)  # type: ignore[arg-type]
            # A row has the columns, and then the fields of the order.
            data = [dict(zip(columns, row, strict=False)) for row in rows]
        if not rows:
            self.check_parent_exists()
        return self.get_paginated_response(data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        view = type(self)
        if not uses_compiled_reads(view):
            data = self.get_serializer(self.get_object()).data
            return add_etag(Response(data), request)
        queries: list[Query] = [compile_row(view, tuple(self.kwargs))]
        queries += [query for query, _serializer in self.related_queries.values()]
        found, *related = execute_all(queries, self.kwargs)
        if not found:
            raise Http404
        data = dict(zip(get_columns(view, "retrieve"), found[0], strict=True))
        for (name, (_query, serializer)), rows in zip(
            self.related_queries.items(), related, strict=True
        ):
            data[name] = [dict(zip(serializer.columns(), row, strict=True)) for row in rows]
        if has_precondition(request):
            check_preconditions(request, data)
        return add_etag(Response(data), request)

    def check_parent_exists(self) -> None:
        """Raise Http404 if the row that the path names does not exist."""
        if self.parent_query and not self.parent_query(**self.kwargs):
            raise Http404


class CompiledRowSource(RowSource):
    """The rows of a view's list without filters."""

    def __init__(self, view: CompiledReadMixin) -> None:
        self.view, self.kwargs = type(view), view.kwargs
        super().__init__(unfiltered_rows(self.view, tuple(self.kwargs)))

    def read(self, start: Cursor | None, number: int) -> Sequence[Any]:
        # Only two sizes are compiled, since each is kept.
        size = (DEFAULT_LIMIT if number <= DEFAULT_LIMIT + 1 else MAX_LIMIT) + 1
        page = compile_page(self.view, tuple(self.kwargs), size, start and start.backward)
        values = start.values if start else ()
        cursor = {f"at_{index}": value for index, value in enumerate(values)}
        return page(**self.kwargs, **cursor)[:number]


class RequestRead(Exception):
    """A queryset that is to be compiled depends on the request."""


class PathOnlyRequest:
    """Stands for all requests of a path without a query. Raises RequestRead for anything else."""

    query_params = GET = QueryDict()

    def __getattr__(self, name: str) -> Any:
        raise RequestRead(f"request.{name}")


def view_without_request(view: View, names: tuple[str, ...], action: str) -> CompiledReadMixin:
    """Return an instance of `view` with Parameters for the arguments `names` of the path."""
    kwargs = {name: Parameter(name) for name in names}
    return view(request=PathOnlyRequest(), action=action, kwargs=kwargs, args=(), format_kwarg=None)


@cache
def get_columns(view: View, action: str) -> dict[str, str]:
    serializer = view_without_request(view, (), action).get_serializer_class()
    columns: dict[str, str] = serializer.columns()
    return columns


@cache
def unfiltered_rows(view: View, names: tuple[str, ...]) -> QuerySet[Any, Any]:
    instance = view_without_request(view, names, "list")
    return instance.filter_queryset(instance.get_queryset())


@cache
def compile_page(
    view: View,
    names: tuple[str, ...],
    number: int,
    backward: bool | None,  # noqa: FBT001
) -> CompiledQuery[Any]:
    """The first `number` rows, or those beyond a cursor that reads `backward` or forward."""
    rows = unfiltered_rows(view, names)
    start = None
    if backward is not None:
        order = [str(field).removeprefix("-") for field in rows.query.order_by]
        fields = [rows.model._meta.get_field(name) for name in order]
        values: list[Any] = [Parameter(f"at_{index}", field) for index, field in enumerate(fields)]
        start = Cursor(values, backward)
    columns = list(get_columns(view, "list").values())
    return CompiledQuery(values_with_order(rows_after(rows, start), columns)[:number])


@cache
def compile_row(view: View, names: tuple[str, ...]) -> CompiledQuery[Any]:
    """The row that the path names."""
    instance = view_without_request(view, names, "retrieve")
    key = instance.kwargs[instance.lookup_url_kwarg or instance.lookup_field]
    rows = instance.get_queryset().filter(**{instance.lookup_field: key})
    return CompiledQuery(rows.values_list(*get_columns(view, "retrieve").values()))


def uses_compiled_reads(view: View) -> bool:
    return view.compiled_reads and not find_overrides(view)


@cache
def find_overrides(view: View) -> tuple[str, ...]:
    """What of `view` and its serializers a compiled read would pass over, each as one text.

    While there is any, the view is answered by DRF's own methods.
    """
    return tuple(_find_overrides(view))


def _find_overrides(view: View) -> Iterator[str]:
    yield from _overridden(view, VIEW_METHODS)
    for permission in view.permission_classes:
        method = getattr(permission(), "has_object_permission")  # noqa: B009 (operands have it too)
        if getattr(method, "__func__", None) is not BasePermission.has_object_permission:
            yield f"{permission}.has_object_permission"
    for backend in view.filter_backends:
        if backend is not FilterBackend:
            yield f"{view.__name__}.filter_backends: {backend.__name__}"
    serializers = [view.serializer_class, view.detail_serializer_class]
    serializers += [serializer for _query, serializer in view.related_queries.values()]
    for serializer in serializers:
        if serializer is not None:
            yield from _overridden(serializer, SERIALIZER_METHODS)
    try:
        compile_page(view, tuple(view.path_filter.values()), DEFAULT_LIMIT + 1, None)
        if hasattr(view, "retrieve") and not view.path_filter:
            compile_row(view, (view.lookup_url_kwarg or view.lookup_field,))
            detail: Any = view_without_request(view, (), "retrieve").get_serializer_class()
            if {*detail.related_fields()} != {*view.related_queries}:
                yield f"{view.__name__}.related_queries"
    except (RequestRead, FieldError, TypeError) as error:
        yield f"{view.__name__}: {error}"


def _overridden(cls: type[Any], names: Sequence[str]) -> Iterator[str]:
    """Those of the attributes `names` that another class than ours or DRF's defines."""
    for name in names:
        owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
        if owner.__module__ not in KNOWN_MODULES and hasattr(cls, name):
            yield f"{owner.__name__}.{name}"


def check_compiled_reads(**_kwargs: Any) -> list[Error]:
    """Report each view with compiled reads that would pass over a method. A system check."""
    hint = "Remove compiled_reads from the view, and it is answered by DRF's own methods."
    return [
        Error(f"A compiled read would pass over {override}.", hint, view, id="core.E001")
        for view in sorted(_routed_views(get_resolver()), key=str)
        if view.compiled_reads
        for override in find_overrides(view)
    ]


def _routed_views(resolver: Any) -> set[View]:
    views = set()
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            views |= _routed_views(pattern)
        else:
            view = getattr(pattern.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, CompiledReadMixin):
                views.add(view)
    return views
