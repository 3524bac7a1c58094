"""The product with a pause between each decision and its write, for races over HTTP.

For the controls of races: with UNLOCKED_PROMOTIONS=1, students move up without a lock of theirs;
with UNLOCKED=1, nothing is locked.
"""

import os
from time import sleep

from school.asgi import application
from students.enrollment import service
from students.enrollment.decisions import EnrollmentDecisions
from tests.unlocked import take_out_lock_of_promoted, take_out_locks

_save = service._save


def _wait_and_save(decisions: EnrollmentDecisions) -> None:
    sleep(0.003)
    _save(decisions)


service._save = _wait_and_save
if os.environ.get("UNLOCKED_PROMOTIONS"):
    take_out_lock_of_promoted()
if os.environ.get("UNLOCKED"):
    take_out_locks()

__all__ = ["application"]
