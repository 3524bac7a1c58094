"""Filters and searches of the admin's lists."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.options import (
    TextSearchFilter,
)
from core.db.parameters import IdList, InIdList
from core.db.search import estimated_rows, hint_most_rows_match, scans_in_order, word_prefix_filter
from courses.models import Course, Term
from students.models import Enrollment, Student

# So many keys are named in a question.
LISTED = 20_000
NONE = Q(pk__in=[])
ENROLLMENT_SEARCH_FIELDS = [
    "student__number",
    "student__first_name",
    "student__last_name",
    "student__email",
    "course__code",
    "course__title",
]


class TermOfStudentFilter(admin.SimpleListFilter):
    """Students by a term in which they have a course now."""

    title = _("term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(term.code, str(term)) for term in Term.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Student]) -> QuerySet[Student]:
        if self.value() is None:
            return queryset
        enrolled = Enrollment.objects.current().filter(course__term__code=self.value()).order_by()
        of_student = enrolled.filter(student=OuterRef("pk"))
        if request.GET.get(SEARCH_VAR) and enrolled[: LISTED + 1].count() > LISTED:
            # Asked of each student who is found, whom PostgreSQL would else look for among all who are enrolled.
            return queryset.filter(IsNull(Subquery(of_student.values("pk")[:1]), False))
        return queryset.filter(Exists(of_student))


class CourseOfEnrollmentFilter(TextSearchFilter):
    """Enrollments by their course."""

    title = _("course")
    parameter_name = "in_course"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Enrollment]
    ) -> QuerySet[Enrollment]:
        return (
            queryset.filter(enrollments_of("course", Course, self.text)) if self.text else queryset
        )


def enrollments_of(
    key: str, model: type[Student | Course], text: str, *, either: bool = False
) -> Q:
    """Enrollments of a student or a course that is found by `text`. Unless these are very many they are named: a database that knows
    them goes by their index, or along the latest until a page is full, whichever is shorter."""
    found: Any = model._default_manager.order_by("pk").search(text)
    if scans_in_order(found) and estimated_rows(found) > LISTED:
        # Where it is one of two ways to be found, PostgreSQL would collect all of them.
        fields = [field for field in ENROLLMENT_SEARCH_FIELDS if field.startswith(key)]
        return (
            hint_most_rows_match(word_prefix_filter(text, fields))
            if either
            else Q(**{f"{key}__in": found.order_by().values("pk")})
        )
    keys = list(found.order_by().values_list("pk", flat=True)[: LISTED + 1])
    if len(keys) <= LISTED:
        return Q(InIdList(key, IdList(keys))) if keys else NONE
    return hint_most_rows_match(Exists(found.order_by().filter(pk=OuterRef(f"{key}_id"))))
