"""Querysets whose SQL is written once. Django spends several times longer on writing a query than it takes to ask it."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from threading import local
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, BooleanField, Field, Func, Model, QuerySet, Value
from django.db.transaction import TransactionManagementError
from django.utils.functional import cached_property

M = TypeVar("M", bound=Model)
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


class Ids(Slot):
    """Stands for a list of ids, beside a column in `Among`."""

    def fill(self, values: dict[str, Any], database: Any) -> Any:
        ids = list(values[self.value])
        return dumps(ids) if database.vendor == "sqlite" else ids


class Among(Func):
    """Whether the column is one of a list of ids, whatever their number: `filter(Among("pk", Ids("ids")))`."""

    output_field = BooleanField()
    template = "%(expressions)s)"
    arg_joiner = " = ANY("

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s))", arg_joiner=" IN (SELECT value FROM json_each(")


class Pairs(Slot):
    """Stands for a list of pairs of ids, beside two columns in `AmongPairs`."""

    def fill(self, values: dict[str, Any], database: Any) -> Any:
        return dumps(values[self.value])


class AmongPairs(Func):
    """Whether two columns are one of a list of pairs of ids: `filter(AmongPairs("student", "course", Pairs("pairs")))`."""

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, *_args: Any, **_kwargs: Any) -> Any:
        return self._as_sql(compiler, "SELECT (value->>0)::bigint, (value->>1)::bigint FROM jsonb_array_elements(%s::jsonb)")

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self._as_sql(compiler, "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(%s)")

    def _as_sql(self, compiler: Any, pairs: str) -> Any:
        (one, _one), (other, _other), (_slot, params) = map(compiler.compile, self.source_expressions)
        return f"({one}, {other}) IN ({pairs})", params


class Compiled(Generic[M]):
    """The rows of `queryset`, in which slots stand for what is told each time: tuples, or instances of its model."""

    def __init__(self, queryset: QuerySet[M, Any]) -> None:
        self.queryset = queryset

    def instances(self, **values: Any) -> list[M]:
        """The rows as instances of the model, of a queryset that picks no columns."""
        model = self.queryset.model
        names = [field.attname for field in model._meta.concrete_fields]
        return [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in self(**values)]

    def __call__(self, **values: Any) -> list[Sequence[Any]]:
        """The rows for these values of the slots. Raises ValueError, TypeError or ValidationError for one of another kind."""
        sql, params, converters = self.statement
        if any(isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in values.values()):
            # A larger one is in no table, and a database takes it for an error.
            return []
        database = connections[DEFAULT_DB_ALIAS]
        if self.queryset.query.select_for_update and not database.in_atomic_block:
            raise TransactionManagementError("A lock ends with its transaction, and there is none.")
        cursor = _cursor(database)
        cursor.execute(sql, _filled(params, values, database))
        rows: list[Sequence[Any]] = cursor.fetchall()
        return [_converted(row, converters, database) for row in rows] if converters else rows

    @cached_property
    def statement(self) -> tuple[str, Sequence[Any], list[Any]]:
        """The SQL, its parameters, and how the database's values become Python's: (column, functions, expression)."""
        compiler = self.queryset.query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        return sql, params, [(position, *how) for position, how in converters.items()]


class Copy:
    """Writes the rows of a `values_list()` with slots into another table: into these columns of `model`. The ORM has no words for it."""

    def __init__(self, model: type[Model], columns: Sequence[str], queryset: QuerySet[Any, Any]) -> None:
        self.model, self.columns, self.rows = model, columns, Compiled(queryset)

    def __call__(self, **values: Any) -> None:
        database = connections[DEFAULT_DB_ALIAS]
        sql, params, _converters = self.rows.statement
        _cursor(database).execute(f"{self.into} {sql}", _filled(params, values, database))

    @cached_property
    def into(self) -> str:
        quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
        known = {field.attname: quote(str(field.column)) for field in self.model._meta.concrete_fields}
        columns = ", ".join(known[name] for name in self.columns)
        return f"INSERT INTO {quote(self.model._meta.db_table)} ({columns})"


def _filled(params: Sequence[Any], values: dict[str, Any], database: Any) -> list[Any]:
    return [param.fill(values, database) if isinstance(param, Slot) else param for param in params]


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
