"""Staff pages of a course's roster: on the course's page, on paper and as a CSV file."""

import csv
from collections.abc import Sequence
from typing import Any

from django.db.models import BigIntegerField, Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _

from core.db.keyset import Page
from core.pages.views import HISTORY_ROWS, StaffView, paginate, paginate_history
from courses.meetings import export_meetings
from courses.models import Course
from courses.teacher_history import describe_teacher_change, teacher_changes
from students.enrollment.permissions import CAN_WITHDRAW, VIEW_PAIR
from students.forms import RosterFilterForm
from students.models import STUDENT_NAME_ORDER, WAITLIST_NUMBER, Enrollment, Status
from students.pages.students import paginate_enrollment_history
from students.pages.ticks import Ticks
from students.similar_names import find_similar_names

COLUMNS = [
    "number",
    "last_name",
    "first_name",
    "email",
    "status",
    "position",
    "enrolled_at",
    "teachers",
    "meetings",
]
COURSES = Course.objects.select_related("term").with_seats().with_teachers()
# Spreadsheets read a cell that begins with one of these as a formula. The last four are the first
# four in full width, as Chinese and Japanese keyboards type them.
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# A longer roster is cut on paper; the CSV file has all rows.
MAX_PRINTED_ROWS = 5_000
ORDERS = {
    "name": STUDENT_NAME_ORDER,
    "number": ("student__number",),
    "enrolled": ("-enrolled_at",),
}
# Sorts before every waiting student.
NOT_WAITING = 0


class CourseView(StaffView):
    """One course, with its roster and its history."""

    permission_required = VIEW_PAIR
    template_name = "students/course.html"
    shows_sent_form = True

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, pk, request.GET)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the page; the roster's form is posted when it has too many ticks for an address."""
        return self.show(request, pk, request.POST)

    def show(self, request: HttpRequest, pk: int, data: QueryDict) -> HttpResponse:
        course = get_object_or_404(COURSES, pk=pk)
        filters = RosterFilterForm(data)
        page = paginate(request, get_roster(course, filters), data=data)
        waiting = [row for row in page.rows if row.status == Status.WAITLISTED]
        others = [row for row in page.rows if row.status != Status.WAITLISTED]
        is_of_today = not filters.valid_data.get("as_of")
        withdrawable = is_of_today and request.user.has_perm(CAN_WITHDRAW)
        ticks = Ticks.read(data, "students") if withdrawable else Ticks("students")
        ticked = get_ticked(course.pk, ticks.ids, exclude=[row.pk for row in page.rows])
        return self.render(
            form_id="roster",
            course=course,
            filters=filters,
            page=page,
            cursor=data.get("cursor", ""),
            groups=[group for group in (ticked, others, waiting) if group],
            similar_names=[] if page.rows else find_similar_names(filters.search_text, course),
            ticked=ticked,
            ticks=ticks,
            waiting=waiting,
            withdrawable=withdrawable,
            history=paginate_enrollment_history(request, course=pk),
            edits=paginate_history(request, course),
            sections=course.other_sections().with_seats().with_teachers(),
            teachings=paginate_teacher_history(request, course),
        )


def paginate_teacher_history(request: HttpRequest, course: Course) -> Page[Any]:
    """Return one page of the changes of a course's teachers, latest first."""
    changes = teacher_changes(course)
    page = paginate(request, changes, parameter="teachings", rows=HISTORY_ROWS)
    for record in page.rows:
        record.sentence = describe_teacher_change(record)
    return page


def get_ticked(
    course_id: int, student_ids: Sequence[int], *, exclude: Sequence[int] = ()
) -> list[Enrollment]:
    """Return the current enrollments of these students by name, without those in `exclude`."""
    if not student_ids:
        return []
    enrollments = Enrollment.objects.filter(course=course_id, student__in=student_ids)
    enrollments = enrollments.exclude(pk__in=exclude).current().with_position()
    return list(
        enrollments.select_related("student", "course__term").order_by(*STUDENT_NAME_ORDER, "pk")
    )


class WholeRosterView(StaffView):
    """All pages of the roster as one document, with the filters of the course's page.

    Filters that cannot be read are answered with 400: the document has no form to show an error.
    """

    permission_required = VIEW_PAIR

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        course = get_object_or_404(COURSES, pk=pk)
        filters = RosterFilterForm(request.GET)
        if not filters.is_valid():
            return self.respond_with_errors(filters)
        return self.show(course, filters)

    def show(self, course: Course, filters: RosterFilterForm) -> HttpResponse:
        raise NotImplementedError

    def respond_with_errors(self, filters: RosterFilterForm) -> HttpResponse:
        errors = [
            f"{filters[name].label}: {message}"
            for name, messages in filters.errors.items()
            for message in messages
        ]
        problem = {
            "status": 400,
            "title": _("The address asks for what cannot be read"),
            "detail": " ".join(errors),
        }
        return render(self.request, "school/problem.html", {"problem": problem}, status=400)


class RosterCsvView(WholeRosterView):
    """The roster as a CSV file."""

    def show(self, course: Course, filters: RosterFilterForm) -> HttpResponse:
        # Spreadsheets need the byte order mark to read the file as UTF-8.
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="roster-{course.pk}.csv"'
        writer = csv.writer(response)
        writer.writerow(COLUMNS)
        # The same in every row.
        of_course = [
            "; ".join(teaching.teacher.name for teaching in course.current_teachings),
            export_meetings(course.meetings),
        ]
        writer.writerows(csv_row(row, of_course) for row in get_roster(course, filters))
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


def get_roster(course: Course, filters: RosterFilterForm) -> QuerySet[Any]:
    """Return the enrollments that `filters` select, in their order; waiting students come last.

    The waiting students keep the order of the waitlist, whatever the filters sort by.
    """
    place = Case(
        When(status=Status.WAITLISTED, then=WAITLIST_NUMBER),
        default=Value(NOT_WAITING),
        output_field=BigIntegerField(),
    )
    enrollments = Enrollment.objects.filter(course=course).select_related("student")
    rows = filters.filter_queryset(enrollments.with_position())
    order = ORDERS.get(filters.valid_data.get("order") or "", ORDERS["name"])
    roster: QuerySet[Any] = rows.annotate(place=place).order_by("place", *order, "id")
    return roster


def csv_row(enrollment: Enrollment, of_course: Sequence[str]) -> list[Any]:
    """Return the cells of one row, in the order of COLUMNS. Those `of_course` come last."""
    student = enrollment.student
    enrolled_at = timezone.localtime(enrollment.enrolled_at)
    cells = [
        student.number,
        student.last_name,
        student.first_name,
        student.email,
        enrollment.status,
        enrollment.position,
        enrolled_at.isoformat(timespec="seconds"),
        *of_course,
    ]
    return [_escape_formula(cell) for cell in cells]


def _escape_formula(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(FORMULA_PREFIXES):
        return f"'{cell}"
    return cell
