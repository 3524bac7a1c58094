"""Transactions that are run again when they need a row that another one has locked.

Transactions that take their locks in one order never wait for each other in a circle. But a row
may turn out to be needed after rows that come later in that order were locked. It is then locked
only if no other transaction has it (SKIP LOCKED). Otherwise the transaction is rolled back and run
again, and the new run locks that row first, where it can wait for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.db.transaction import TransactionManagementError

P = ParamSpec("P")
R = TypeVar("R")
# The ids of locked rows by their model.
Locks = defaultdict[type[Model], set[int]]
# A run holds all locks that made earlier ones fail, so more are needed only if ever new rows are.
MAX_RUNS = 10
_held: ContextVar[Locks | None] = ContextVar("held_locks", default=None)


class RunAgain(Exception):
    """Rolls the transaction back. It is run again, and calls `lock_first` before all else."""

    def __init__(self, lock_first: Callable[[], None]) -> None:
        super().__init__("A row is locked by another transaction.")
        self.lock_first = lock_first


def held_locks() -> Locks:
    """The locks of the present transaction. A function that locks rows adds their ids.

    Raises TransactionManagementError outside `atomic_with_reruns`.
    """
    held = _held.get()
    if held is None:
        raise TransactionManagementError("This needs a transaction that can be run again.")
    return held


def atomic_with_reruns(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate `function` to be run in a transaction, and once more after each RunAgain.

    What it does outside the database must be harmless when done again. Within another function
    that is decorated so, it has a savepoint, and the outer one is run again. Raises
    OperationalError if MAX_RUNS were not enough, as when a lock cannot be had in time.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if (held := _held.get()) is not None:
            before = {model: set(ids) for model, ids in held.items()}
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except Exception:
                # The database releases the locks that were taken since the savepoint.
                held.clear()
                held.update(before)
                raise
        again: RunAgain | None = None
        for _ in range(MAX_RUNS):
            token = _held.set(defaultdict(set))
            try:
                with transaction.atomic():
                    if again:
                        again.lock_first()
                    return function(*args, **kwargs)
            except RunAgain as error:
                again = error
                if connection.in_atomic_block:
                    # The locks of the transaction around this one would be kept.
                    break
            finally:
                _held.reset(token)
        raise OperationalError("Rows were locked by other transactions again and again.") from again

    return run
