"""Staff pages of a course's students: the course with its roster, and the roster as a file."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, DateTimeField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.history.actor import Door, record_changes_as
from core.pages.views import PAGE_ROWS, StaffView, paginate, paginate_history
from courses.models import Course
from students.enrollment import service
from students.enrollment.permissions import CAN_WITHDRAW, VIEW_PAIR
from students.enrollment.transitions import WITHDRAW, EnrollmentChange
from students.forms import RosterFilterForm, WithdrawForm, parse_ids
from students.models import Enrollment, Status
from students.pages.association import add_result_messages, preview_promotions
from students.pages.students import paginate_enrollment_history

COLUMNS = ["number", "last_name", "first_name", "email", "status", "position", "enrolled_at"]
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# More do not go on paper; the file has them all.
MAX_PRINTED_ROWS = 300
ORDERS = {
    "name": ("student__last_name", "student__first_name"),
    "number": ("student__number",),
    "enrolled": ("-enrolled_at",),
}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class CourseView(StaffView):
    """One course, with its roster and what happened to it."""

    permission_required = VIEW_PAIR
    template_name = "students/course.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        course = get_object_or_404(Course.objects.select_related("term").with_seats(), pk=pk)
        filters = RosterFilterForm(request.GET)
        page = paginate(request, get_roster(course, filters))
        seated, waiting = [
            [row for row in page.rows if (row.status == Status.WAITLISTED) == waits]
            for waits in (False, True)
        ]
        return self.render(
            course=course,
            filters=filters,
            page=page,
            groups=[group for group in (seated, waiting) if group],
            waiting=waiting,
            withdrawable=request.user.has_perm(CAN_WITHDRAW)
            and not filters.valid_data.get("as_of"),
            history=paginate_enrollment_history(request, course=pk),
            edits=paginate_history(request, course),
        )


class WholeRosterView(StaffView):
    """All pages of the roster as one, narrowed as on the course's page. What cannot be read of that is refused, for there is no field to say so beside."""

    permission_required = VIEW_PAIR

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        course = get_object_or_404(Course.objects.select_related("term").with_seats(), pk=pk)
        filters = RosterFilterForm(request.GET)
        return self.show(course, filters) if filters.is_valid() else self.refuse(filters)

    def show(self, course: Course, filters: RosterFilterForm) -> HttpResponse:
        raise NotImplementedError

    def refuse(self, filters: RosterFilterForm) -> HttpResponse:
        wrong = " ".join(
            f"{filters[name].label}: {message}"
            for name, messages in filters.errors.items()
            for message in messages
        )
        problem = {
            "status": 400,
            "title": _("The address asks for what cannot be read"),
            "detail": wrong,
        }
        return render(self.request, "school/problem.html", {"problem": problem}, status=400)


class RosterCsvView(WholeRosterView):
    """The roster as CSV."""

    def show(self, course: Course, filters: RosterFilterForm) -> HttpResponse:
        # The mark at the beginning tells spreadsheets that this is UTF-8.
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="roster-{course.pk}.csv"'
        table = csv.writer(response)
        table.writerow(COLUMNS)
        table.writerows(csv_row(row) for row in get_roster(course, filters))
        return response


class RosterPrintView(WholeRosterView):
    """The roster on paper."""

    template_name = "students/roster_sheet.html"

    def show(self, course: Course, filters: RosterFilterForm) -> HttpResponse:
        rows = get_roster(course, filters)[: MAX_PRINTED_ROWS + 1]
        return self.render(
            course=course,
            filters=filters,
            rows=rows[:MAX_PRINTED_ROWS],
            is_cut=len(rows) > MAX_PRINTED_ROWS,
        )


class RosterWithdrawView(StaffView):
    """Withdraws several students from a course, after showing what will happen."""

    permission_required = [CAN_WITHDRAW, *VIEW_PAIR]
    template_name = "students/roster_withdraw.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(pk, self.chosen(pk, request.GET), WithdrawForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows, form = self.chosen(pk, request.POST), WithdrawForm(request.POST)
        if not form.is_valid() or not rows:
            return self.show(pk, rows, form, status=422)
        with record_changes_as(Door.STAFF, request, form.cleaned_data["reason"]):
            results = service.withdraw((row.student_id, pk) for row in rows)
        add_result_messages(
            request,
            rows[0].course,
            results,
            "student",
            [row.pk for row in rows if row.status == Status.WAITLISTED],
        )
        return redirect("course", pk)

    def chosen(self, pk: int, data: QueryDict) -> list[Enrollment]:
        """The current enrollments of those that are ticked, one page of the roster at most."""
        ids = parse_ids(data.getlist("students"))[:PAGE_ROWS]
        rows = (
            Enrollment.objects.filter(course=pk, student__in=ids)
            .current()
            .with_position()
            .select_related("student", "course__term")
        )
        return list(rows.order_by("student__last_name", "student__first_name", "pk"))

    def show(
        self, pk: int, rows: Sequence[Enrollment], form: WithdrawForm, *, status: int = 200
    ) -> HttpResponse:
        course = get_object_or_404(Course.objects.select_related("term").with_seats(), pk=pk)
        promoted = preview_promotions(
            [EnrollmentChange(row.student_id, pk, WITHDRAW) for row in rows]
        )
        return self.render(
            status=status,
            course=course,
            rows=rows,
            form=form,
            promoted=promoted,
            back=reverse("course", args=[pk]),
        )


def get_roster(course: Course, filters: RosterFilterForm) -> QuerySet[Any]:
    """Those whom `filters` want, by name or as they want; after all others those who wait, first come first."""
    waiting_since = Case(
        When(status=Status.WAITLISTED, then="enrolled_at"),
        default=Value(NEVER),
        output_field=DateTimeField(),
    )
    rows = filters.filter_queryset(
        Enrollment.objects.filter(course=course).select_related("student").with_position()
    )
    order = ORDERS.get(filters.valid_data.get("order") or "", ORDERS["name"])
    roster: QuerySet[Any] = rows.annotate(waiting_since=waiting_since).order_by(
        "waiting_since", *order, "id"
    )
    return roster


def csv_row(row: Enrollment) -> list[Any]:
    student = row.student
    enrolled_at = timezone.localtime(row.enrolled_at).isoformat(timespec="seconds")
    return [
        _escape_formula(value)
        for value in (
            student.number,
            student.last_name,
            student.first_name,
            student.email,
            row.status,
            row.position,
            enrolled_at,
        )
    ]


def _escape_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
