"""Makes `Enrollment.updated_at` safe to poll, although it is set before the transaction commits.

`updated_at` only grows, also where a clock is wrong or is set back. `enrolled_at` and the times of
history records are those of the clock.

A writing transaction announces a time until it ends. The time of its changes is not earlier, and
it is later than that of every change that the transaction can see. A reader stops before the
earliest announced time, and at the latest change that was committed before it read the
announcements. So a change that is committed later always has a later time than all that was
read, even where the servers' clocks differ.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from core.db.compiled import CompiledQuery, Query, RawQuery
from core.db.parameters import Parameter
from students.models import Enrollment

LAST = CompiledQuery(
    Enrollment.objects.order_by("-updated_at", "-pk").values_list("updated_at")[:1]
)
INSTANT = timedelta(microseconds=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# A time is announced as an advisory lock of PostgreSQL. The 64 bits of its number are this mark,
# then microseconds since 1970.
MARK = 0x5C4
TIME_BITS = 52
# The time announced is later than the last change, as `updated_at` will be: after a clock that was
# ahead, a time of the right clock would keep readers from all that was written since.
ANNOUNCE = RawQuery(
    f"""
    SELECT pg_advisory_xact_lock_shared(%s + greatest(%s, (
        SELECT (extract(epoch FROM max(updated_at)) * 1000000)::bigint + 1
        FROM {Enrollment._meta.db_table}
    )))
    """,  # noqa: S608 (the name of our table)
    MARK << TIME_BITS,
    Parameter("moment"),
)
ANNOUNCED = RawQuery(
    """
    SELECT min(objid::bigint | (classid::bigint << 32)) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> %s = %s
    AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """,
    TIME_BITS - 32,
    MARK,
)
# The time that `override_clock` sets.
_overridden_time: ContextVar[datetime | None] = ContextVar("overridden_time", default=None)


@contextmanager
def override_clock(time: datetime) -> Iterator[None]:
    """Give changes made inside the time `time`, or one just after the latest change if later.

    For the past of the demo school only.
    """
    token = _overridden_time.set(time)
    try:
        yield
    finally:
        _overridden_time.reset(token)


def clock() -> datetime:
    """The present time, for changes."""
    return _overridden_time.get() or timezone.now()


def clock_queries() -> list[Query]:
    """Queries to run once the rows are locked: announce a time, and read that of the last change.

    Their parameters come from `announcement_params()`. The result of the last query goes to
    `find_change_times()`.
    """
    # SQLite has one writer at a time, which commits before the next one begins.
    return [ANNOUNCE, LAST] if connection.vendor == "postgresql" else [LAST]


def announcement_params(now: datetime) -> dict[str, int]:
    return {"moment": (now - BEGINNING) // INSTANT}


class ChangeTimes(NamedTuple):
    """`now`, for `enrolled_at` and the history, and `updated_at` of the rows."""

    now: datetime
    updated_at: datetime


def find_change_times(announced: datetime, last: Sequence[Sequence[datetime]]) -> ChangeTimes:
    """The times of the changes. `last` are the rows of the query LAST; `updated_at` is later."""
    # The clock is read again: the wait for the locks ended after all earlier changes of the rows.
    now = max(announced, clock())
    return ChangeTimes(now, max(now, last[0][0] + INSTANT) if last else now)


def safe_to_read() -> Q:
    """A filter for the changes that are safe to read: later commits only add later changes."""
    # In this order: a writer that announces after the second query sees all that the first saw.
    last = _find_last_change()
    announced = _find_earliest_announcement()
    seen = Q(updated_at__lte=last or BEGINNING)
    return seen & Q(updated_at__lt=announced) if announced else seen


def _find_last_change() -> datetime | None:
    return next((time for [time] in LAST()), None)


def _find_earliest_announcement() -> datetime | None:
    """The earliest time announced by another transaction that is still open."""
    if connection.vendor != "postgresql":
        return None
    [[number]] = ANNOUNCED()
    return None if number is None else BEGINNING + (number & (1 << TIME_BITS) - 1) * INSTANT
