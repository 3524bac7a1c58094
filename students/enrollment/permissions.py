"""What may be done to enrollments, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from students.enrollment.transitions import (
    ACTIVATE,
    COMPLETE,
    WITHDRAW_OR_CORRECT,
    WITHDRAW_STRICTLY,
    Transition,
)
from students.models import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

CAN_ADD, CAN_VIEW, CAN_WITHDRAW, CAN_COMPLETE = (
    f"students.{transition}_enrollment" for transition in ("add", "view", "withdraw", "complete")
)
# To see an enrollment with those whom it joins.
VIEW_PAIR = ["courses.view_course", CAN_VIEW, "students.view_student"]
CAN_OVERRIDE = "students.override_refusal"
# What a status asks of the one who gives it, and the verb by which it is given.
TRANSITIONS = {
    Status.ACTIVE: (CAN_ADD, ACTIVATE),
    Status.COMPLETED: (CAN_COMPLETE, COMPLETE),
    Status.WITHDRAWN: (CAN_WITHDRAW, WITHDRAW_STRICTLY),
}


def transition_to(status: Status, user: User | AnonymousUser) -> Transition:
    """The verb by which `user` gives one enrollment this status. Raises PermissionDenied."""
    permission, transition = TRANSITIONS[status]
    if not user.has_perm(permission):
        raise PermissionDenied
    return (
        WITHDRAW_OR_CORRECT
        if transition is WITHDRAW_STRICTLY and user.has_perm(CAN_COMPLETE)
        else transition
    )


def allowed_statuses(status: Status, user: User | AnonymousUser) -> list[Status]:
    """The statuses that `user` may give to an enrollment that has this one."""
    allowed = [
        target for target, (permission, _verb) in TRANSITIONS.items() if user.has_perm(permission)
    ]
    return [target for target in allowed if status in transition_to(target, user).outcomes]
