"""What the admin does to many enrollments at once: a page shows what would become of each, and exactly that is done once it is confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from core.admin.options import MAX_ACTION_ROWS
from core.history.actor import Door, record_changes_as
from core.pages.forms import SearchField
from courses.models import Course
from students.admin.messages import add_outcome_messages, status_label
from students.enrollment import service
from students.enrollment.permissions import CAN_OVERRIDE
from students.enrollment.rules import Refusal
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    WITHDRAW,
    EnrollmentChange,
    Outcome,
    Result,
)
from students.forms import IdsField, OptionsForm, WithdrawForm
from students.models import Enrollment, Status, Student

CHOICES = 20
DONE = (Outcome.CREATED, Outcome.REACTIVATED, Outcome.WAITLISTED, Outcome.WITHDRAWN)
# What needs a look first.
ORDER = [
    Outcome.REFUSED,
    Outcome.WAITLISTED,
    Outcome.CREATED,
    Outcome.REACTIVATED,
    Outcome.WITHDRAWN,
    Outcome.UNCHANGED,
]


@dataclass
class OutcomeGroup:
    """Those of one course, or of one student, to whom the same would happen for the same reasons."""

    title: str
    outcome: Outcome
    reasons: Sequence[str]
    names: list[str] = field(default_factory=list)


class ConfirmedAction:
    """Changes that a page shows with their outcomes, done once they are confirmed and are what was shown: all, or none."""

    action: ClassVar[str]
    title: ClassVar[Promise]
    button: ClassVar[Promise]
    template = "students/admin/confirm_action.html"
    # The side by which outcomes are told; each names those of the other side.
    by = "course"
    flag, logged = (
        CHANGE,
        [{"changed": {"fields": [str(Enrollment._meta.get_field("status").verbose_name)]}}],
    )
    form: Any
    options = DEFAULT_OPTIONS

    def __init__(self, admin: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.admin, self.request = admin, request
        self.rows = list(rows[:MAX_ACTION_ROWS])
        self.is_sent = "rows" in request.POST
        self.read()

    def read(self) -> None:
        """Read the page's form."""
        raise NotImplementedError

    @cached_property
    def pairs(self) -> list[tuple[Student, Course]]:
        """Those whom the changes are about."""
        raise NotImplementedError

    def change(self, student: Student, course: Course) -> EnrollmentChange:
        return EnrollmentChange(student.pk, course.pk)

    def respond(self) -> HttpResponse | None:
        """The page that shows what would happen, or None once that was done."""
        ready = not self.is_sent or self.form.is_valid()
        if len(self.pairs) > MAX_ACTION_ROWS:
            values = {"most": MAX_ACTION_ROWS, "number": len(self.pairs)}
            messages.error(
                self.request,
                __(
                    "At most %(most)d enrollments can be made at once, and these are %(number)d. Choose fewer."
                )
                % values,
            )
            return self.page([], [])
        if not (ready and self.is_confirmed):
            return self.preview()
        with (
            transaction.atomic(),
            service.collect_promotions() as promoted,
            record_changes_as(Door.ADMIN, self.request, self.reason),
        ):
            results = self.write(validate_only=False)
            moved = self.named(promoted)
            done = self.is_shown(results, moved) and self.accepts(results)
            if done:
                self.log(results)
            else:
                transaction.set_rollback(True)
        if not done:
            return self.page(results, moved)
        add_outcome_messages(self.request, results)
        return None

    def preview(self) -> HttpResponse:
        """The page, with what would happen now."""
        with service.collect_promotions() as promoted:
            results = self.write(validate_only=True)
        return self.page(results, self.named(promoted))

    @property
    def is_confirmed(self) -> bool:
        return "confirm" in self.request.POST

    @property
    def reason(self) -> str:
        return self.form.cleaned_data.get("reason") or "" if self.is_sent else ""

    def write(self, *, validate_only: bool) -> list[Result]:
        changes = [self.change(student, course) for student, course in self.pairs]
        return service.apply_changes(
            changes, self.options, all_or_nothing=False, validate_only=validate_only
        )

    def named(self, rows: Sequence[Enrollment]) -> list[Enrollment]:
        """`rows`, which move up, in their order, with their names."""
        found = Enrollment.objects.select_related("student", "course__term").in_bulk(
            [row.pk for row in rows]
        )
        return [found[row.pk] for row in rows]

    def is_shown(self, results: Sequence[Result], moved: Sequence[Enrollment]) -> bool:
        """Whether this is what the page that was confirmed had shown; if not, says so."""
        same = self.request.POST.get("shown") == fingerprint(results, moved)
        if not same:
            messages.warning(
                self.request,
                __(
                    "Nothing was done: this is not what you were shown. Look at what would happen now, and confirm it once more."
                ),
            )
        return same

    def accepts(self, _results: Sequence[Result]) -> bool:
        """Whether to go on though some may be refused."""
        return True

    def log(self, results: Sequence[Result]) -> None:
        rows = [
            result.enrollment for result in results if result.enrollment and result.outcome in DONE
        ]
        if rows:
            LogEntry.objects.log_actions(
                cast(AbstractUser, self.request.user).pk, rows, self.flag, self.logged
            )

    def page(self, results: Sequence[Result], moved: Sequence[Enrollment]) -> HttpResponse:
        counts = Counter(result.outcome for result in results)
        context = {
            **self.admin.admin_site.each_context(self.request),
            "title": self.title,
            "opts": self.admin.opts,
            "media": self.admin.media,
            "bulk": self,
            "groups": self.groups(results),
            "counts": [(outcome.label, counts[outcome]) for outcome in ORDER if counts[outcome]],
            "moved": moved,
            "shown": fingerprint(results, moved),
            "can_be_done": any(counts[outcome] for outcome in DONE),
            **self.more(results),
        }
        return TemplateResponse(self.request, self.template, context)

    def more(self, results: Sequence[Result]) -> dict[str, Any]:
        """What else the page shows."""
        return {"fieldset": Fieldset(self.form, fields=list(self.form.fields))} if results else {}

    def groups(self, results: Sequence[Result]) -> list[OutcomeGroup]:
        found: dict[tuple[Any, ...], OutcomeGroup] = {}
        for (student, course), result in zip(self.pairs, results, strict=False):
            title, name = (course, student) if self.by == "course" else (student, course)
            reasons = [message for reason in result.refusals for message in reason.messages]
            group = found.setdefault(
                (title.pk, result.outcome, *reasons),
                OutcomeGroup(str(title), result.outcome, reasons),
            )
            group.names.append(f"{name}{_more(result)}")
        return sorted(found.values(), key=lambda group: ORDER.index(group.outcome))

    @property
    def keys(self) -> str:
        """The rows that were selected, for the page to name them again."""
        return ",".join(str(row.pk) for row in self.rows)


