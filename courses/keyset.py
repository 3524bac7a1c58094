"""Lists by keyset: a page begins after the last row of the page before, found by an index and never counted off."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)


class BadCursor(ValueError):
    """This text is not a cursor of this list."""


@dataclass(frozen=True)
class Cursor:
    """The row at which a page begins, by the values of its order; `backward` reads towards the beginning."""

    values: list[Any]
    backward: bool = False

    def encode(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.backward, *self.values])).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises ValueError or TypeError for what `encode` did not make."""
        backward, *values = orjson.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        if not isinstance(backward, bool) or any(not isinstance(value, str | int) or "\0" in str(value) for value in values):
            raise ValueError(text)
        return cls(values, backward)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows of a list, and the cursors of the pages after and before them (None: there is none)."""

    rows: list[M]
    next: str | None
    previous: str | None


def read_page(queryset: QuerySet[M], cursor: str | None, limit: int) -> Page[M]:
    """The page of `queryset` that begins at `cursor` (None: the first), at most `limit` rows.

    The order of `queryset` ends in a unique field, and none of its fields is null. Raises BadCursor.
    """
    order = [str(field) for field in queryset.query.order_by]
    start = None if cursor is None else _decode(cursor, len(order))
    backward = start is not None and start.backward
    try:
        found = list(_beyond(queryset, order, start)[: limit + 1])
    except (ValueError, TypeError, OverflowError, ValidationError, FieldError) as error:
        raise BadCursor(cursor) from error
    more, rows = len(found) > limit, found[:limit]
    if backward:
        rows.reverse()
    return Page(
        rows,
        next=_cursor(rows[-1], order, backward=False) if rows and (backward or more) else None,
        previous=_cursor(rows[0], order, backward=True) if rows and (more if backward else start) else None,
    )


def _decode(text: str, length: int) -> Cursor:
    try:
        cursor = Cursor.decode(text)
    except (ValueError, TypeError) as error:
        raise BadCursor(text) from error
    if len(cursor.values) != length:
        raise BadCursor(text)
    return cursor


def _beyond(queryset: QuerySet[M], order: list[str], start: Cursor | None) -> QuerySet[M]:
    """The rows of `queryset` beyond `start`, in the direction in which it reads."""
    if start is None:
        return queryset
    names = [field.removeprefix("-") for field in order]
    beyond = ["lt" if field.startswith("-") != start.backward else "gt" for field in order]
    rows, same = Q(), Q()
    for name, lookup, value in zip(names, beyond, start.values, strict=True):
        rows |= same & Q(**{f"{name}__{lookup}": value})
        same &= Q(**{name: value})
    # Says nothing new, but gives the index a range to begin with.
    bound = Q(**{f"{names[0]}__{beyond[0]}e": start.values[0]})
    queryset = queryset.filter(bound & rows)
    return queryset.reverse() if start.backward else queryset


def _cursor(row: Model, order: list[str], *, backward: bool) -> str:
    values = [attrgetter(field.removeprefix("-").replace("__", "."))(row) for field in order]
    return Cursor([value if isinstance(value, str | int) else value.isoformat() for value in values], backward).encode()
