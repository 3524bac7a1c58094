"""The writer of enrollments without its locks.

A race that finds no error without locks proves nothing about them.
"""

from collections.abc import Callable

from core.db.compiled import CompiledQuery
from students.enrollment import decisions, locks, service, snapshot

LOCKS = [
    (snapshot, "LOCKED_STUDENTS"),
    (snapshot, "LOCKED_COURSES"),
    (locks, "LOCK_STUDENTS"),
    (locks, "LOCK_COURSES"),
    (locks, "LOCK_FREE_STUDENTS"),
    (locks, "LOCK_FREE_COURSES"),
    (service, "LOCK_STUDENTS"),
]


SetAttribute = Callable[[object, str, object], None]


def take_out_locks(set_attribute: SetAttribute = setattr) -> None:
    """Replace the locking queries. `set_attribute` is setattr or a test's monkeypatch.setattr."""
    for module, name in LOCKS:
        rows = getattr(module, name).queryset.all()
        rows.query.select_for_update = False
        set_attribute(module, name, CompiledQuery(rows))


def take_out_lock_of_promoted(set_attribute: SetAttribute = setattr) -> None:
    """Let students move up without a lock of theirs."""
    set_attribute(decisions, "lock_promoted", lambda _students: False)