class WithdrawAction(ConfirmedAction):
    """Enrollments that are withdrawn."""

    action = "withdraw"
    title, button = _("Withdraw students from their courses?"), _("Withdraw")

    def read(self) -> None:
        self.form = WithdrawForm(self.request.POST if self.is_sent else None)

    @cached_property
    def pairs(self) -> list[tuple[Student, Course]]:
        return [
            (row.student, row.course)
            for row in sorted(self.rows, key=lambda row: (row.course_id, row.pk))
        ]

    def change(self, student: Student, course: Course) -> EnrollmentChange:
        return EnrollmentChange(student.pk, course.pk, WITHDRAW)


class EnrollForm(OptionsForm):
    """What to enroll in, or whom, found by typing, and how."""

    q = SearchField()
    chosen = IdsField(required=False)
    part = forms.BooleanField(label=_("Leave out those that are refused"), required=False)


class EnrollInCoursesAction(ConfirmedAction):
    """Students and courses that are joined: the ones selected on the list with the ones chosen on the page."""

    action = "enroll"
    title, button = _("Enroll in courses"), _("Enroll")
    search = _("Find courses")
    flag, logged = ADDITION, [{"added": {}}]

    @property
    def choices(self) -> QuerySet[Any]:
        return Course.objects.select_related("term").with_seats().in_enrollment_order()

    def read(self) -> None:
        if any(self.request.POST.getlist("override")) and not self.request.user.has_perm(
            CAN_OVERRIDE
        ):
            raise PermissionDenied
        self.form = EnrollForm(self.request.POST, sent=self.is_sent)
        if self.is_sent:
            self.form.is_valid()
            self.check()
            self.options = self.form.options

    @cached_property
    def chosen(self) -> list[Any]:
        return (
            list(self.choices.filter(pk__in=self.form.cleaned_data.get("chosen") or []))
            if self.is_sent
            else []
        )

    def check(self) -> None:
        """Say where something that was chosen is not there, or not any more."""
        if len(self.chosen) < len(self.form.cleaned_data.get("chosen") or []):
            self.form.add_error(
                "chosen", __("Some of what was chosen does not exist, or not any more.")
            )

    @cached_property
    def found(self) -> list[Any]:
        """The first that the search finds, beside what is chosen; one more tells that there are more."""
        text = self.form.cleaned_data.get("q") if self.is_sent else ""
        rows: Any = self.choices.exclude(pk__in=[row.pk for row in self.chosen])
        return list((rows.search(text) if text else rows)[: CHOICES + 1])

    @cached_property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(student, course) for course in self.chosen for student in self.rows]

    def accepts(self, results: Sequence[Result]) -> bool:
        refused = any(result.outcome == Outcome.REFUSED for result in results)
        if refused and not self.form.cleaned_data.get("part"):
            self.form.add_error(
                "part", __("Nothing was done, for some are refused. Tick this to do the rest.")
            )
            return False
        return True

    def more(self, results: Sequence[Result]) -> dict[str, Any]:
        refused = [str(reason.code) for result in results for reason in result.refusals]
        if self.request.user.has_perm(CAN_OVERRIDE):
            # Who waits is not refused, yet may be given a seat.
            waiting = [
                Refusal.COURSE_FULL
                for result in results
                if result.enrollment and result.enrollment.status == Status.WAITLISTED
            ]
            self.form.offer({*refused, *waiting})
        names = [*(bound.name for bound in self.form.shown), *(["part"] if refused else [])]
        return {
            "fieldset": Fieldset(self.form, fields=names),
            "found": self.found[:CHOICES],
            "are_more": len(self.found) > CHOICES,
        }


class EnrollStudentsAction(EnrollInCoursesAction):
    """The same from the other side: the courses are selected, the students chosen."""

    action = "enroll_students"
    title = _("Enroll students")
    search = _("Find students")
    by = "student"

    @property
    def choices(self) -> QuerySet[Any]:
        return Student.objects.order_by("last_name", "first_name", "id")

    @cached_property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(student, course) for student in self.chosen for course in self.rows]


def fingerprint(results: Sequence[Result], moved: Iterable[Enrollment]) -> str:
    """What tells one list of outcomes from another."""
    said: list[Any] = [row.pk for row in moved]
    for result in results:
        row, change = result.enrollment, result.change
        stands = (str(row.status), row.position) if row else ()
        said.append(
            (
                change.student_id,
                change.course_id,
                str(result.outcome),
                *stands,
                *(reason.code for reason in result.refusals),
            )
        )
    return sha256(repr(said).encode()).hexdigest()


def _more(result: Result) -> str:
    row = result.enrollment
    if row and result.outcome == Outcome.UNCHANGED:
        return f": {status_label(row)}"
    return (
        __(", place %(position)d") % {"position": row.position}
        if row and row.position and result.outcome == Outcome.WAITLISTED
        else ""
    )
