"""Rows written in one statement, whatever their number, whose text is written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json import dumps
from operator import attrgetter
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet, TextField
from django.utils.functional import cached_property

from courses.compiled import Compiled, Written
from courses.slots import Slot

M = TypeVar("M", bound=Model)


class Put(Generic[M]):
    """Writes these `fields` of rows in one statement, whatever their number: of new rows, and of those that are there by `key`.

    `key` are the fields of a unique constraint; values are numbers, texts and times. The ORM has words for it, and writes them
    anew each time.
    """

    def __init__(self, model: type[M], key: Sequence[str], fields: Sequence[str]) -> None:
        self.model, self.pk = model, model._meta.pk.attname
        self.key: list[Any] = [model._meta.get_field(name) for name in key]
        self.changed: list[Any] = [model._meta.get_field(name) for name in fields]
        self.key_of, self.values_of = (attrgetter(*(field.attname for field in fields)) for fields in (self.key, [*self.key, *self.changed]))

    def __call__(self, rows: Sequence[M]) -> None:
        """Write `rows`. Those that are new get their primary key."""
        if not rows:
            return
        adapted = connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value
        text = dumps([self.values_of(row) for row in rows], default=lambda time: str(adapted(time)))
        returned = self.question(rows=text)
        written = {tuple(key): pk for pk, *key in (returned if self.returns else self._read_again(rows))}
        for row in rows:
            setattr(row, self.pk, written[self.key_of(row)])
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    @property
    def returns(self) -> bool:
        """Whether the database tells what was written. SQLite does from 3.35 on."""
        return connections[DEFAULT_DB_ALIAS].features.can_return_rows_from_bulk_insert

    def _read_again(self, rows: Sequence[M]) -> Iterable[Sequence[Any]]:
        some = {f"{field.attname}__in": {getattr(row, field.attname) for row in rows} for field in self.key}
        return self.model._base_manager.filter(**some).values_list("pk", *(field.attname for field in self.key))

    @cached_property
    def question(self) -> Written:
        database = connections[DEFAULT_DB_ALIAS]
        key, changed = _columns(self.key), _columns(self.changed)
        fields = [*self.key, *self.changed]
        if database.vendor == "sqlite":
            values = [f"json_extract(value, '$[{place}]')" for place in range(len(fields))]
        else:
            values = [f"(value->>{place})::{field.db_type(database)}" for place, field in enumerate(fields)]
        rows = "json_each(%s)" if database.vendor == "sqlite" else "jsonb_array_elements(%s::jsonb)"
        sql = " ".join(
            [
                _into(self.model, fields),
                "SELECT",
                ", ".join(values),
                f"FROM {rows} WHERE true",
                f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET",
                ", ".join([f"{column} = excluded.{column}" for column in changed]),
                f"RETURNING {', '.join([*_columns([self.model._meta.pk]), *key])}" if self.returns else "",
            ]
        )
        return Written(sql, Slot("rows", TextField()), has_rows=self.returns)


class Copy:
    """Writes the rows of a `values_list()` with slots into another table: into these columns of `model`. The ORM has no words for it."""

    def __init__(self, model: type[Model], columns: Sequence[str], queryset: QuerySet[Any, Any]) -> None:
        self.rows = Compiled(queryset)
        self.model, self.fields = model, [model._meta.get_field(name) for name in columns]

    def __call__(self, **values: Any) -> None:
        self.question(**values)

    @cached_property
    def question(self) -> Written:
        sql, params, _converters = self.rows.statement
        return Written(f"{_into(self.model, self.fields)} {sql}", *params, has_rows=False)


def _into(model: type[Model], fields: Sequence[Any]) -> str:
    table = connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({', '.join(_columns(fields))})"


def _columns(fields: Sequence[Any]) -> list[str]:
    return [connections[DEFAULT_DB_ALIAS].ops.quote_name(field.column) for field in fields]
