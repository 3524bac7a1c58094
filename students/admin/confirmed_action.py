"""The base of admin actions that change many enrollments after a page of confirmation.

The page shows the outcome of each change. Exactly these outcomes are written once they are
confirmed: all of them, or none where the data has changed in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core.admin.options import MAX_ACTION_ROWS
from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from courses.models import Course
from students.admin.messages import add_outcome_messages, status_label
from students.enrollment import service
from students.enrollment.transitions import DEFAULT_OPTIONS, EnrollmentChange, Outcome, Result
from students.models import Enrollment, Student

CHANGING_OUTCOMES = (
    Outcome.CREATED,
    Outcome.REACTIVATED,
    Outcome.WAITLISTED,
    Outcome.WITHDRAWN,
)
# The order on the page: what may need a decision comes first.
OUTCOME_ORDER = [
    Outcome.REFUSED,
    Outcome.WAITLISTED,
    Outcome.CREATED,
    Outcome.REACTIVATED,
    Outcome.WITHDRAWN,
    Outcome.UNCHANGED,
]


@dataclass
class OutcomeGroup:
    """The changes of one course (or one student) that have the same outcome and reasons."""

    title: str
    outcome: Outcome
    reasons: Sequence[str]
    names: list[str] = field(default_factory=list)


class ConfirmedAction:
    """An admin action that shows its outcomes and writes them once they are confirmed."""

    action: ClassVar[str]
    title: ClassVar[Promise]
    button: ClassVar[Promise]
    template = "students/admin/confirm_action.html"
    # The page groups outcomes by course and names the students, or the other way round.
    group_by = "course"
    # The flag and the message of Django's log of admin actions.
    log_flag = CHANGE
    log_message: list[dict[str, Any]] = [
        {"changed": {"fields": [str(Enrollment._meta.get_field("status").verbose_name)]}}
    ]
    form: Any
    options = DEFAULT_OPTIONS

    def __init__(self, admin: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.admin = admin
        self.request = request
        self.rows = list(rows[:MAX_ACTION_ROWS])
        # The first request comes from the list, the following ones from the confirmation page.
        self.is_sent = "rows" in request.POST
        self.read_form()

    def read_form(self) -> None:
        """Set `form`, and `options` where the form has some."""
        raise NotImplementedError

    @cached_property
    def pairs(self) -> list[tuple[Student, Course]]:
        """The students and courses to change, one pair per change."""
        raise NotImplementedError

    def get_change(self, student: Student, course: Course) -> EnrollmentChange:
        return EnrollmentChange(student.pk, course.pk)

    def respond(self) -> HttpResponse | None:
        """Return the confirmation page, or None once the changes are written."""
        is_valid = not self.is_sent or self.form.is_valid()
        if len(self.pairs) > MAX_ACTION_ROWS:
            message = _(
                "At most %(most)d enrollments can be made at once, and these are %(number)d."
                " Choose fewer."
            )
            values = {"most": MAX_ACTION_ROWS, "number": len(self.pairs)}
            messages.error(self.request, message % values)
            return self.render([], [])
        if not (is_valid and self.is_confirmed):
            return self.preview()
        is_done, results, promoted = self.write()
        if not is_done:
            return self.render(results, promoted)
        add_outcome_messages(self.request, results)
        return None

    @atomic_with_reruns
    def write(self) -> tuple[bool, list[Result], list[Enrollment]]:
        """Make the changes, unless they are not what was confirmed.

        Return whether they were made, their results, and the enrollments that move up.
        """
        with (
            service.collect_promotions() as promoted,
            record_changes_as(Door.ADMIN, self.request, self.reason),
        ):
            results = self.apply(validate_only=False)
        promoted = self.load_names(promoted)
        is_done = self.matches_preview(results, promoted) and self.accepts(results)
        if is_done:
            self.log(results)
        else:
            transaction.set_rollback(True)
        return is_done, results, promoted

    def preview(self) -> HttpResponse:
        """Return the page with the outcomes of now. Writes nothing."""
        with service.collect_promotions() as promoted:
            results = self.apply(validate_only=True)
        return self.render(results, self.load_names(promoted))

    @property
    def is_confirmed(self) -> bool:
        return "confirm" in self.request.POST

    @property
    def reason(self) -> str:
        return self.form.cleaned_data.get("reason") or "" if self.is_sent else ""

    def apply(self, *, validate_only: bool) -> list[Result]:
        changes = [self.get_change(student, course) for student, course in self.pairs]
        return service.apply_changes(
            changes, self.options, all_or_nothing=False, validate_only=validate_only
        )

    def load_names(self, rows: Sequence[Enrollment]) -> list[Enrollment]:
        """Return `rows` in their order, read again with their students and courses."""
        enrollments = Enrollment.objects.select_related("student", "course__term")
        by_id = enrollments.in_bulk([row.pk for row in rows])
        return [by_id[row.pk] for row in rows]

    def matches_preview(self, results: Sequence[Result], promoted: Sequence[Enrollment]) -> bool:
        """Return whether the confirmed page showed these results; add a message if not."""
        is_same = self.request.POST.get("shown") == fingerprint(results, promoted)
        if not is_same:
            messages.warning(
                self.request,
                _(
                    "Nothing was done: this is not what you were shown. Look at what would happen"
                    " now, and confirm it once more."
                ),
            )
        return is_same

    def accepts(self, _results: Sequence[Result]) -> bool:
        """Return whether to write the changes though some may be refused."""
        return True

    def log(self, results: Sequence[Result]) -> None:
        """Record the changed enrollments in Django's log of admin actions."""
        changed = [result for result in results if result.outcome in CHANGING_OUTCOMES]
        rows = [result.enrollment for result in changed if result.enrollment]
        if rows:
            user_id = cast(AbstractUser, self.request.user).pk
            LogEntry.objects.log_actions(user_id, rows, self.log_flag, self.log_message)

    def render(self, results: Sequence[Result], promoted: Sequence[Enrollment]) -> HttpResponse:
        counts = Counter(result.outcome for result in results)
        context = {
            **self.admin.admin_site.each_context(self.request),
            "title": self.title,
            "form_id": "confirm-form",
            "opts": self.admin.opts,
            "media": self.admin.media,
            "confirmed_action": self,
            "groups": self.get_groups(results),
            "counts": [
                (outcome.label, counts[outcome]) for outcome in OUTCOME_ORDER if counts[outcome]
            ],
            "promoted": promoted,
            "shown": fingerprint(results, promoted),
            "can_be_done": any(counts[outcome] for outcome in CHANGING_OUTCOMES),
            **self.get_extra_context(results),
        }
        return TemplateResponse(self.request, self.template, context)

    def get_extra_context(self, results: Sequence[Result]) -> dict[str, Any]:
        if not results:
            return {}
        return {"fieldset": Fieldset(self.form, fields=list(self.form.fields))}

    def get_groups(self, results: Sequence[Result]) -> list[OutcomeGroup]:
        """Return the results of each course (or student), outcome and reasons as a group."""
        groups: dict[tuple[Any, ...], OutcomeGroup] = {}
        for (student, course), result in zip(self.pairs, results, strict=False):
            row, name = (course, student) if self.group_by == "course" else (student, course)
            reasons = [message for reason in result.refusals for message in reason.messages]
            group = groups.setdefault(
                (row.pk, result.outcome, *reasons),
                OutcomeGroup(str(row), result.outcome, reasons),
            )
            group.names.append(f"{name}{_name_suffix(result)}")
        return sorted(groups.values(), key=lambda group: OUTCOME_ORDER.index(group.outcome))

    @property
    def row_ids(self) -> str:
        """The ids of the selected rows, which the page sends again."""
        return ",".join(str(row.pk) for row in self.rows)


def fingerprint(results: Sequence[Result], promoted: Iterable[Enrollment]) -> str:
    """Return a digest of the outcomes, to compare a preview with what is written later."""
    parts: list[Any] = [row.pk for row in promoted]
    for result in results:
        row = result.enrollment
        parts.append(
            (
                result.change.student_id,
                result.change.course_id,
                str(result.outcome),
                *((str(row.status), row.position) if row else ()),
                *(reason.code for reason in result.refusals),
            )
        )
    return sha256(repr(parts).encode()).hexdigest()


def _name_suffix(result: Result) -> str:
    """Return the status of an unchanged row, or the place of one on the waitlist."""
    row = result.enrollment
    if row and result.outcome == Outcome.UNCHANGED:
        return f": {status_label(row)}"
    if row and row.position and result.outcome == Outcome.WAITLISTED:
        return _(", place %(position)d") % {"position": row.position}
    return ""
