"""Querysets whose SQL is written once. Django spends several times longer on writing a query than it takes to ask it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from threading import local
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.base import ModelState
from django.db.transaction import TransactionManagementError
from django.utils.functional import cached_property

from core.db.parameters import Parameter

M = TypeVar("M", bound=Model)
# Each takes memory of PostgreSQL, on every connection.
MOST_PREPARED = 200
_numbers = count(1)
_kept = local()


class Query:
    """SQL with slots for what is told each time: `statement` is the text, its parameters, and how the database's values
    become Python's: (column, functions, expression)."""

    statement: tuple[str, Sequence[Any], list[Any]]
    locks = False
    has_rows = True

    @cached_property
    def name(self) -> str:
        """What PostgreSQL knows it by."""
        return f"school_{next(_numbers)}"

    def __call__(self, **values: Any) -> list[Sequence[Any]]:
        """The rows for these values of the slots. Raises ValueError, TypeError or ValidationError for one of another kind."""
        [rows] = execute_all([self], values)
        return rows

    def read(self, cursor: Any, database: Any) -> list[Sequence[Any]]:
        """The rows that `cursor` has found."""
        rows: list[Sequence[Any]] = cursor.fetchall() if self.has_rows else []
        _sql, _params, converters = self.statement
        return [_converted(row, converters, database) for row in rows] if converters else rows


class RawQuery(Query):
    """A question in SQL of our own, for what the ORM has no words."""

    def __init__(self, sql: str, *params: Any, has_rows: bool = True) -> None:
        self.statement = sql, params, []
        self.has_rows = has_rows


class CompiledQuery(Query, Generic[M]):
    """The rows of `queryset`: tuples, or instances of its model."""

    def __init__(self, queryset: QuerySet[M, Any]) -> None:
        self.queryset = queryset
        self.locks = bool(queryset.query.select_for_update)

    def instances(self, rows: Sequence[Sequence[Any]]) -> list[M]:
        """The instances that `rows` are, where the queryset picks no columns."""
        model = self.queryset.model
        return [build_instance(model, zip(self.attributes, row, strict=True)) for row in rows]

    @cached_property
    def attributes(self) -> list[str]:
        return [field.attname for field in self.queryset.model._meta.concrete_fields]

    @cached_property
    def statement(self) -> tuple[str, Sequence[Any], list[Any]]:  # type: ignore[override]
        database = connections[DEFAULT_DB_ALIAS]
        compiler = self.queryset.query.get_compiler(connection=database)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters(
            [column for column, *_ in compiler.select[: compiler.col_count]]
        )
        return *_spelled_out(sql, params, database), [
            (position, *how) for position, how in converters.items()
        ]


def build_instance(model: type[M], values: Iterable[tuple[str, Any]], *, adding: bool = False) -> M:
    """The row of `model` with these values of its columns, read from the database, or else to be added to it.

    As `Model.from_db` and `Model.__init__` leave it. They take five times as long: they tell signals, which nobody hears here.
    """
    instance = model.__new__(model)
    instance._state = ModelState()
    instance.__dict__.update(values)
    if not adding:
        instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS
    return instance


def execute_all(questions: Sequence[Query], values: dict[str, Any]) -> list[list[Sequence[Any]]]:
    """The rows of each question for these values of the slots.

    PostgreSQL is sent all in one message: that costs more than answering a small question. It answers one after the other, and
    each sees what was committed before its turn: what comes after a lock sees what was done until the lock was had.
    """
    if any(
        isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in values.values()
    ):
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


def _ask_at_once(
    cursor: Any, questions: Sequence[Query], values: dict[str, Any], database: Any
) -> list[list[Sequence[Any]]]:
    params = [param for question in questions for param in question.statement[1]]
    # Who looks at queries sees them whole.
    are_seen = database.queries_logged
    texts = [
        question.statement[0] if are_seen else _prepared(question, cursor) for question in questions
    ]
    cursor.execute("; ".join(texts), _filled(params, values, database))
    # Of the driver's own cursor: Django's looks for errors around each call of it, and here that is done around all.
    answers = cursor.cursor
    with database.wrap_database_errors:
        found = [questions[0].read(answers, database)]
        for question in questions[1:]:
            answers.nextset()
            found.append(question.read(answers, database))
    return found


def _prepared(question: Query, cursor: Any) -> str:
    """How a question is asked that PostgreSQL has planned before on this connection: to plan it takes several times as long as to answer it."""
    sql, slots, _converters = question.statement
    # Read once: two threads that meet may give a question two names.
    name = question.name
    if name not in _kept.prepared:
        if len(_kept.prepared) == MOST_PREPARED:
            return sql
        places = [f"${place}" for place in range(1, len(slots) + 1)]
        cursor.execute(f"PREPARE {name} AS {sql % tuple(places)}")
        _kept.prepared.add(name)
    return f"EXECUTE {name}({', '.join(['%s'] * len(slots))})" if slots else f"EXECUTE {name}"


def _spelled_out(sql: str, params: Sequence[Any], database: Any) -> tuple[str, Sequence[Any]]:
    """`sql` with its constants in the text, so that only slots are filled each time: psycopg writes every value anew."""
    if database.vendor != "postgresql":
        return sql, params
    first, *texts = sql.split("%s")
    written = [first]
    for param, text in zip(params, texts, strict=True):
        constant = not isinstance(param, Parameter)
        written += [
            database.ops.compose_sql("%s", [param]).replace("%", "%%") if constant else "%s",
            text,
        ]
    return "".join(written), [param for param in params if isinstance(param, Parameter)]


def _filled(params: Sequence[Any], values: dict[str, Any], database: Any) -> list[Any]:
    return [
        param.fill(values, database) if isinstance(param, Parameter) else param for param in params
    ]


def _cursor(database: Any) -> Any:
    """A cursor that this thread keeps as long as its connection: making one costs as much as asking a small query."""
    if database.queries_logged:
        return database.cursor()
    if _kept.__dict__.get("connection") is not database.connection or database.connection is None:
        _kept.cursor = database.cursor()
        _kept.connection = database.connection
        _kept.prepared = set()
    return _kept.cursor


def _converted(row: Sequence[Any], converters: list[Any], database: Any) -> list[Any]:
    values = list(row)
    for position, functions, expression in converters:
        for function in functions:
            values[position] = function(values[position], expression, database)
    return values
