"""Placeholders in a queryset for values that are bound when the compiled query is executed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateField,
    Field,
    Func,
    Value,
)
from django.utils import timezone

ID_FIELD: Field[Any, Any] = BigIntegerField()


def cast_sql(sql: str, field: Field[Any, Any], database: Any) -> str:
    """Return `sql` with a cast to the type of `field`. SQLite needs none."""
    if database.vendor == "sqlite":
        return sql
    # A cast to varchar(n) would cut off a longer text silently.
    return f"{sql}::{'text' if isinstance(field, CharField) else field.db_type(database)}"


class Parameter(Value):
    """A placeholder for a value that is bound at execution.

    `field` gives its type, and prepares the value for the database. The default is the type of ids.
    """

    def __init__(self, name: str, field: Field[Any, Any] = ID_FIELD) -> None:
        super().__init__(name, output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """With its type: PostgreSQL plans a prepared statement without the value."""
        return cast_sql("%s", self.output_field, connection), [self]

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.value], database)


class TodayParameter(Parameter):
    """A placeholder for the date of the execution, in the school's time zone."""

    def __init__(self) -> None:
        super().__init__("today", DateField())

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        return self.output_field.get_db_prep_value(timezone.localdate(), database)


class IdListParameter(Parameter):
    """A placeholder for a list of ids, the second argument of `InIdList`."""

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s::bigint[]", [self]

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        ids = orjson.dumps(list(values[self.value])).decode()
        # As text, because psycopg would inspect each element of a list.
        return ids if database.vendor == "sqlite" else "{" + ids[1:-1] + "}"


class IdList(Value):
    """A list of ids as one value, the second argument of `InIdList`.

    `pk__in` would have a parameter for each id, which takes longer to plan.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(orjson.dumps(ids).decode())

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s::bigint[]", ["{" + self.value[1:-1] + "}"]


class InIdList(Func):
    """Whether a column is in a list of ids: `filter(InIdList("pk", IdListParameter("ids")))`."""

    output_field = BooleanField()
    template = "%(expressions)s)"
    arg_joiner = " = ANY("

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="%(expressions)s))",
            arg_joiner=" IN (SELECT value FROM json_each(",
        )


class TextList(Value):
    """A list of texts as one value, the second argument of `InTextList`."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__(orjson.dumps(texts).decode())
        self.texts = list(texts)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s::text[]", [self.texts]


class InTextList(InIdList):
    """Whether a text is in a list: `filter(InTextList("number", TextList(numbers)))`.

    Unlike `number__in`, it takes any number of texts, and prepares none of them singly.
    """


class IdPairListParameter(Parameter):
    """A placeholder for a list of pairs of ids, the third argument of `InIdPairs`."""

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        return orjson.dumps(values[self.value]).decode()


class InIdPairs(Func):
    """Whether two columns are in a list of pairs of ids.

    `filter(InIdPairs("student", "course", IdPairListParameter("pairs")))`
    """

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, *_args: Any, **_kwargs: Any) -> Any:
        return self._as_sql(
            compiler,
            "SELECT (value->>0)::bigint, (value->>1)::bigint FROM jsonb_array_elements(%s::jsonb)",
        )

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self._as_sql(
            compiler,
            "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(%s)",
        )

    def _as_sql(self, compiler: Any, pairs: str) -> Any:
        first, second, parameter = self.source_expressions
        first_sql, _no_params = compiler.compile(first)
        second_sql, _no_params = compiler.compile(second)
        _placeholder, params = compiler.compile(parameter)
        return f"({first_sql}, {second_sql}) IN ({pairs})", params
