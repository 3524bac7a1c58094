"""The desk: find a student or a course, this term at a glance, what needs a look, what happened last."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views import View

from core.pages.forms import FilterForm
from courses.models import Course
from school.dashboard.statistics import get_statistics
from students.history.queries import attach_causes, latest_changes
from students.models import Student

VIEW = [
    "students.view_student",
    "students.view_enrollment",
    "courses.view_course",
    "courses.view_term",
]
FOUND_ROWS = 10
LATEST_ROWS = 10


class DashboardSearchForm(FilterForm):
    """One search for students and courses together."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.fields["q"].label = _("Find a student or a course")


class DashboardView(LoginRequiredMixin, View):
    """The first page. Who is signed in without a role is told so here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        shown = self.contents(request) if request.user.has_perms(VIEW) else {}
        return render(request, "school/desk.html", shown)

    def contents(self, request: HttpRequest) -> dict[str, Any]:
        filters = DashboardSearchForm(request.GET)
        return {
            "filters": filters,
            **(get_search_results(filters) if filters.valid_data.get("q") else get_overview()),
        }


def get_overview() -> dict[str, Any]:
    """What is to be seen where nothing is searched for."""
    numbers, history = get_statistics(), list(latest_changes()[:LATEST_ROWS])
    attach_causes(history)
    return {
        "glance": numbers,
        "is_old": timezone.now() - numbers.at > timedelta(minutes=1),
        "watch": get_watched_courses(numbers.watched),
        "history": history,
    }


def get_search_results(filters: FilterForm) -> dict[str, Any]:
    """What the search found: the first students and courses."""
    courses = Course.objects.select_related("term").with_seats().in_enrollment_order()
    students = Student.objects.order_by("last_name", "first_name", "id")
    return {
        "students": filters.filter_queryset(students)[:FOUND_ROWS],
        "courses": filters.filter_queryset(courses)[:FOUND_ROWS],
    }


def get_watched_courses(ids: Sequence[int]) -> list[Course]:
    """These courses with their seats of now, in this order."""
    courses = Course.objects.select_related("term").with_seats().in_bulk(ids)
    return [courses[pk] for pk in ids if pk in courses]
