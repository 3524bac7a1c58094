"""Staff pages of a course's students: the course with its roster, and the roster as a file."""

import csv
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, DateTimeField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from courses.models import Course
from courses.staff import HISTORY_ROWS, StaffPage, read, read_edits
from students.forms import RosterFilters
from students.models import Enrollment, Status
from students.story import latest

PERMISSIONS = ["courses.view_course", "students.view_enrollment", "students.view_student"]
COLUMNS = ["number", "last_name", "first_name", "email", "status", "position", "enrolled_at"]
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class CoursePage(StaffPage):
    """One course, with its roster and what happened to it."""

    permission_required = PERMISSIONS
    template_name = "courses/course.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        course = get_object_or_404(Course.objects.select_related("term").with_seats(), pk=pk)
        filters = RosterFilters(request.GET)
        page = read(request, roster_of(course, filters))
        seated, waiting = [[row for row in page.rows if (row.status == Status.WAITLISTED) == waits] for waits in (False, True)]
        return self.page(
            course=course,
            filters=filters,
            page=page,
            groups=[group for group in (seated, waiting) if group],
            waiting=waiting,
            history=read(request, latest(course=pk), parameter="history", rows=HISTORY_ROWS),
            edits=read_edits(request, course),
        )


class RosterFile(StaffPage):
    """The roster as CSV: all its pages, narrowed as on the course's page."""

    permission_required = PERMISSIONS

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        course = get_object_or_404(Course.objects.select_related("term"), pk=pk)
        # The mark at the beginning tells spreadsheets that this is UTF-8.
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="roster-{course.pk}.csv"'
        table = csv.writer(response)
        table.writerow(COLUMNS)
        table.writerows(line_of(row) for row in roster_of(course, RosterFilters(request.GET)))
        return response


def roster_of(course: Course, filters: RosterFilters) -> QuerySet[Any]:
    """Those whom `filters` want, by name; after all others those who wait, first come first."""
    waiting_since = Case(When(status=Status.WAITLISTED, then="enrolled_at"), default=Value(NEVER), output_field=DateTimeField())
    rows = filters.narrow(Enrollment.objects.filter(course=course).select_related("student").with_position())
    roster: QuerySet[Any] = rows.annotate(waiting_since=waiting_since).order_by("waiting_since", "student__last_name", "student__first_name", "id")
    return roster


def line_of(row: Enrollment) -> list[Any]:
    student = row.student
    enrolled_at = timezone.localtime(row.enrolled_at).isoformat(timespec="seconds")
    return [_harmless(value) for value in (student.number, student.last_name, student.first_name, student.email, row.status, row.position, enrolled_at)]


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
