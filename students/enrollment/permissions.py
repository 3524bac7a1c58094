"""What may be done to enrollments, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from students.enrollment.transitions import ACTIVATE, COMPLETE, CORRECT, END, Verb
from students.models import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

ADD, VIEW, WITHDRAWAL, COMPLETION = (
    f"students.{verb}_enrollment" for verb in ("add", "view", "withdraw", "complete")
)
# To see an enrollment with those whom it joins.
PAIR = ["courses.view_course", VIEW, "students.view_student"]
OVERRIDE = "students.override_refusal"
# What a status asks of the one who gives it, and the verb by which it is given.
VERBS = {
    Status.ACTIVE: (ADD, ACTIVATE),
    Status.COMPLETED: (COMPLETION, COMPLETE),
    Status.WITHDRAWN: (WITHDRAWAL, END),
}


def verb_to(status: Status, user: User | AnonymousUser) -> Verb:
    """The verb by which `user` gives one enrollment this status. Raises PermissionDenied."""
    permission, verb = VERBS[status]
    if not user.has_perm(permission):
        raise PermissionDenied
    return CORRECT if verb is END and user.has_perm(COMPLETION) else verb


def statuses_after(status: Status, user: User | AnonymousUser) -> list[Status]:
    """The statuses that `user` may give to an enrollment that has this one."""
    allowed = [target for target, (permission, _verb) in VERBS.items() if user.has_perm(permission)]
    return [target for target in allowed if status in verb_to(target, user).moves]
