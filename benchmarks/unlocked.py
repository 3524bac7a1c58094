"""The product without its locks, to prove that race.py sees errors (seats sold twice).

granian --interface asginl benchmarks.unlocked:application
"""

from contextlib import nullcontext
from types import SimpleNamespace

from core.db import transactions
from school.asgi import application
from tests.unlocked import take_out_locks

take_out_locks()
# On SQLite the transaction itself is the lock.
transactions.transaction = SimpleNamespace(atomic=nullcontext)

__all__ = ["application"]
