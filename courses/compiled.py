"""Querysets whose SQL is written once. Django spends several times longer on writing a query than it takes to ask it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json import dumps
from operator import attrgetter
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
        ids = dumps(list(values[self.value]))
        # As text, since psycopg looks at each element of a list.
        return ids if database.vendor == "sqlite" else "{" + ids[1:-1] + "}"


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


class Question:
    """SQL with slots for what is told each time: `statement` is the text, its parameters, and how the database's values
    become Python's: (column, functions, expression)."""

    statement: tuple[str, Sequence[Any], list[Any]]
    locks = False

    def __call__(self, **values: Any) -> list[Sequence[Any]]:
        """The rows for these values of the slots. Raises ValueError, TypeError or ValidationError for one of another kind."""
        [rows] = ask([self], values)
        return rows

    def read(self, cursor: Any, database: Any) -> list[Sequence[Any]]:
        """The rows that `cursor` has found."""
        rows: list[Sequence[Any]] = cursor.fetchall()
        _sql, _params, converters = self.statement
        return [_converted(row, converters, database) for row in rows] if converters else rows


class Written(Question):
    """A question in SQL of our own, for what the ORM has no words."""

    def __init__(self, sql: str, *params: Any) -> None:
        self.statement = sql, params, []


class Compiled(Question, Generic[M]):
    """The rows of `queryset`: tuples, or instances of its model."""

    def __init__(self, queryset: QuerySet[M, Any]) -> None:
        self.queryset = queryset
        self.locks = bool(queryset.query.select_for_update)

    def instances(self, rows: Sequence[Sequence[Any]]) -> list[M]:
        """The instances that `rows` are, where the queryset picks no columns."""
        model = self.queryset.model
        return [model.from_db(DEFAULT_DB_ALIAS, self.attributes, row) for row in rows]

    @cached_property
    def attributes(self) -> list[str]:
        return [field.attname for field in self.queryset.model._meta.concrete_fields]

    @cached_property
    def statement(self) -> tuple[str, Sequence[Any], list[Any]]:  # type: ignore[override]
        compiler = self.queryset.query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        return sql, params, [(position, *how) for position, how in converters.items()]


def ask(questions: Sequence[Question], values: dict[str, Any]) -> list[list[Sequence[Any]]]:
    """The rows of each question for these values of the slots.

    PostgreSQL is sent all in one message: that costs more than answering a small question. It answers one after the other, and
    each sees what was committed before its turn: what comes after a lock sees what was done until the lock was had.
    """
    if any(isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in values.values()):
        # A larger one is in no table, and a database takes it for an error.
        return [[] for _question in questions]
    database = connections[DEFAULT_DB_ALIAS]
    if not database.in_atomic_block and any(question.locks for question in questions):
        raise TransactionManagementError("A lock ends with its transaction, and there is none.")
    cursor = _cursor(database)
    if database.vendor == "postgresql":
        return _ask_at_once(cursor, questions, values, database)
    found = []
    for question in questions:
        sql, params, _converters = question.statement
        cursor.execute(sql, _filled(params, values, database))
        found.append(question.read(cursor, database))
    return found


def _ask_at_once(cursor: Any, questions: Sequence[Question], values: dict[str, Any], database: Any) -> list[list[Sequence[Any]]]:
    params = [param for question in questions for param in question.statement[1]]
    cursor.execute("; ".join([question.statement[0] for question in questions]), _filled(params, values, database))
    found = [questions[0].read(cursor, database)]
    for question in questions[1:]:
        cursor.nextset()
        found.append(question.read(cursor, database))
    return found


class Put(Generic[M]):
    """Writes these `fields` of rows in one statement, whatever their number: of new rows, and of those that are there by `key`.

    `key` are the fields of a unique constraint; values are numbers, texts and times. The ORM has words for it, and writes them
    anew each time.
    """

    def __init__(self, model: type[M], key: Sequence[str], fields: Sequence[str]) -> None:
        self.model = model
        self.key: list[Any] = [model._meta.get_field(name) for name in key]
        self.changed: list[Any] = [model._meta.get_field(name) for name in fields]
        self.key_of, self.values_of = (attrgetter(*(field.attname for field in fields)) for fields in (self.key, [*self.key, *self.changed]))

    def __call__(self, rows: Sequence[M]) -> None:
        """Write `rows`. Those that are new get their primary key."""
        if not rows:
            return
        database = connections[DEFAULT_DB_ALIAS]
        cursor = _cursor(database)
        cursor.execute(self.statement, [dumps([self.values_of(row) for row in rows], default=lambda time: str(database.ops.adapt_datetimefield_value(time)))])
        written = {tuple(key): pk for pk, *key in (cursor.fetchall() if self.returns else self._read_again(rows))}
        for row in rows:
            row.pk = written[self.key_of(row)]
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    @property
    def returns(self) -> bool:
        """Whether the database tells what was written. SQLite does from 3.35 on."""
        return connections[DEFAULT_DB_ALIAS].features.can_return_rows_from_bulk_insert

    def _read_again(self, rows: Sequence[M]) -> Iterable[Sequence[Any]]:
        some = {f"{field.attname}__in": {getattr(row, field.attname) for row in rows} for field in self.key}
        return self.model._base_manager.filter(**some).values_list("pk", *(field.attname for field in self.key))

    @cached_property
    def statement(self) -> str:
        database = connections[DEFAULT_DB_ALIAS]
        key, changed = _columns(self.key), _columns(self.changed)
        fields = [*self.key, *self.changed]
        if database.vendor == "sqlite":
            values = [f"json_extract(value, '$[{place}]')" for place in range(len(fields))]
        else:
            values = [f"(value->>{place})::{field.db_type(database)}" for place, field in enumerate(fields)]
        rows = "json_each(%s)" if database.vendor == "sqlite" else "jsonb_array_elements(%s)"
        return " ".join(
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


class Copy:
    """Writes the rows of a `values_list()` with slots into another table: into these columns of `model`. The ORM has no words for it."""

    def __init__(self, model: type[Model], columns: Sequence[str], queryset: QuerySet[Any, Any]) -> None:
        self.rows = Compiled(queryset)
        self.model, self.fields = model, [model._meta.get_field(name) for name in columns]

    def __call__(self, **values: Any) -> None:
        database = connections[DEFAULT_DB_ALIAS]
        _sql, params, _converters = self.rows.statement
        _cursor(database).execute(self.statement, _filled(params, values, database))

    @cached_property
    def statement(self) -> str:
        return f"{_into(self.model, self.fields)} {self.rows.statement[0]}"


def _into(model: type[Model], fields: Sequence[Any]) -> str:
    table = connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({', '.join(_columns(fields))})"


def _columns(fields: Sequence[Any]) -> list[str]:
    return [connections[DEFAULT_DB_ALIAS].ops.quote_name(field.column) for field in fields]


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
