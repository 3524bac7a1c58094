"""The product without its locks, as a control: `granian --interface wsgi benchmarks.unlocked:application`. It oversells; race.py must see that."""

from contextlib import nullcontext
from types import SimpleNamespace

from school.wsgi import application
from students.enrollment import service
from tests.unlocked import take_out_locks

take_out_locks()
# On SQLite the transaction itself is the lock.
service.transaction = SimpleNamespace(atomic=nullcontext)

__all__ = ["application"]
