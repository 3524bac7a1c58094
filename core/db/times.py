"""Times as numbers, in Python and in SQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Func

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(time: datetime) -> int:
    """The microseconds since 1970."""
    return (time - EPOCH) // timedelta(microseconds=1)


class Microseconds(Func):
    """The microseconds since 1970 of a time, the same number as `to_microseconds`."""

    output_field = BigIntegerField()
    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        # Times are texts such as "2026-09-01 10:00:00.000007", without the dot for zero. The
        # fraction is left out for strftime(), which rounds it to the nearest millisecond.
        template = (
            "(CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) * 1000000"
            " + CAST(substr(%(expressions)s, 21, 6) AS INTEGER))"
        )
        sql, params = self.as_sql(compiler, connection, template=template)
        return sql, [*params, *params]
