"""Many rows written by one statement whose SQL is compiled once.

`QuerySet.bulk_create` can do this too, but compiles its SQL each time, with a parameter for each
value of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, TextField
from django.utils.functional import cached_property

from core.db.compiled import Query, RawQuery, execute_all
from core.db.parameters import Parameter, cast_sql

M = TypeVar("M", bound=Model)


class JsonRows:
    """SQL that reads rows from one JSON text, which is bound to the parameter `name`.

    Each row is a list of the values of `fields`: numbers, texts, times or JSON.
    """

    def __init__(self, name: str, fields: Sequence[Any]) -> None:
        self.parameter = Parameter(name, TextField())
        database = connections[DEFAULT_DB_ALIAS]
        if database.vendor == "sqlite":
            self.rows = "json_each(%s) AS sent"
            self.values = [
                f"json_extract(sent.value, '$[{place}]')" for place in range(len(fields))
            ]
        else:
            self.rows = "jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS sent (value, key)"
            self.values = [
                cast_sql(f"(sent.value->>{place})", field, database)
                for place, field in enumerate(fields)
            ]


def encode_rows(rows: Sequence[Sequence[Any]]) -> str:
    """Return `rows` as the JSON text that JsonRows reads."""
    database = connections[DEFAULT_DB_ALIAS]
    option = orjson.OPT_PASSTHROUGH_DATETIME if database.vendor == "sqlite" else None
    return orjson.dumps(
        rows, default=lambda time: str(database.ops.adapt_datetimefield_value(time)), option=option
    ).decode()


class BulkUpsert(Generic[M]):
    """Inserts rows, or updates `fields` of those whose `key` exists, in one statement.

    `key` are the fields of a unique constraint. Values are numbers, texts and times.
    """

    def __init__(self, model: type[M], key: Sequence[str], fields: Sequence[str]) -> None:
        self.model, self.pk = model, model._meta.pk.attname
        self.key: list[Any] = [model._meta.get_field(name) for name in key]
        self.changed: list[Any] = [model._meta.get_field(name) for name in fields]
        self.key_of, self.values_of = (
            attrgetter(*(field.attname for field in fields))
            for fields in (self.key, [*self.key, *self.changed])
        )

    def __call__(self, rows: Sequence[M], *then: Query, **values: Any) -> None:
        """Write `rows` and set their primary keys, then run the queries `then` with `values`."""
        if not rows:
            return
        returned, *_then = execute_all(
            [self.query, *then],
            {"rows": encode_rows([self.values_of(row) for row in rows]), **values},
        )
        written = {
            tuple(key): pk for pk, *key in (returned if self.returns else self._read_again(rows))
        }
        for row in rows:
            setattr(row, self.pk, written[self.key_of(row)])
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    @property
    def returns(self) -> bool:
        """Whether the database has RETURNING. SQLite has it since 3.35."""
        return connections[DEFAULT_DB_ALIAS].features.can_return_rows_from_bulk_insert

    def _read_again(self, rows: Sequence[M]) -> Iterable[Sequence[Any]]:
        some = {
            f"{field.attname}__in": {getattr(row, field.attname) for row in rows}
            for field in self.key
        }
        return self.model._base_manager.filter(**some).values_list(
            "pk", *(field.attname for field in self.key)
        )

    @cached_property
    def query(self) -> RawQuery:
        fields = [*self.key, *self.changed]
        sent, key = JsonRows("rows", fields), _columns(self.key)
        sql = [
            _into(self.model, fields),
            "SELECT",
            ", ".join(sent.values),
            f"FROM {sent.rows} WHERE true ORDER BY sent.key",
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET",
            ", ".join([f"{column} = excluded.{column}" for column in _columns(self.changed)]),
            f"RETURNING {', '.join([*_columns([self.model._meta.pk]), *key])}"
            if self.returns
            else "",
        ]
        return RawQuery(
            " ".join(sql), sent.parameter, has_rows=self.returns, needs_transaction=True
        )


class InsertFromSelect:
    """Copies rows of `model`, found by `key`, as they are now into the table of `into`.

    The parameter `entries` has a list for each row: the values of `key`, then those of the fields
    `each` of `into`. The fields `all` of `into` have one value for all rows, and a parameter each.
    """

    def __init__(
        self,
        into: type[Model],
        model: type[Model],
        key: Sequence[str],
        each: Sequence[str],
        all: Sequence[str],  # noqa: A002
    ) -> None:
        self.into, self.model = into, model
        self.key: list[Any] = [model._meta.get_field(name) for name in key]
        self.each: list[Any] = [into._meta.get_field(name) for name in each]
        self.all: list[Any] = [into._meta.get_field(name) for name in all]

    @cached_property
    def query(self) -> RawQuery:
        database = connections[DEFAULT_DB_ALIAS]
        # Derived fields are no part of the history.
        names = {field.attname for field in self.into._meta.concrete_fields}
        fields: Sequence[Any] = self.model._meta.concrete_fields
        own = [field for field in fields if field.attname in names]
        sent = JsonRows("entries", [*self.key, *self.each])
        values = [
            *(f"own.{column}" for column in _columns(own)),
            *sent.values[len(self.key) :],
            *(cast_sql("%s", field, database) for field in self.all),
        ]
        found = [
            f"own.{column} = {value}"
            for column, value in zip(_columns(self.key), sent.values, strict=False)
        ]
        sql = [
            _into(self.into, [*own, *self.each, *self.all]),
            "SELECT",
            ", ".join(values),
            f"FROM {sent.rows} JOIN {_table(self.model)} own",
            f"ON {' AND '.join(found)} ORDER BY sent.key",
        ]
        return RawQuery(
            " ".join(sql),
            *(Parameter(field.name, field) for field in self.all),
            sent.parameter,
            has_rows=False,
            needs_transaction=True,
        )


def _into(model: type[Model], fields: Sequence[Any]) -> str:
    return f"INSERT INTO {_table(model)} ({', '.join(_columns(fields))})"


def _table(model: type[Model]) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)


def _columns(fields: Sequence[Any]) -> list[str]:
    return [connections[DEFAULT_DB_ALIAS].ops.quote_name(field.column) for field in fields]
