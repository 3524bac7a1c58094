"""The change feed: whoever polls enrollments by `updated_at` misses none, though a change is stamped before it is committed.

A writer announces the moment of its changes until its transaction ends, and takes one that is later than every change
that it can see. A reader stops before the earliest moment announced, and at the latest change that was there before it
looked. So what comes to light later is later than all that was read, whatever the clocks of the servers say.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

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
# An advisory lock of PostgreSQL has a number of 64 bits: ours have this mark in front and microseconds since 1970 behind.
MARK, MARK_AT = 0x5C4, 52
ANNOUNCE = RawQuery("SELECT pg_advisory_xact_lock_shared(%s)", Parameter("moment"))
ANNOUNCED = RawQuery(
    """
    SELECT min(objid::bigint | (classid::bigint << 32)) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> %s = %s AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """,
    MARK_AT - 32,
    MARK,
)
# The moment that `at` tells in place of the clock.
_told: ContextVar[datetime | None] = ContextVar("told", default=None)


@contextmanager
def override_clock(moment: datetime) -> Iterator[None]:
    """Changes made inside are stamped with `moment`, or just after the last change of all where that is later.

    For a school that is made up, past and all: what really happens, happens when it does.
    """
    token = _told.set(moment)
    try:
        yield
    finally:
        _told.reset(token)


def clock() -> datetime:
    """The moment that it is, for a transaction that is about to make changes."""
    return _told.get() or timezone.now()


def clock_queries() -> list[Query]:
    """What that transaction asks when its rows are locked: they announce a moment, and find the last change of all."""
    # SQLite has one writer at a time, who has committed before the next one begins.
    return [ANNOUNCE, LAST] if connection.vendor == "postgresql" else [LAST]


def announcement_params(now: datetime) -> dict[str, int]:
    """What is told to `questions`."""
    return {"moment": MARK << MARK_AT | (now - BEGINNING) // INSTANT}


def commit_timestamp(announced: datetime, last: Sequence[Sequence[datetime]]) -> datetime:
    """The moment of the changes, when `questions` have found `last`: by now, as what was done to the rows before they were locked was earlier."""
    now = max(announced, clock())
    return max(now, last[0][0] + INSTANT) if last else now


def safe_to_read() -> Q:
    """The changes that are safe to read: none that comes to light later is earlier than one of them. Read them after this."""
    # In this order: whoever announces after the second question sees at least what the first one saw.
    last = _last()
    announced = _announced()
    seen = Q(updated_at__lte=last or BEGINNING)
    return seen & Q(updated_at__lt=announced) if announced else seen


def _last() -> datetime | None:
    return next((moment for [moment] in LAST()), None)


def _announced() -> datetime | None:
    """The earliest moment that another transaction at work has announced."""
    if connection.vendor != "postgresql":
        return None
    [[number]] = ANNOUNCED()
    return None if number is None else BEGINNING + (number & (1 << MARK_AT) - 1) * INSTANT
