"""Takes back what somebody has just done: a POST for the outcomes of the last one, as far as nothing has happened to them since."""

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

BEGUN = (Outcome.CREATED, Outcome.REACTIVATED, Outcome.WAITLISTED)
UNDONE = (*BEGUN, Outcome.WITHDRAWN)
KEY = "undo"
# On the message beside which the button stands.
TAG = "undo"


def remember_for_undo(
    request: HttpRequest, results: Iterable[Result], waited: Iterable[int] = ()
) -> bool:
    """Keep what was just done, to be marked and taken back; `waited` are the keys of enrollments that were on a waitlist. Answers whether there is any."""
    waited = set(waited)
    done = [
        (row, result.outcome)
        for result in results
        if result.outcome in UNDONE and (row := result.enrollment)
    ]
    request.session[KEY] = [
        (row.pk, outcome, row.pk in waited, row.updated_at.isoformat()) for row, outcome in done
    ]
    mark_changed(request, (row for row, _outcome in done))
    return bool(done)


class UndoView(StaffView):
    """Withdraws whom the last action enrolled, and enrolls whom it withdrew, by all rules."""

    permission_required = [CAN_ADD, CAN_WITHDRAW, CAN_VIEW]

    def post(self, request: HttpRequest) -> HttpResponse:
        done = {pk: rest for pk, *rest in request.session.pop(KEY, [])}
        with transaction.atomic(), record_changes_as(Door.STAFF, request, REASON):
            rows, results = self.take_back(done)
        changed = [
            str(row)
            for row in rows
            if row.pk not in {result.enrollment.pk for result in results if result.enrollment}
        ]
        self.tell(results, changed)
        target = request.POST.get("next", "")
        return HttpResponseRedirect(
            target if url_has_allowed_host_and_scheme(target, None) else reverse("desk")
        )

    def take_back(self, done: dict[int, Sequence[Any]]) -> tuple[list[Enrollment], list[Result]]:
        """All rows of what was done, and what became of those that nobody has changed since."""
        rows = Enrollment.objects.filter(pk__in=done).select_related("student", "course__term")
        locks.lock_students_and_courses(
            (row.student_id for row in rows), (row.course_id for row in rows)
        )
        # Read again under the locks.
        rows = rows.all()
        same = [row for row in rows if row.updated_at.isoformat() == done[row.pk][2]]
        results: list[Result] = []
        for waited in (False, True):
            changes = [
                EnrollmentChange(
                    row.student_id,
                    row.course_id,
                    ENROLL if row.status == Status.WITHDRAWN else WITHDRAW,
                )
                for row in same
                if done[row.pk][1] == waited
            ]
            results += service.apply_changes(
                changes, Options(waitlist=waited), all_or_nothing=False
            )
        return list(rows), results

    def tell(self, results: Sequence[Result], changed: Sequence[str]) -> None:
        refused = [result for result in results if result.outcome == Outcome.REFUSED]
        undone = [
            f"{result.enrollment} ({result.outcome.label})"
            for result in results
            if result.outcome != Outcome.REFUSED
        ]
        mark_changed(
            self.request,
            (row for result in results if result.outcome in UNDONE and (row := result.enrollment)),
        )
        if undone:
            messages.success(self.request, _("Undone: %(names)s.") % {"names": ", ".join(undone)})
        for result in refused:
            reasons = " ".join(message for reason in result.refusals for message in reason.messages)
            messages.error(
                self.request,
                _("Could not be undone: %(name)s. %(reasons)s")
                % {"name": result.enrollment, "reasons": reasons},
            )
        if changed:
            messages.error(
                self.request,
                _("Could not be undone, for it was changed since: %(names)s.")
                % {"names": ", ".join(changed)},
            )
        if not results and not changed:
            messages.info(self.request, _("There is nothing to undo any more."))
