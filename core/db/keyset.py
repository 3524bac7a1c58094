"""Lists by keyset: a page begins after the last row of the page before, found by an index and never counted off."""

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
    """This text is not a cursor of this list."""


@dataclass(frozen=True)
class Cursor:
    """The row at which a page begins, by the values of its order; `backward` reads towards the beginning."""

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
        """Raises ValueError or TypeError for what `encode` did not make."""
        backward, *values = orjson.loads(
            base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        )
        if not isinstance(backward, bool) or not all(_can_be_a_value(value) for value in values):
            raise ValueError(text)
        return cls(values, backward)


def _can_be_a_value(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= MAX_NUMBER
    return isinstance(value, str) and "\0" not in value


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows of a list, and the cursors of the pages after and before them (None: there is none)."""

    rows: list[M]
    next: str | None
    previous: str | None


class RowSource:
    """What pages are read from: a queryset whose order ends in a unique field, and none of whose order's fields is null.

    Its rows are of a model, or tuples that end in the fields of the order: `with_order()` puts them there.
    """

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self.queryset = queryset
        self.order = [str(field) for field in queryset.query.order_by]

    def read(self, start: Cursor | None, number: int) -> Sequence[Any]:
        """The first `number` rows beyond `start`, in the direction in which it reads."""
        return list(rows_after(self.queryset, start)[:number])


def values_with_order(queryset: QuerySet[Any, Any], columns: Sequence[str]) -> QuerySet[Any, Any]:
    """`columns` of `queryset` as tuples from which a page can go on."""
    return queryset.values_list(*columns, *(F(_name(field)) for field in queryset.query.order_by))


def read_page(source: QuerySet[M] | RowSource, cursor: str | None, limit: int) -> Page[M]:
    """The page of `source` that begins at `cursor` (None: the first), at most `limit` rows. Raises BadCursor."""
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
    return Page(
        rows,
        next=_cursor(rows[-1], order, backward=False) if rows and (backward or more) else None,
        previous=_cursor(rows[0], order, backward=True)
        if rows and (more if backward else start)
        else None,
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
    """The rows of `queryset` beyond `start`, in the direction in which it reads."""
    if start is None:
        return queryset
    order = [str(field) for field in queryset.query.order_by]
    names = [_name(field) for field in order]
    lookups = ["lt" if field.startswith("-") != start.backward else "gt" for field in order]
    rows, same = Q(), Q()
    for name, lookup, value in zip(names, lookups, start.values, strict=True):
        rows |= same & Q(**{f"{name}__{lookup}": value})
        same &= Q(**{name: value})
    # Says nothing new, but gives the index a range to begin with.
    bound = Q(**{f"{names[0]}__{lookups[0]}e": start.values[0]})
    queryset = queryset.filter(bound & rows)
    return queryset.reverse() if start.backward else queryset


def _name(field: Any) -> str:
    return str(field).removeprefix("-")


def _cursor(row: Any, order: list[str], *, backward: bool) -> str:
    values = (
        [attrgetter(_name(field).replace("__", "."))(row) for field in order]
        if isinstance(row, Model)
        else row[-len(order) :]
    )
    return Cursor(
        [value if isinstance(value, str | int) else value.isoformat() for value in values], backward
    ).encode()
