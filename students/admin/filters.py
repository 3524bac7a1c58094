"""Filters and searches of the admin's lists."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.options import TextSearchFilter
from core.db.parameters import IdList, InIdList
from core.db.search import estimated_rows, hint_most_rows_match, scans_in_order, search_filter
from courses.models import Course, Term
from students.models import Enrollment, Student

# The most ids that a query lists.
MAX_LISTED_IDS = 20_000
NO_ROWS = Q(pk__in=[])
ENROLLMENT_SEARCH_FIELDS = [
    "student__number",
    "student__first_name",
    "student__last_name",
    "student__email",
    "course__code",
    "course__title",
]


class TermOfStudentFilter(admin.SimpleListFilter):
    """Filters students by a term in which they have a current course."""

    title = _("term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(term.code, str(term)) for term in Term.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Student]) -> QuerySet[Student]:
        if self.value() is None:
            return queryset
        enrolled = Enrollment.objects.current().filter(course__term__code=self.value()).order_by()
        of_student = enrolled.filter(student=OuterRef("pk"))
        if request.GET.get(SEARCH_VAR) and enrolled[: MAX_LISTED_IDS + 1].count() > MAX_LISTED_IDS:
            # This subquery is run for each student found. For EXISTS, PostgreSQL would first read
            # all enrollments of the term.
            return queryset.filter(IsNull(Subquery(of_student.values("pk")[:1]), False))
        return queryset.filter(Exists(of_student))


class CourseOfEnrollmentFilter(TextSearchFilter):
    """Filters enrollments by a search for their course."""

    title = _("course")
    parameter_name = "in_course"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Enrollment]
    ) -> QuerySet[Enrollment]:
        if not self.text:
            return queryset
        return queryset.filter(enrollments_of("course", Course, self.text))


def enrollments_of(
    key: str, model: type[Student | Course], text: str, *, either: bool = False
) -> Q:
    """Return a condition on enrollments: their student or course, by `key`, is found by `text`.

    `either` says that the same word may also be searched in the other one. Up to MAX_LISTED_IDS
    ids are listed in the query: knowing them, the database chooses between their index and
    reading the latest enrollments until a page is full.
    """
    found: Any = model._default_manager.order_by("pk").search(text)
    if scans_in_order(found) and estimated_rows(found) > MAX_LISTED_IDS:
        if not either:
            return Q(**{f"{key}__in": found.order_by().values("pk")})
        # As one side of an OR, PostgreSQL would collect all ids of that subquery first.
        return hint_most_rows_match(search_filter(text, f"{key}__search_key"))
    ids = list(found.order_by().values_list("pk", flat=True)[: MAX_LISTED_IDS + 1])
    if not ids:
        return NO_ROWS
    if len(ids) <= MAX_LISTED_IDS:
        return Q(InIdList(key, IdList(ids)))
    return hint_most_rows_match(Exists(found.order_by().filter(pk=OuterRef(f"{key}_id"))))
