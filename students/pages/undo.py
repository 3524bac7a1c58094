"""Undoing the last action on the staff pages.

The session holds the outcomes of the last action. A POST reverses those that nobody has changed
since.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from core.history.actor import Door, record_changes_as
from core.history.reasons import UNDONE as REASON
from core.pages.views import StaffView, mark_changed
from students.enrollment import locks, service
from students.enrollment.permissions import CAN_ADD, CAN_VIEW, CAN_WITHDRAW
from students.enrollment.transitions import (
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Result,
)
from students.models import Enrollment, Status

UNDOABLE_OUTCOMES = (
    Outcome.CREATED,
    Outcome.REACTIVATED,
    Outcome.WAITLISTED,
    Outcome.WITHDRAWN,
)
SESSION_KEY = "undo"
# A message with this tag has the button beside it.
MESSAGE_TAG = "undo"


def remember_for_undo(
    request: HttpRequest, results: Iterable[Result], waitlisted_ids: Iterable[int] = ()
) -> bool:
    """Store `results` in the session and have the next page mark their rows.

    `waitlisted_ids` are ids of enrollments that were on a waitlist before. Returns whether there
    is anything to undo.
    """
    waitlisted_ids = set(waitlisted_ids)
    rows: list[Enrollment] = []
    remembered = []
    for result in results:
        row = result.enrollment
        if row is not None and result.outcome in UNDOABLE_OUTCOMES:
            rows.append(row)
            was_waitlisted = row.pk in waitlisted_ids
            remembered.append((row.pk, result.outcome, was_waitlisted, row.updated_at.isoformat()))
    request.session[SESSION_KEY] = remembered
    mark_changed(request, rows)
    return bool(rows)


class UndoView(StaffView):
    """Withdraws the students whom the last action enrolled, and enrolls those whom it withdrew.

    All rules are checked again.
    """

    permission_required = [CAN_ADD, CAN_WITHDRAW, CAN_VIEW]

    def post(self, request: HttpRequest) -> HttpResponse:
        remembered = {pk: rest for pk, *rest in request.session.pop(SESSION_KEY, [])}
        with transaction.atomic(), record_changes_as(Door.STAFF, request, REASON):
            rows, results = self.undo(remembered)
        decided_ids = {result.enrollment.pk for result in results if result.enrollment}
        changed_since = [str(row) for row in rows if row.pk not in decided_ids]
        self.add_messages(results, changed_since)
        next_url = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(next_url, None):
            next_url = reverse("desk")
        return HttpResponseRedirect(next_url)

    def undo(self, remembered: dict[int, Sequence[Any]]) -> tuple[list[Enrollment], list[Result]]:
        """Return all remembered rows, and the results of those that nobody has changed since."""
        rows = Enrollment.objects.filter(pk__in=remembered).select_related(
            "student", "course__term"
        )
        locks.lock_students_and_courses(
            (row.student_id for row in rows), (row.course_id for row in rows)
        )
        # The rows may have changed before the locks were taken: read them again.
        rows = rows.all()
        unchanged = [row for row in rows if row.updated_at.isoformat() == remembered[row.pk][2]]
        results: list[Result] = []
        for was_waitlisted in (False, True):
            changes = []
            for row in unchanged:
                if remembered[row.pk][1] == was_waitlisted:
                    transition = ENROLL if row.status == Status.WITHDRAWN else WITHDRAW
                    changes.append(EnrollmentChange(row.student_id, row.course_id, transition))
            results += service.apply_changes(
                changes, Options(waitlist=was_waitlisted), all_or_nothing=False
            )
        return list(rows), results

    def add_messages(self, results: Sequence[Result], changed_since: Sequence[str]) -> None:
        undone = [result for result in results if result.outcome != Outcome.REFUSED]
        mark_changed(
            self.request,
            [
                result.enrollment
                for result in undone
                if result.enrollment and result.outcome in UNDOABLE_OUTCOMES
            ],
        )
        if undone:
            names = [f"{result.enrollment} ({result.outcome.label})" for result in undone]
            messages.success(self.request, _("Undone: %(names)s.") % {"names": ", ".join(names)})
        for result in results:
            if result.outcome == Outcome.REFUSED:
                reasons = [message for reason in result.refusals for message in reason.messages]
                messages.error(
                    self.request,
                    _("Could not be undone: %(name)s. %(reasons)s")
                    % {"name": result.enrollment, "reasons": " ".join(reasons)},
                )
        if changed_since:
            messages.error(
                self.request,
                _("Could not be undone, for it was changed since: %(names)s.")
                % {"names": ", ".join(changed_since)},
            )
        if not results and not changed_since:
            messages.info(self.request, _("There is nothing to undo any more."))
