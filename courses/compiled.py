"""Querysets whose SQL is written once. Django spends several times longer on writing a query than it takes to ask it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import local
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, Field, QuerySet, Value
from django.utils.functional import cached_property

_kept = local()
NUMBER: Field[Any, Any] = BigIntegerField()


class Slot(Value):
    """Stands in a queryset for a value that is told when the query is asked: of the kind of `field`, an id if that is not given."""

    def __init__(self, name: str, field: Field[Any, Any] = NUMBER) -> None:
        super().__init__(name, output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    def fill(self, values: dict[str, Any], database: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.value], database)


class Compiled:
    """The rows of `queryset`, a `values_list()` in which slots stand for what is told each time."""

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self.queryset = queryset

    def __call__(self, **values: Any) -> list[Sequence[Any]]:
        """The rows for these values of the slots. Raises ValueError, TypeError or ValidationError for one of another kind."""
        sql, params, converters = self.statement
        if any(isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in values.values()):
            # A larger one is in no table, and a database takes it for an error.
            return []
        database = connections[DEFAULT_DB_ALIAS]
        cursor = _cursor(database)
        cursor.execute(sql, [param.fill(values, database) if isinstance(param, Slot) else param for param in params])
        rows: list[Sequence[Any]] = cursor.fetchall()
        return [_converted(row, converters, database) for row in rows] if converters else rows

    @cached_property
    def statement(self) -> tuple[str, Sequence[Any], list[Any]]:
        """The SQL, its parameters, and how the database's values become Python's: (column, functions, expression)."""
        compiler = self.queryset.query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        return sql, params, [(position, *how) for position, how in converters.items()]


def _cursor(database: Any) -> Any:
    """A cursor that this thread keeps as long as its connection: making one costs as much as asking a small query."""
    if database.queries_logged:
        return database.cursor()
    if _kept.__dict__.get("connection") is not database.connection or database.connection is None:
        _kept.cursor = database.cursor()
        _kept.connection = database.connection
    return _kept.cursor


def _converted(row: Sequence[Any], converters: list[Any], database: Any) -> list[Any]:
    values = list(row)
    for position, functions, expression in converters:
        for function in functions:
            values[position] = function(values[position], expression, database)
    return values
