"""Actions of the admin's lists that enroll or withdraw many students at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.models import ADDITION
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from core.names import NAME_ORDER
from core.pages.forms import SearchField
from courses.models import Course
from students.admin.confirmed_action import ConfirmedAction
from students.enrollment.permissions import CAN_OVERRIDE
from students.enrollment.rules import Refusal
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Outcome, Result
from students.forms import IdsField, OptionsForm, WithdrawForm
from students.models import Status, Student

MAX_CHOICES = 20


class WithdrawAction(ConfirmedAction):
    """Withdraws the selected enrollments."""

    action = "withdraw"
    title, button = _("Withdraw students from their courses?"), _("Withdraw")

    def read_form(self) -> None:
        self.form = WithdrawForm(self.request.POST if self.is_sent else None)
        self.transition = WITHDRAW
        if self.is_sent and self.form.is_valid():
            self.transition = self.form.transition

    @cached_property
    def pairs(self) -> list[tuple[Student, Course]]:
        rows = sorted(self.rows, key=lambda row: (row.course_id, row.pk))
        return [(row.student, row.course) for row in rows]

    def get_change(self, student: Student, course: Course) -> EnrollmentChange:
        return EnrollmentChange(student.pk, course.pk, self.transition)


class EnrollForm(OptionsForm):
    """A search for courses or students, the chosen ones, and how to enroll."""

    q = SearchField()
    chosen = IdsField(required=False)
    part = forms.BooleanField(label=_("Leave out those that are refused"), required=False)


class EnrollInCoursesAction(ConfirmedAction):
    """Enrolls the students selected on the list in the courses chosen on the page."""

    action = "enroll"
    title, button = _("Enroll in courses"), _("Enroll")
    search_label = _("Find courses")
    log_flag, log_message = ADDITION, [{"added": {}}]

    @property
    def choices(self) -> QuerySet[Any]:
        return Course.objects.select_related("term").with_seats().in_enrollment_order()

    def read_form(self) -> None:
        may_override = self.request.user.has_perm(CAN_OVERRIDE)
        if any(self.request.POST.getlist("override")) and not may_override:
            raise PermissionDenied
        self.form = EnrollForm(self.request.POST, sent=self.is_sent)
        if self.is_sent:
            self.form.is_valid()
            self.check_chosen()
            self.options = self.form.options

    @cached_property
    def chosen(self) -> list[Any]:
        if not self.is_sent:
            return []
        return list(self.choices.filter(pk__in=self.form.cleaned_data.get("chosen") or []))

    def check_chosen(self) -> None:
        """Add an error to the form where a chosen row does not exist."""
        if len(self.chosen) < len(self.form.cleaned_data.get("chosen") or []):
            self.form.add_error(
                "chosen", __("Some of what was chosen does not exist, or not any more.")
            )

    @cached_property
    def found(self) -> list[Any]:
        """The first rows that the search finds, without the chosen ones.

        There is one row more than is shown where there are more to find.
        """
        text = self.form.cleaned_data.get("q") if self.is_sent else ""
        rows: Any = self.choices.exclude(pk__in=[row.pk for row in self.chosen])
        if text:
            rows = rows.search(text)
        return list(rows[: MAX_CHOICES + 1])

    @cached_property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(student, course) for course in self.chosen for student in self.rows]

    def accepts(self, results: Sequence[Result]) -> bool:
        is_refused = any(result.outcome == Outcome.REFUSED for result in results)
        if is_refused and not self.form.cleaned_data.get("part"):
            self.form.add_error(
                "part", __("Nothing was done, for some are refused. Tick this to do the rest.")
            )
            return False
        return True

    def get_extra_context(self, results: Sequence[Result]) -> dict[str, Any]:
        codes = {str(reason.code) for result in results for reason in result.refusals}
        is_refused = bool(codes)
        if self.request.user.has_perm(CAN_OVERRIDE):
            enrollments = [result.enrollment for result in results if result.enrollment]
            # A waiting student is not refused, but may be given a seat by overriding.
            if any(row.status == Status.WAITLISTED for row in enrollments):
                codes.add(Refusal.COURSE_FULL)
            self.form.offer(codes)
        names = [bound_field.name for bound_field in self.form.visible_options]
        if is_refused:
            names.append("part")
        return {
            "fieldset": Fieldset(self.form, fields=names),
            "found": self.found[:MAX_CHOICES],
            "are_more": len(self.found) > MAX_CHOICES,
        }


class EnrollStudentsAction(EnrollInCoursesAction):
    """Enrolls the students chosen on the page in the courses selected on the list."""

    action = "enroll_students"
    title = _("Enroll students")
    search_label = _("Find students")
    group_by = "student"

    @property
    def choices(self) -> QuerySet[Any]:
        return Student.objects.order_by(*NAME_ORDER, "id")

    @cached_property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(student, course) for student in self.chosen for course in self.rows]
