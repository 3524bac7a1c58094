"""Transactions that are run again, and the locks that they hold."""

import pytest

from core.db.transactions import atomic_with_reruns, held_locks
from students.enrollment.locks import lock_students
from students.factories import StudentFactory
from students.models import Student


@pytest.mark.django_db
def test_a_lock_that_was_taken_since_a_savepoint_ends_with_its_rollback() -> None:
    first, second = StudentFactory.create_batch(2)

    @atomic_with_reruns
    def fail() -> None:
        lock_students([second.pk])
        raise ValueError("after the lock")

    @atomic_with_reruns
    def go_on() -> set[int]:
        lock_students([first.pk])
        with pytest.raises(ValueError, match="after the lock"):
            fail()
        return held_locks()[Student]

    assert go_on() == {first.pk}
