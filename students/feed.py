"""The change feed: whoever polls enrollments by `updated_at` misses none, though a change is stamped before it is committed.

A writer announces the moment of its changes until its transaction ends, and takes one that is later than every change
that it can see. A reader stops before the earliest moment announced, and at the latest change that was there before it
looked. So what comes to light later is later than all that was read, whatever the clocks of the servers say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from courses.compiled import Compiled, Written, ask
from courses.slots import Slot
from students.models import Enrollment

LAST = Compiled(Enrollment.objects.order_by("-updated_at", "-pk").values_list("updated_at")[:1])
INSTANT = timedelta(microseconds=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# An advisory lock of PostgreSQL has a number of 64 bits: ours have this mark in front and microseconds since 1970 behind.
MARK, MARK_AT = 0x5C4, 52
ANNOUNCE = Written("SELECT pg_advisory_xact_lock_shared(%s)", Slot("moment"))
ANNOUNCED = Written(
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
def at(moment: datetime) -> Iterator[None]:
    """Changes made inside are stamped with `moment`, or just after the last change of all where that is later.

    For a school that is made up, past and all: what really happens, happens when it does.
    """
    token = _told.set(moment)
    try:
        yield
    finally:
        _told.reset(token)


def stamp() -> datetime:
    """The moment of the changes that this transaction is about to make. Call it after their rows were locked."""
    now = _told.get() or timezone.now()
    # SQLite has one writer at a time, who has committed before the next one begins.
    questions = [ANNOUNCE, LAST] if connection.vendor == "postgresql" else [LAST]
    *_announced, last = ask(questions, {"moment": MARK << MARK_AT | (now - BEGINNING) // INSTANT})
    return max(now, last[0][0] + INSTANT) if last else now


def settled() -> Q:
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
