"""Keyset pagination: a page begins after the last row of the page before, without OFFSET."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from django.core.exceptions import FieldError, ValidationError
from django.db.models import BigIntegerField, F, Model, Q, QuerySet

M = TypeVar("M", bound=Model)
MAX_NUMBER = BigIntegerField.MAX_BIGINT
# Rows on a page.
DEFAULT_LIMIT, MAX_LIMIT = 50, 200


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


@dataclass(frozen=True)
class Cursor:
    """The row before a page, by its values of the order's fields.

    With `backward`, the page is the one before that row.
    """

    values: list[Any]
    backward: bool = False

    def encode(self) -> str:
        return (
            base64.urlsafe_b64encode(orjson.dumps([self.backward, *self.values]))
            .decode()
            .rstrip("=")
        )

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """The inverse of `encode`. Raises ValueError or TypeError for other texts."""
        backward, *values = orjson.loads(
            base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        )
        if not isinstance(backward, bool) or not all(_is_valid_value(value) for value in values):
            raise ValueError(text)
        return cls(values, backward)


def _is_valid_value(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= MAX_NUMBER
    return isinstance(value, str) and "\0" not in value


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows of a list, and the cursors of the next and previous page (None: there is none)."""

    rows: list[M]
    next: str | None
    previous: str | None


class RowSource:
    """A queryset to be paginated. Its order ends in a unique field and has no nullable field.

    Its rows are instances, or tuples that end in the order's values: see `values_with_order`.
    """

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self.queryset = queryset
        self.order = [str(field) for field in queryset.query.order_by]

    def read(self, start: Cursor | None, number: int) -> Sequence[Any]:
        """At most `number` rows beyond `start`, in its direction."""
        return list(rows_after(self.queryset, start)[:number])


def values_with_order(queryset: QuerySet[Any, Any], columns: Sequence[str]) -> QuerySet[Any, Any]:
    """Tuples of `columns`, followed by the fields of the order, which make the cursors."""
    return queryset.values_list(*columns, *(F(_name(field)) for field in queryset.query.order_by))


def read_page(source: QuerySet[M] | RowSource, cursor: str | None, limit: int) -> Page[M]:
    """The page of `source` at `cursor` (None: the first), of at most `limit` rows.

    Raises InvalidCursor.
    """
    source = source if isinstance(source, RowSource) else RowSource(source)
    order = source.order
    start = None if cursor is None else _decode(cursor, len(order))
    backward = start is not None and start.backward
    try:
        found = list(source.read(start, limit + 1))
    except (ValueError, TypeError, OverflowError, ValidationError, FieldError) as error:
        raise InvalidCursor(cursor) from error
    more, rows = len(found) > limit, found[:limit]
    if backward:
        rows.reverse()
    has_next = backward or more
    has_previous = more if backward else start is not None
    return Page(
        rows,
        next=_encode(rows[-1], order, backward=False) if rows and has_next else None,
        previous=_encode(rows[0], order, backward=True) if rows and has_previous else None,
    )


def _decode(text: str, length: int) -> Cursor:
    try:
        cursor = Cursor.decode(text)
    except (ValueError, TypeError) as error:
        raise InvalidCursor(text) from error
    if len(cursor.values) != length:
        raise InvalidCursor(text)
    return cursor


def rows_after(queryset: QuerySet[Any, Any], start: Cursor | None) -> QuerySet[Any, Any]:
    """The rows of `queryset` beyond `start`, in its direction; None: all rows."""
    if start is None:
        return queryset
    order = [str(field) for field in queryset.query.order_by]
    names = [_name(field) for field in order]
    lookups = ["lt" if field.startswith("-") != start.backward else "gt" for field in order]
    # a > 1 OR (a = 1 AND b > 2) OR ...
    beyond, equal = Q(), Q()
    for name, lookup, value in zip(names, lookups, start.values, strict=True):
        beyond |= equal & Q(**{f"{name}__{lookup}": value})
        equal &= Q(**{name: value})
    # Redundant, but lets the database begin at this place of the index.
    bound = Q(**{f"{names[0]}__{lookups[0]}e": start.values[0]})
    queryset = queryset.filter(bound & beyond)
    return queryset.reverse() if start.backward else queryset


def _name(field: Any) -> str:
    """The field of an order without its `-`."""
    return str(field).removeprefix("-")


def _encode(row: Any, order: list[str], *, backward: bool) -> str:
    """The cursor at `row`."""
    if isinstance(row, Model):
        values = [attrgetter(_name(field).replace("__", "."))(row) for field in order]
    else:
        values = list(row[-len(order) :])
    # Dates and times are written in ISO 8601.
    values = [value if isinstance(value, str | int) else value.isoformat() for value in values]
    return Cursor(values, backward).encode()
