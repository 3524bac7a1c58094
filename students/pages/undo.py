"""Undoing changes of enrollments for 24 hours, from the message about them and from the history.

The button carries a signed token that names the changes. Nothing is undone that was changed again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from core.history.reasons import MOVED_UP
from core.history.reasons import UNDONE as REASON
from core.pages.addresses import get_local_address
from core.pages.views import StaffView, mark_changed
from students.enrollment import locks, service
from students.enrollment.permissions import CAN_ADD, CAN_COMPLETE, CAN_VIEW, CAN_WITHDRAW
from students.enrollment.rules import Refusal
from students.enrollment.transitions import (
    ENROLL,
    REOPEN,
    WITHDRAW,
    WITHDRAW_MISTAKE,
    EnrollmentChange,
    Options,
    Outcome,
    Result,
    Transition,
)
from students.history.sentences import is_promotion
from students.messages import fold_names
from students.models import Enrollment, Status

MAX_AGE = timedelta(hours=24)
SALT = "undo"
UNDOABLE_OUTCOMES = (
    Outcome.CREATED,
    Outcome.REACTIVATED,
    Outcome.WAITLISTED,
    Outcome.WITHDRAWN,
    Outcome.COMPLETED,
)
# By the status before the change (None: a new enrollment) and after it.
UNDO_TRANSITIONS: dict[tuple[str | None, str], Transition] = {
    (None, Status.ACTIVE): WITHDRAW_MISTAKE,
    (None, Status.WAITLISTED): WITHDRAW_MISTAKE,
    (Status.WITHDRAWN, Status.ACTIVE): WITHDRAW,
    (Status.WITHDRAWN, Status.WAITLISTED): WITHDRAW,
    (Status.ACTIVE, Status.WITHDRAWN): ENROLL,
    (Status.WAITLISTED, Status.WITHDRAWN): ENROLL,
    (Status.ACTIVE, Status.COMPLETED): REOPEN,
}
# A message with a tag that begins so has the button beside it; the token follows.
MESSAGE_TAG_PREFIX = "undo:"


def sign_changes(rows: Iterable[Any]) -> str:
    """Return the token of the last change of each of `rows`, enrollments or history records."""
    ids_by_time: dict[str, list[int]] = {}
    for row in rows:
        ids_by_time.setdefault(row.updated_at.isoformat(), []).append(row.id)
    return signing.dumps(ids_by_time, salt=SALT, compress=True)


def read_token(token: str) -> dict[int, datetime]:
    """Return the times of the changes by the ids of the enrollments; empty for a bad token."""
    try:
        ids_by_time = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return {}
    return {pk: datetime.fromisoformat(time) for time, ids in ids_by_time.items() for pk in ids}


def mark_and_tag(request: HttpRequest, results: Iterable[Result]) -> str:
    """Have the next page mark the changed rows; return the message tag of the undo button.

    The tag is empty if nothing was changed.
    """
    rows = [
        result.enrollment
        for result in results
        if result.enrollment and result.outcome in UNDOABLE_OUTCOMES
    ]
    mark_changed(request, rows)
    return MESSAGE_TAG_PREFIX + sign_changes(rows) if rows else ""


def attach_undo_tokens(records: Iterable[Any], user: AbstractUser | AnonymousUser) -> None:
    """Set `undo_token` on the history records whose change `user` can undo."""
    earliest = timezone.now() - MAX_AGE
    if not user.has_perms(UndoView.permission_required):
        return
    undoable: dict[int, Any] = {}
    for record in records:
        transition = UNDO_TRANSITIONS.get((record.before, record.status))
        if transition is None or record.updated_at < earliest or is_promotion(record):
            continue
        if transition is REOPEN and not user.has_perm(CAN_COMPLETE):
            continue
        # The records are the latest first: an older one of the same enrollment was changed since.
        undoable.setdefault(record.id, record)
    rows = Enrollment.objects.filter(pk__in=undoable).order_by()
    for pk, updated_at in rows.values_list("pk", "updated_at"):
        if undoable[pk].updated_at == updated_at:
            undoable[pk].undo_token = sign_changes([undoable[pk]])


@dataclass
class Undone:
    """What became of the changes to undo: results, and the enrollments that were left alone."""

    results: list[Result] = field(default_factory=list)
    expired: list[Enrollment] = field(default_factory=list)
    changed_since: list[Enrollment] = field(default_factory=list)


class UndoView(StaffView):
    """Undoes the changes that the token names. The rules for enrolling are checked again."""

    permission_required = [CAN_ADD, CAN_WITHDRAW, CAN_VIEW]

    def post(self, request: HttpRequest) -> HttpResponse:
        changed_at = read_token(request.POST.get("token", ""))
        with record_changes_as(Door.STAFF, request, REASON):
            undone = self.undo(changed_at)
        self.add_messages(undone)
        return HttpResponseRedirect(
            get_local_address(request.POST.get("next", ""), reverse("desk"))
        )

    @atomic_with_reruns
    def undo(self, changed_at: dict[int, datetime]) -> Undone:
        rows = Enrollment.objects.filter(pk__in=changed_at).select_related(
            "student", "course__term"
        )
        locks.lock_students_and_courses(
            (row.student_id for row in rows), (row.course_id for row in rows)
        )
        # The rows may have changed before the locks were taken: read them again.
        rows = rows.all()
        undone = Undone()
        unchanged = []
        for row in rows:
            if changed_at[row.pk] < timezone.now() - MAX_AGE:
                undone.expired.append(row)
            elif changed_at[row.pk] != row.updated_at:
                undone.changed_since.append(row)
            else:
                unchanged.append(row)
        earlier = get_earlier_states(unchanged)
        changes: dict[bool, list[EnrollmentChange]] = {False: [], True: []}
        for row in unchanged:
            before, was_mistake = earlier[row.pk]
            transition = UNDO_TRANSITIONS.get((before, row.status))
            if transition is None:
                undone.changed_since.append(row)
                continue
            if transition is REOPEN and not self.request.user.has_perm(CAN_COMPLETE):
                raise PermissionDenied
            if was_mistake:
                transition = WITHDRAW_MISTAKE
            change = EnrollmentChange(row.student_id, row.course_id, transition)
            changes[before == Status.WAITLISTED].append(change)
        for was_waitlisted, group in changes.items():
            undone.results += service.apply_changes(
                group, Options(waitlist=was_waitlisted), all_or_nothing=False
            )
        return undone

    def add_messages(self, undone: Undone) -> None:
        done = [result for result in undone.results if result.outcome != Outcome.REFUSED]
        mark_changed(self.request, [result.enrollment for result in done if result.enrollment])
        if done:
            names = [f"{result.enrollment} ({result.outcome.label})" for result in done]
            messages.success(self.request, format_html(_("Undone: {}."), fold_names(names)))
        for result in undone.results:
            if result.outcome == Outcome.REFUSED:
                messages.error(
                    self.request,
                    _("Could not be undone: %(name)s. %(reasons)s")
                    % {"name": result.enrollment, "reasons": explain_refusal(result)},
                )
        if undone.changed_since:
            self.add_error(
                _("Could not be undone, for it was changed since: {}."),
                undone.changed_since,
            )
        if undone.expired:
            self.add_error(
                _("Could not be undone, for it is more than 24 hours old: {}."),
                undone.expired,
            )
        if not (undone.results or undone.changed_since or undone.expired):
            messages.info(self.request, _("There is nothing to undo any more."))

    def add_error(self, message: str, rows: Sequence[Enrollment]) -> None:
        messages.error(self.request, format_html(message, fold_names(list(map(str, rows)))))


def get_earlier_states(rows: Sequence[Enrollment]) -> dict[int, tuple[str | None, bool]]:
    """Return the status and `by_mistake` of each enrollment before its last change."""
    records = Enrollment.history.filter(id__in=[row.pk for row in rows]).order_by("history_id")
    states: dict[int, list[tuple[str | None, bool]]] = {row.pk: [(None, False)] for row in rows}
    for pk, status, by_mistake in records.values_list("id", "status", "by_mistake"):
        states[pk] = [states[pk][-1], (status, by_mistake)]
    return {pk: found[0] for pk, found in states.items()}


def explain_refusal(result: Result) -> str:
    """Return the reasons as sentences, and whether a waiting student got the seat."""
    sentences = [message for reason in result.refusals for message in reason.messages]
    codes = [reason.code for reason in result.refusals]
    row = result.enrollment
    if row is not None and Refusal.COURSE_FULL in codes:
        promotions = Enrollment.history.filter(
            course=row.course_id,
            history_change_reason=MOVED_UP,
            history_date__gte=row.updated_at,
        )
        if promotions.exists():
            sentences.append(_("Somebody from the waitlist has the seat by now."))
    return " ".join(sentences)
