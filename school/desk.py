"""The desk: find a student or a course, this term at a glance, what needs a look, what happened last."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Count, F, Q, QuerySet
from django.db.models.lookups import GreaterThanOrEqual
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views import View

from courses.forms import Filters
from courses.models import Course, Term
from students.models import Enrollment, Status, Student
from students.story import latest

VIEW = ["students.view_student", "students.view_enrollment", "courses.view_course", "courses.view_term"]
FOUND_ROWS = 10
LATEST_ROWS = 10
TERMS = 3
# Courses with at least this share of their seats taken need a look.
NEARLY_FULL_PERCENT = 90


class Finder(Filters):
    """One search for students and courses together."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.fields["q"].label = _("Find a student or a course")


class Desk(LoginRequiredMixin, View):
    """The first page. Who is signed in without a role is told so here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        shown = self.contents(request) if request.user.has_perms(VIEW) else {}
        return render(request, "school/desk.html", shown)

    def contents(self, request: HttpRequest) -> dict[str, Any]:
        filters = Finder(request.GET)
        return {
            "filters": filters,
            **found(filters),
            "terms": running_terms(),
            "watch": nearly_full(),
            "history": latest()[:LATEST_ROWS],
        }


def found(filters: Filters) -> dict[str, Any]:
    """What the search found: the first students and courses."""
    if not filters.wanted.get("q"):
        return {}
    courses = Course.objects.select_related("term").with_seats().order_by("-term__starts_on", "code", "id")
    students = Student.objects.order_by("last_name", "first_name", "id")
    return {"students": filters.narrow(students)[:FOUND_ROWS], "courses": filters.narrow(courses)[:FOUND_ROWS]}


def running_terms() -> list[dict[str, Any]]:
    """The terms that run today, each with its numbers."""
    today = timezone.localdate()
    terms = Term.objects.filter(starts_on__lte=today, ends_on__gte=today).order_by("-starts_on", "code")[:TERMS]
    enrollments = Enrollment.objects.filter(course__term__in=[term.pk for term in terms]).order_by()
    active = Q(status=Status.ACTIVE)
    numbers = enrollments.values("course__term").annotate(
        students=Count("student", filter=active, distinct=True),
        taken=Count("pk", filter=active),
        waiting=Count("pk", filter=Q(status=Status.WAITLISTED)),
    )
    by_term = {row["course__term"]: row for row in numbers}
    return [{"term": term, "students": 0, "taken": 0, "waiting": 0, **by_term.get(term.pk, {})} for term in terms]


def nearly_full() -> QuerySet[Course]:
    """Courses of terms that are not over which are nearly full or have somebody waiting, the longest waitlist first."""
    courses = Course.objects.filter(term__ends_on__gte=timezone.localdate()).select_related("term").with_seats()
    nearly = GreaterThanOrEqual(F("taken") * 100, F("capacity") * NEARLY_FULL_PERCENT)
    tight = Q(nearly, capacity__gt=0) | Q(waiting__gt=0)
    return courses.filter(tight).order_by(F("waiting").desc(), F("capacity") - F("taken"), "pk")[:FOUND_ROWS]
