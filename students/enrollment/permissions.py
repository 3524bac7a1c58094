"""Which user may make which transition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from students.enrollment.transitions import (
    ACTIVATE,
    ACTIVATE_OR_REOPEN,
    COMPLETE,
    WITHDRAW_OR_CORRECT,
    WITHDRAW_STRICTLY,
    Transition,
)
from students.models import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

CAN_ADD = "students.add_enrollment"
CAN_VIEW = "students.view_enrollment"
CAN_WITHDRAW = "students.withdraw_enrollment"
CAN_COMPLETE = "students.complete_enrollment"
CAN_OVERRIDE = "students.override_refusal"
# To see an enrollment together with its student and its course.
VIEW_PAIR = ["courses.view_course", CAN_VIEW, "students.view_student"]
# For each status that can be set: the permission needed, and the transition.
TRANSITIONS = {
    Status.ACTIVE: (CAN_ADD, ACTIVATE),
    Status.COMPLETED: (CAN_COMPLETE, COMPLETE),
    Status.WITHDRAWN: (CAN_WITHDRAW, WITHDRAW_STRICTLY),
}


def transition_to(status: Status, user: User | AnonymousUser) -> Transition:
    """The transition by which `user` gives an enrollment this status. Raises PermissionDenied."""
    permission, transition = TRANSITIONS[status]
    if not user.has_perm(permission):
        raise PermissionDenied
    if transition is WITHDRAW_STRICTLY and user.has_perm(CAN_COMPLETE):
        return WITHDRAW_OR_CORRECT
    if transition is ACTIVATE and user.has_perm(CAN_COMPLETE):
        return ACTIVATE_OR_REOPEN
    return transition


def allowed_statuses(status: Status, user: User | AnonymousUser) -> list[Status]:
    """The statuses that `user` may give to an enrollment that has `status` now."""
    allowed = []
    for target, (permission, _transition) in TRANSITIONS.items():
        if user.has_perm(permission) and status in transition_to(target, user).outcomes:
            allowed.append(target)
    return allowed
