"""The writer with its locks taken out, for controls: a race that does not see that is none."""

from collections.abc import Callable

from core.db.compiled import CompiledQuery
from students.enrollment import decisions, locks, service

LOCKS = [
    (decisions, "LOCKED_STUDENTS"),
    (decisions, "LOCKED_COURSES"),
    (locks, "LOCK_STUDENTS"),
    (locks, "LOCK_COURSES"),
    (service, "LOCK_STUDENTS"),
]


def take_out_locks(put: Callable[[object, str, object], None] = setattr) -> None:
    """`put` is setattr, or a test's monkeypatch.setattr."""
    for module, name in LOCKS:
        rows = getattr(module, name).queryset.all()
        rows.query.select_for_update = False
        put(module, name, CompiledQuery(rows))
