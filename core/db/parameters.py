"""Places in a queryset for values that are told when it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from django.db.models import BigIntegerField, BooleanField, CharField, Field, Func, Value

ID_FIELD: Field[Any, Any] = BigIntegerField()


def cast_sql(sql: str, field: Field[Any, Any], database: Any) -> str:
    """`sql` as a value of the kind of `field`, for databases that ask for that."""
    if database.vendor == "sqlite":
        return sql
    # A text that is made a shorter one would be cut off without a word.
    return f"{sql}::{'text' if isinstance(field, CharField) else field.db_type(database)}"


class Parameter(Value):
    """Stands in a queryset for a value that is told when the query is asked: of the kind of `field`, an id if that is not given."""

    def __init__(self, name: str, field: Field[Any, Any] = ID_FIELD) -> None:
        super().__init__(name, output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Of a kind that is told: a prepared question does not see the value."""
        return cast_sql("%s", self.output_field, connection), [self]

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.value], database)


class IdListParameter(Parameter):
    """Stands for a list of ids, beside a column in `Among`."""

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s::bigint[]", [self]

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        ids = orjson.dumps(list(values[self.value])).decode()
        # As text, since psycopg looks at each element of a list.
        return ids if database.vendor == "sqlite" else "{" + ids[1:-1] + "}"


class IdList(Value):
    """These ids, beside a column in `Among`: one value, which takes no longer to be sent and planned for where they are many."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(orjson.dumps(ids).decode())

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s::bigint[]", ["{" + self.value[1:-1] + "}"]


class InIdList(Func):
    """Whether the column is one of a list of ids, whatever their number: `filter(Among("pk", Ids("ids")))`."""

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


class IdPairListParameter(Parameter):
    """Stands for a list of pairs of ids, beside two columns in `AmongPairs`."""

    def bind(self, values: dict[str, Any], database: Any) -> Any:
        return orjson.dumps(values[self.value]).decode()


class InIdPairs(Func):
    """Whether two columns are one of a list of pairs of ids: `filter(AmongPairs("student", "course", Pairs("pairs")))`."""

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
        (one, _one), (other, _other), (_slot, params) = map(
            compiler.compile, self.source_expressions
        )
        return f"({one}, {other}) IN ({pairs})", params
