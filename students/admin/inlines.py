"""Enrollments on the page of one student or one course."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Case, Model, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.options import AutocompleteMixin
from students.admin.forms import EnrollmentFormSet, EnrollmentInlineForm
from students.admin.messages import status_label
from students.enrollment.permissions import CAN_WITHDRAW
from students.models import CURRENT_STATUSES, STUDENT_NAME_ORDER, Enrollment

# The most rows of a page, with those added to it: each is a form of three fields, and Django
# reads at most 1,000 fields (DATA_UPLOAD_MAX_NUMBER_FIELDS).
MAX_ROWS = 333


class EnrollmentInline(AutocompleteMixin, admin.TabularInline):  # type: ignore[type-arg]
    """The enrollments on the admin page of a student or a course."""

    model = Enrollment
    form = EnrollmentInlineForm
    formset = EnrollmentFormSet
    extra = 1
    max_num = MAX_ROWS
    readonly_fields = ["status_label", "times", "since", "withdraw"]
    order: list[str]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = [*self.autocomplete_fields, "status_label", "times", "since"]
        parent = self.admin_site.get_model_admin(self.parent_model)
        may_withdraw = request.user.has_perm(CAN_WITHDRAW) and parent.has_change_permission(
            request, obj
        )
        return [*fields, "withdraw"] if obj and may_withdraw else fields

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        ended = Case(When(status__in=CURRENT_STATUSES, then=Value(0)), default=Value(1))
        return (
            rows.select_related("student", "course__term")
            .with_position()
            .order_by(ended, *self.order, "pk")
        )

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # absolute_max refuses a request for more rows before a form is made for each of them.
        formset: Any = super().get_formset(request, obj, absolute_max=MAX_ROWS, **kwargs)
        formset.request = request
        return formset

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            # Without the links of this wrapper that add or change a student or a course.
            field.widget = field.widget.widget
        return field

    @admin.display(description=_("status"))
    def status_label(self, row: Enrollment) -> SafeString | str:
        if not row.pk:
            return ""
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:students_enrollment_change", args=[row.pk]),
            status_label(row),
        )

    @admin.display(description=_("meetings"))
    def times(self, row: Enrollment) -> SafeString | str:
        """The times of the course, and its clashes with other courses of the student."""
        if not row.pk:
            return ""
        return render_to_string(
            "students/admin/_times.html",
            {"meetings": row.course.meetings, "clashes": getattr(row, "clashes", [])},
        )

    @admin.display(description=_("enrolled at"))
    def since(self, row: Enrollment) -> str:
        return str(display_for_value(row.enrolled_at, "")) if row.pk else ""

    @admin.display(description=_("withdraw"))
    def withdraw(self, row: Enrollment) -> SafeString | str:
        if not row.pk or not row.is_current:
            return ""
        checked = " checked" if getattr(row, "is_ticked", False) else ""
        return format_html(
            '<input type="checkbox" name="withdraw" value="{}" aria-label="{}"{}>',
            row.pk,
            _("Withdraw %s") % row,
            checked,
        )


class CoursesInline(EnrollmentInline):
    """The courses of a student."""

    autocomplete_fields = ["course"]
    verbose_name = _("course")
    verbose_name_plural = _("courses")
    order = ["-course__term__starts_on", "course__code_key", "course__code"]


class RosterInline(EnrollmentInline):
    """The students of a course."""

    autocomplete_fields = ["student"]
    verbose_name = _("student")
    verbose_name_plural = _("students")
    order = list(STUDENT_NAME_ORDER)
