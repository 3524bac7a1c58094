"""The desk, the first page after signing in.

It has a search, statistics of the running terms, courses that need attention, and the latest
changes.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views import View

from core.names import NAME_ORDER
from core.pages.forms import FilterForm
from courses.models import Course, Term
from school.dashboard.statistics import MAX_CONFLICTS, MAX_COUNTED, get_statistics
from students.history.queries import attach_causes, latest_changes
from students.models import Enrollment, Status, Student
from students.pages.undo import attach_undo_tokens
from students.similar_names import find_similar_names

PERMISSIONS = [
    "students.view_student",
    "students.view_enrollment",
    "courses.view_course",
    "courses.view_term",
]
MAX_RESULTS = 10
MAX_CHANGES = 10


class DashboardSearchForm(FilterForm):
    """One search field for students and courses."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.fields["q"].label = _("Find a student or a course")


class DashboardView(LoginRequiredMixin, View):
    """The desk. A user without PERMISSIONS gets a page that says that a role is missing."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context: dict[str, Any] = {}
        if request.user.has_perms(PERMISSIONS):
            filters = DashboardSearchForm(request.GET)
            is_search = bool(filters.valid_data.get("q"))
            context = get_search_results(filters) if is_search else get_overview()
            context["filters"] = filters
            attach_undo_tokens(context.get("history", []), request.user)
        return render(request, "school/desk.html", context)


def get_overview() -> dict[str, Any]:
    """Return the context of the desk without a search."""
    statistics = get_statistics()
    history = list(latest_changes()[:MAX_CHANGES])
    attach_causes(history)
    return {
        "statistics": statistics,
        "is_old": timezone.now() - statistics.at > timedelta(minutes=1),
        "watch": get_watched_courses(statistics.watched),
        "doubled": get_by_student(statistics.doubled),
        "clashing": get_by_student(statistics.clashing),
        "over_limit": get_over_limit(statistics.over_limit),
        "max_conflicts": MAX_CONFLICTS,
        "open_prerequisites": statistics.open_prerequisites,
        "max_counted": MAX_COUNTED,
        "history": history,
    }


def get_search_results(filters: FilterForm) -> dict[str, Any]:
    """Return the first students and courses that match the search."""
    courses = Course.objects.select_related("term").with_seats().in_enrollment_order()
    students = Student.objects.order_by(*NAME_ORDER, "id")
    found = list(filters.filter_queryset(students)[:MAX_RESULTS])
    return {
        "students": found,
        "similar_names": [] if found else find_similar_names(filters.search_text),
        "courses": filters.filter_queryset(courses)[:MAX_RESULTS],
    }


def get_watched_courses(ids: Sequence[int]) -> list[Course]:
    """Return the courses with these ids, with their present seats, in the order of `ids`."""
    courses = Course.objects.select_related("term").with_seats().in_bulk(ids)
    return [courses[pk] for pk in ids if pk in courses]


def get_by_student(ids: Sequence[int]) -> list[tuple[Student, list[Enrollment]]]:
    """Return the enrollments with these ids that are still active, by student.

    A student of whom only one is left is left out.
    """
    rows = Enrollment.objects.filter(pk__in=ids, status=Status.ACTIVE)
    ordered = rows.select_related("student", "course__term").order_by("student", "course")
    groups = [
        (student, list(of_student))
        for student, of_student in groupby(ordered, lambda row: row.student)
    ]
    return [(student, of_student) for student, of_student in groups if len(of_student) > 1]


def get_over_limit(ids: Sequence[tuple[int, int]]) -> list[tuple[Student, Term]]:
    """Return the students and terms with these pairs of ids that still exist."""
    students = Student.objects.in_bulk({student for student, _term in ids})
    terms = Term.objects.in_bulk({term for _student, term in ids})
    return [
        (students[student], terms[term])
        for student, term in ids
        if student in students and term in terms
    ]
