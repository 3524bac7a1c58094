"""Forms of the admin's pages that enroll."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib.admin.helpers import Fieldset
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.forms.models import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.options import ConflictAwareAdminForm, get_save_error
from core.history.actor import Door, record_changes_as
from core.pages.kept_forms import only_shows_form
from courses.admin import CourseAdminForm
from students.admin.messages import add_outcome_messages
from students.course_forms import ClashConfirmationForm
from students.enrollment import locks, service
from students.enrollment.clashes import attach_clashes
from students.enrollment.permissions import (
    CAN_OVERRIDE,
    CAN_WITHDRAW,
    allowed_statuses,
)
from students.enrollment.transitions import (
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Outcome,
    Refused,
    Result,
)
from students.forms import OptionsForm
from students.models import Enrollment, Status

# Outcomes about which Django's own messages “was added” and “was changed” say nothing.
OUTCOMES_TO_ANNOUNCE = (Outcome.WAITLISTED, Outcome.UNCHANGED)
# With more rows the page would be larger than 100 KB.
MAX_SHOWN_ROWS = 50


class EnrollingForm(OptionsForm):
    """The options for all enrollments of an admin page; the page has the students and courses."""

    # Whether the change can put a student on a waitlist.
    offers_waitlist = True

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST, sent=request.method == "POST")
        self.request = request

    def clean(self) -> dict[str, Any]:
        if self.request.user.has_perm(CAN_OVERRIDE):
            error = get_save_error(self.request)
            self.offer(
                {str(reason.code) for reason in error.error_list}
                if isinstance(error, Refused)
                else ()
            )
        elif any(self.data.getlist("override")):  # type: ignore[attr-defined]
            raise PermissionDenied
        return super().clean()

    def check(self) -> None:
        """Raise a ValidationError for the whole page where this form has errors."""
        if only_shows_form(self.request):
            self.errors.clear()
            return
        if not self.is_valid():
            raise ValidationError(_("Nothing was saved: look at “Enrolling”."))

    def write(self, changes: Sequence[EnrollmentChange]) -> list[Result]:
        """Apply `changes` with the options of this form. Raises Refused."""
        with record_changes_as(Door.ADMIN, self.request, self.reason_given):
            return service.apply_changes(changes, self.options)

    @property
    def fieldset(self) -> Fieldset:
        names = [bound_field.name for bound_field in self.visible_options]
        if not self.offers_waitlist:
            names.remove("on_full")
        # Every change can have a reason, not only an override.
        if "reason" not in names:
            names.append("reason")
        return Fieldset(self, _("Enrolling"), fields=names)  # type: ignore[arg-type]


class CourseWithStudentsForm(ClashConfirmationForm, CourseAdminForm):
    """The form of a course, in which clashes that new times would cause must be accepted."""


class EnrollmentForm(ConflictAwareAdminForm):
    """Adds an enrollment, or changes the status of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enrolling = EnrollingForm(self.request)
        enrolls = not self.instance.pk
        self.has_options = enrolls
        if field := self.fields.get("status"):
            status = Status(self.instance.status)
            targets = allowed_statuses(status, self.request.user)
            # Undoing a completion gives a seat or is refused: it does not wait.
            enrolls = Status.ACTIVE in targets and status != Status.COMPLETED
            self.has_options = bool(targets)
            field.choices = [(choice.value, choice.label) for choice in [status, *targets]]  # type: ignore[attr-defined]
            field.error_messages["invalid_choice"] = (
                _("An enrollment that is %s cannot become that.") % status.label
            )
        self.enrolling.offers_waitlist = enrolls

    def clean(self) -> dict[str, Any]:
        self.enrolling.check()
        return super().clean()

    def _get_validation_exclusions(self) -> set[str]:
        # The enrollment service checks the pair itself, and that it exists only once.
        return {"student", "course", *super()._get_validation_exclusions()}  # type: ignore[misc]

    def is_about_this_form(self, error: ValidationError) -> bool:
        return True


class EnrollmentInlineForm(ModelForm):  # type: ignore[type-arg]
    """A row of EnrollmentFormSet."""

    def validate_constraints(self) -> None:
        """Leave it to the enrollment service that a pair exists only once.

        Django 6.1 calls this for the parent's key too; earlier versions do not call it.
        """


class EnrollmentFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The enrollments of one student or course: rows to add, and ticked rows to withdraw.

    All of it is written, or nothing.
    """

    request: HttpRequest
    is_cut = False

    def get_queryset(self) -> Any:
        if not self.is_bound and not hasattr(self, "_queryset"):
            found = list(super().get_queryset()[: MAX_SHOWN_ROWS + 1])
            self.is_cut = len(found) > MAX_SHOWN_ROWS
            self._queryset: Any = found[:MAX_SHOWN_ROWS]
            attach_clashes(self._queryset)
        return super().get_queryset()

    @cached_property
    def forms(self) -> list[Any]:
        made = super().forms
        if self.is_bound:
            # Forms and rows must stay paired even where enrollments were added since the page was
            # shown.
            rows = [form.instance for form in made[: self.initial_form_count()]]
            if any(row.pk is None for row in rows):
                raise BadRequest("The page names enrollments that it did not show.")
            for row in rows:
                row.is_ticked = str(row.pk) in self.ticked
            attach_clashes(rows)
            self._queryset = rows
        return made

    @cached_property
    def enrolling(self) -> EnrollingForm:
        return EnrollingForm(self.request)

    @cached_property
    def ticked(self) -> set[str]:
        return set(self.data.getlist("withdraw"))  # type: ignore[attr-defined]

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and only_shows_form(self.request):
            for form in self.forms:
                form.errors.clear()

    def clean(self) -> None:
        self.enrolling.check()
        if only_shows_form(self.request):
            return
        if self.ticked and not self.request.user.has_perm(CAN_WITHDRAW):
            raise PermissionDenied
        if self.ticked - {str(row.pk) for row in self.get_queryset()}:
            raise ValidationError(
                _("What was ticked is not on this page any more. Look at it again.")
            )
        if any(self.errors):
            return
        if isinstance(error := get_save_error(self.request), Refused):
            self._add_refusals(error)
        # Locked before the page's own row is saved, in the order of the enrollment service. Rows
        # without an id are new: nobody else can lock them.
        rows = [*self._rows_to_withdraw(), *self._rows_to_add().values()]
        locks.lock_students_and_courses(
            [row.student_id for row in rows if row.student_id],
            [row.course_id for row in rows if row.course_id],
        )

    def save(self, commit: bool = True) -> list[Enrollment]:  # noqa: FBT001, FBT002 (Django calls it)
        """Withdraw and enroll through the service. Raises Refused."""
        withdrawals = [
            EnrollmentChange(row.student_id, row.course_id, WITHDRAW)
            for row in self._rows_to_withdraw()
        ]
        additions = [
            EnrollmentChange(row.student_id, row.course_id, ENROLL, at)
            for at, row in self._rows_to_add().items()
        ]
        # Withdrawals come first: their seats can be taken by the additions.
        results = self.enrolling.write([*withdrawals, *additions])
        self.new_objects = [
            result.enrollment
            for result in results
            if result.outcome in (Outcome.CREATED, Outcome.REACTIVATED, Outcome.WAITLISTED)
        ]
        self.changed_objects = [
            (result.enrollment, ["status"])
            for result in results
            if result.outcome == Outcome.WITHDRAWN
        ]
        self.deleted_objects: list[Enrollment] = []
        add_outcome_messages(self.request, results, OUTCOMES_TO_ANNOUNCE)
        return self.new_objects

    def _rows_to_withdraw(self) -> list[Enrollment]:
        return [row for row in self.get_queryset() if str(row.pk) in self.ticked]

    def _rows_to_add(self) -> dict[Any, Enrollment]:
        """Return the rows to add by the prefix of their form."""
        rows = {form.prefix: form.instance for form in self.extra_forms if form.has_changed()}
        for row in rows.values():
            setattr(row, self.fk.name, self.instance)
        return rows

    def _add_refusals(self, refused: Refused) -> None:
        """Show each reason beside its row. Raises ValidationError, so that nothing is saved."""
        forms = {form.prefix: form for form in self.extra_forms}
        for result in refused.results:
            for reason in result.refusals:
                forms[result.change.pointer].add_error(None, reason)
        raise ValidationError(_("Nothing was saved: some of these were refused."))
