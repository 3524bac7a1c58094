"""Queries whose SQL is compiled once.

Django compiles a queryset each time it is evaluated. For a small query that takes several times
longer than the answer of the database. Everything else is left to the driver: psycopg binds the
parameters on the server and prepares a statement that is executed often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.transaction import TransactionManagementError
from django.utils.functional import cached_property

from core.db.connections import raise_stale_plan
from core.db.parameters import Parameter

M = TypeVar("M", bound=Model)
Rows = list[Sequence[Any]]


class Query:
    """A statement with parameters that are bound at each execution.

    `statement` is the SQL, with one `%s` for each parameter; the parameters, each a Parameter or a
    constant; and how values of the result are converted: (column, converters, expression).
    `needs_transaction` is True for a query that locks or writes rows.
    """

    statement: tuple[str, Sequence[Any], list[Any]]
    needs_transaction = False
    has_rows = True

    def __call__(self, **values: Any) -> Rows:
        """Return the rows for these values of the parameters.

        Raises ValueError, TypeError or ValidationError for a value of a wrong type.
        """
        [rows] = execute_all([self], values)
        return rows

    def execute(self, cursor: Any, values: dict[str, Any]) -> None:
        sql, params, _converters = self.statement
        bound = [
            param.bind(values, cursor.db) if isinstance(param, Parameter) else param
            for param in params
        ]
        cursor.execute(sql, bound)

    def fetch(self, cursor: Any) -> Rows:
        """Return the rows that `cursor` has after `execute`."""
        rows: Rows = cursor.fetchall() if self.has_rows else []
        _sql, _params, converters = self.statement
        return [_convert(row, converters, cursor.db) for row in rows] if converters else rows


class RawQuery(Query):
    """A statement that is written in SQL, for what the ORM cannot express."""

    def __init__(
        self, sql: str, *params: Any, has_rows: bool = True, needs_transaction: bool = False
    ) -> None:
        self.statement = sql, params, []
        self.has_rows = has_rows
        self.needs_transaction = needs_transaction


class CompiledQuery(Query, Generic[M]):
    """The SELECT of a queryset. Its rows are tuples."""

    def __init__(self, queryset: QuerySet[M, Any]) -> None:
        self.queryset = queryset
        self.needs_transaction = bool(queryset.query.select_for_update)

    def instances(self, rows: Sequence[Sequence[Any]]) -> list[M]:
        """Return the model instances of `rows`, if the queryset selects all columns."""
        model = self.queryset.model
        names = [field.attname for field in model._meta.concrete_fields]
        return [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in rows]

    @cached_property
    def statement(self) -> tuple[str, Sequence[Any], list[Any]]:  # type: ignore[override]
        connection = connections[DEFAULT_DB_ALIAS]
        compiler = self.queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        columns = [column for column, *_ in compiler.select[: compiler.col_count]]
        converters = compiler.get_converters(columns)
        return *_inline_constants(sql, params, connection), [
            (position, *converter) for position, converter in converters.items()
        ]


def execute_all(queries: Sequence[Query], values: dict[str, Any]) -> list[Rows]:
    """Run `queries` in order and return the rows of each.

    Under READ COMMITTED each statement has its own snapshot, so a query that follows a locking one
    sees what was committed while that one waited.
    """
    if any(
        isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in values.values()
    ):
        # No table has such a number, and databases answer it with an error.
        return [[] for _query in queries]
    connection = connections[DEFAULT_DB_ALIAS]
    needs_transaction = any(query.needs_transaction for query in queries)
    if needs_transaction and not connection.in_atomic_block:
        raise TransactionManagementError("These queries need a transaction, and there is none.")
    if needs_transaction and len(queries) > 1 and connection.vendor == "postgresql":
        return _execute_in_pipeline(queries, values, connection)
    results = []
    with connection.cursor() as cursor:
        for query in queries:
            query.execute(cursor, values)
            results.append(query.fetch(cursor))
    return results


def _execute_in_pipeline(
    queries: Sequence[Query], values: dict[str, Any], connection: Any
) -> list[Rows]:
    """Send all `queries` before the first answer is read: one round trip."""
    cursors = [connection.cursor() for _query in queries]
    # psycopg raises the error of a query when the pipeline ends.
    try:
        with connection.wrap_database_errors, connection.connection.pipeline():
            for query, cursor in zip(queries, cursors, strict=True):
                query.execute(cursor, values)
    except NotSupportedError as error:
        raise_stale_plan(error, connection)
        raise
    return [query.fetch(cursor) for query, cursor in zip(queries, cursors, strict=True)]


def _inline_constants(
    sql: str, params: Sequence[Any], connection: Any
) -> tuple[str, Sequence[Any]]:
    """Return `sql` with its constants written out, and the Parameters that are left.

    The generic plan of a prepared statement can use a partial index only if the constants of the
    index's condition are in the text.
    """
    if connection.vendor != "postgresql":
        return sql, params
    first, *others = sql.split("%s")
    parts = [first]
    for param, text in zip(params, others, strict=True):
        if isinstance(param, Parameter):
            parts.append("%s")
        else:
            parts.append(connection.ops.compose_sql("%s", [param]).replace("%", "%%"))
        parts.append(text)
    return "".join(parts), [param for param in params if isinstance(param, Parameter)]


def _convert(row: Sequence[Any], converters: list[Any], connection: Any) -> list[Any]:
    values = list(row)
    for position, functions, expression in converters:
        for function in functions:
            values[position] = function(values[position], expression, connection)
    return values
