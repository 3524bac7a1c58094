"""Filters of the API's lists of students and enrollments."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from core.api.filters import (
    BooleanFilter,
    EmailFilter,
    IdFilter,
    OrderFilter,
    SearchFilter,
    TextFilter,
    TrueFilter,
)
from core.api.parameters import InvalidParameter
from core.datetime_fields import IsoLocalTimeField
from core.db.search import search_filter
from core.names import NAME_ORDER
from courses.filters import TermFilter
from courses.models import Term
from students.enrollment import change_feed
from students.enrollment.conflicts import (
    filter_clashing,
    filter_doubled,
    filter_over_limit,
    filter_with_open_prerequisites,
)
from students.history.queries import as_of
from students.models import CURRENT_STATUSES, Enrollment, Status, Student

MISTAKES_HELP = (
    "`true`: only enrollments that were entered by mistake, which are left out otherwise."
)


class StatusFilter(filters.ChoiceFilter):
    """A status; `current` (active or waitlisted) or `all`."""

    def __init__(self) -> None:
        super().__init__(choices=[*Status.choices, ("current", "current"), ("all", "all")])

    def filter(self, queryset: Any, status: str) -> Any:
        if status in ("", "all"):
            return queryset
        return queryset.filter(status__in=CURRENT_STATUSES if status == "current" else [status])


class StudentSearchFilter(SearchFilter):
    def filter(self, queryset: Any, text: str) -> Any:
        return queryset.filter(search_filter(text, "student__search_key")) if text else queryset


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.DateTimeFilter):
    """A time in ISO 8601; without an offset it is in the school's time zone."""

    field_class = IsoLocalTimeField


class CurrentFilterSet(filters.FilterSet):
    """Current enrollments unless `status` says otherwise; with `as_of`, as they were then."""

    # This filter comes first, so that the others see the rows as they were at that time.
    as_of = MomentFilter(method="at")
    status = StatusFilter()
    by_mistake = BooleanFilter(help_text=MISTAKES_HELP)

    def filter_queryset(self, queryset: QuerySet[Enrollment]) -> QuerySet[Any]:
        self.form.cleaned_data["status"] = self.form.cleaned_data["status"] or "current"
        self.form.cleaned_data["by_mistake"] = self.form.cleaned_data["by_mistake"] or False
        found: QuerySet[Any] = super().filter_queryset(queryset)
        return found

    def at(self, queryset: QuerySet[Enrollment], _name: str, moment: datetime) -> QuerySet[Any]:
        return as_of(moment, queryset).order_by("id")


class ConflictFilter(TrueFilter):
    """The rows that `find` leaves for the term of the parameter `term`, which is then needed."""

    def __init__(self, find: Callable[[Any, Term], QuerySet[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find = find

    def filter(self, queryset: Any, value: str) -> Any:
        if not value:
            return queryset
        term = self.parent.form.cleaned_data["term"]
        if term is None:
            raise InvalidParameter({"term": [_("This parameter is needed here.")]}, code="required")
        return self.find(queryset, term)


class StudentFilterSet(filters.FilterSet):
    ordering = OrderFilter("id", "number", ("last_name", *NAME_ORDER), "email")
    search = SearchFilter()
    number = TextFilter(help_text="Exactly this number.")
    email = EmailFilter(help_text="Exactly this email, without case.")
    is_active = BooleanFilter()
    course = IdFilter(method="in_course")
    term = TermFilter(method="in_term")
    over_credit_limit = ConflictFilter(
        filter_over_limit,
        help_text="Only those who take more credits in `term` than they may, unless overridden.",
    )

    class Meta:
        model = Student
        fields: list[str] = []

    def in_course(self, queryset: QuerySet[Student], _name: str, course: int) -> QuerySet[Student]:
        return self.enrolled(queryset, course=course)

    def in_term(self, queryset: QuerySet[Student], _name: str, term: Term) -> QuerySet[Student]:
        return self.enrolled(queryset, course__term=term)

    def enrolled(self, queryset: QuerySet[Student], **where: object) -> QuerySet[Student]:
        return queryset.filter(
            Exists(Enrollment.objects.current().filter(student=OuterRef("pk"), **where))
        )


class StudentCourseFilterSet(CurrentFilterSet):
    """Filters of one student's courses."""

    term = TermFilter(field_name="course__term")

    class Meta:
        model = Enrollment
        fields: list[str] = []


class RosterFilterSet(CurrentFilterSet):
    """Filters of one course's students."""

    search = StudentSearchFilter()

    class Meta:
        model = Enrollment
        fields: list[str] = []


class EnrollmentFilterSet(filters.FilterSet):
    student = IdFilter()
    student_number = TextFilter(
        field_name="student__number", help_text="Exactly this number of the student."
    )
    course = IdFilter()
    term = TermFilter(field_name="course__term")
    status = StatusFilter()
    updated_since = MomentFilter(method="since")
    clashing = ConflictFilter(
        filter_clashing,
        help_text="Only active ones in courses of `term` that meet at the same time as another "
        "one of the student, unless overridden.",
    )
    doubled = ConflictFilter(
        filter_doubled,
        help_text="Only active ones in courses of `term` of which the student takes another "
        "section at the same time, unless overridden.",
    )
    prerequisite_open = ConflictFilter(
        filter_with_open_prerequisites,
        help_text="Only active ones in courses of `term` with a prerequisite that the student has "
        "not completed yet, unless overridden. The student may take it at present.",
    )

    class Meta:
        model = Enrollment
        fields: list[str] = []

    def since(
        self, queryset: QuerySet[Enrollment], _name: str, moment: object
    ) -> QuerySet[Enrollment]:
        return queryset.filter(change_feed.safe_to_read(), updated_at__gte=moment).order_by(
            "updated_at", "id"
        )
