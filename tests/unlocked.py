"""The writer with its locks taken out, for controls: a race that does not see that is none."""

from collections.abc import Callable

from core.db.compiled import Compiled
from students.enrollment import decisions as ledger
from students.enrollment import locks
from students.enrollment import service as enrollments

LOCKS = [
    (ledger, "LOCKED_STUDENTS"),
    (ledger, "LOCKED_COURSES"),
    (locks, "LOCK_STUDENTS"),
    (locks, "LOCK_COURSES"),
    (enrollments, "LOCK_STUDENTS"),
]


def take_out_locks(put: Callable[[object, str, object], None] = setattr) -> None:
    """`put` is setattr, or a test's monkeypatch.setattr."""
    for module, name in LOCKS:
        rows = getattr(module, name).queryset.all()
        rows.query.select_for_update = False
        put(module, name, Compiled(rows))
