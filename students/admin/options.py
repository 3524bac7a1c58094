"""The admin of students and enrollments, and of courses with their rosters."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core.admin.options import HistoryAdmin, HistoryModelAdmin
from core.names import NAME_ORDER
from courses.admin import CourseAdmin
from courses.models import Course
from students.admin.actions import EnrollInCoursesAction, EnrollStudentsAction, WithdrawAction
from students.admin.filters import (
    ENROLLMENT_SEARCH_FIELDS,
    NO_ROWS,
    CourseOfEnrollmentFilter,
    TermOfStudentFilter,
    enrollments_of,
)
from students.admin.forms import OUTCOMES_TO_ANNOUNCE, CourseWithStudentsForm, EnrollmentForm
from students.admin.inlines import CoursesInline, RosterInline
from students.admin.messages import add_outcome_messages, status_label
from students.course_forms import ACCEPT_CLASHES
from students.enrollment import locks
from students.enrollment.permissions import (
    CAN_ADD,
    CAN_WITHDRAW,
    TRANSITIONS,
    transition_to,
)
from students.enrollment.transitions import ENROLL, EnrollmentChange, Outcome
from students.models import CreditLimit, Enrollment, Status, Student
from students.similar_names import find_similar_names

# Registered again with the roster: the app `courses` knows nothing about enrollments.
admin.site.unregister(Course)


@admin.register(Course)
class CourseWithStudentsAdmin(CourseAdmin):
    form = CourseWithStudentsForm
    inlines = [RosterInline]
    actions = ["enroll_students"]
    change_form_template = "students/admin/change_form_with_enrollments.html"

    def get_fields(self, request: HttpRequest, obj: Course | None = None) -> Any:
        fields = super().get_fields(request, obj)
        changes = obj is not None and self.has_change_permission(request, obj)
        return [*fields, ACCEPT_CLASHES] if changes else fields

    def has_enroll_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([CAN_ADD, "students.view_student"])

    @admin.action(description=_("Enroll students…"), permissions=["enroll"])
    def enroll_students(
        self, request: HttpRequest, queryset: QuerySet[Course]
    ) -> HttpResponse | None:
        return EnrollStudentsAction(self, request, queryset).respond()


class NameSearchChangeList(ChangeList):
    """Offers names one letter away where a search finds nobody."""

    def get_similar_names(self) -> list[tuple[str, str]]:
        """Return each name with the address of the list in which it is searched."""
        names = [] if self.result_count else find_similar_names(self.query)
        return [(name, self.get_query_string({SEARCH_VAR: name}, [PAGE_VAR])) for name in names]


class StudentChangeList(NameSearchChangeList):
    """Sorts by name as all lists of students do."""

    def get_ordering_field(self, field_name: Any) -> Any:
        return "name_key" if field_name == "last_name" else super().get_ordering_field(field_name)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        ordering = super().get_ordering(request, queryset)
        if ordering[0] not in ("name_key", "-name_key"):
            return ordering
        sign = "" if ordering[0] == "name_key" else "-"
        return [*(sign + name for name in NAME_ORDER), f"{sign}pk"]


@admin.register(Student)
class StudentAdmin(HistoryModelAdmin):
    list_display = ["number", "last_name", "first_name", "email", "course_count", "is_active"]
    list_display_links = ["number", "last_name"]
    list_filter = ["is_active", TermOfStudentFilter]
    # Only the columns that have an index in this order. See StudentChangeList.
    sortable_by = ["number", "last_name"]
    search_fields = ["number", "first_name", "last_name", "email"]
    fields = [("number", "is_active"), ("first_name", "last_name"), "email"]
    inlines = [CoursesInline]
    actions = ["enroll"]
    change_form_template = "students/admin/change_form_with_enrollments.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_course_count()

    @admin.display(description=_("active courses"))
    def course_count(self, student: Student) -> int:
        return student.course_count

    def has_enroll_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([CAN_ADD, "courses.view_course"])

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return StudentChangeList

    @admin.action(description=_("Enroll in…"), permissions=["enroll"])
    def enroll(self, request: HttpRequest, queryset: QuerySet[Student]) -> HttpResponse | None:
        return EnrollInCoursesAction(self, request, queryset).respond()


@admin.register(CreditLimit)
class CreditLimitAdmin(HistoryModelAdmin):
    list_display = ["student", "term", "max_credits", "reason"]
    list_filter = ["term"]
    list_select_related = ["student", "term"]
    sortable_by = ()
    search_fields = ["student__number", "student__last_name", "reason"]
    autocomplete_fields = ["student"]
    fields = ["student", "term", "max_credits", "reason"]


@admin.register(Enrollment)
class EnrollmentAdmin(HistoryAdmin):
    form = EnrollmentForm
    list_display = ["student", "course", "status_label", "enrolled_at"]
    list_filter = ["status", "course__term", CourseOfEnrollmentFilter]
    sortable_by = ()
    list_select_related = ["student", "course__term"]
    search_fields = ENROLLMENT_SEARCH_FIELDS
    autocomplete_fields = ["student", "course"]
    actions = ["withdraw"]
    change_form_template = "students/admin/enrollment_change_form.html"

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return NameSearchChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Enrollment], search_term: str
    ) -> tuple[QuerySet[Enrollment], bool]:
        words = search_term.replace("\0", "").split()
        of_courses = {word: enrollments_of("course", Course, word, either=True) for word in words}
        # A word that no course has must be one of the student: searched together, such words find
        # fewer students.
        others = " ".join(word for word in words if of_courses[word] == NO_ROWS)
        for word, of_course in of_courses.items():
            if of_course != NO_ROWS:
                queryset = queryset.filter(
                    enrollments_of("student", Student, word, either=True) | of_course
                )
        if others:
            queryset = queryset.filter(enrollments_of("student", Student, others))
        return queryset, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        rows: Any = super().get_queryset(request)
        return rows.select_related("student", "course__term").with_position()  # type: ignore[no-any-return]

    def get_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        if obj is None:
            return ["student", "course"]
        return [
            "student",
            "course",
            "status",
            *(["place"] if obj.position else []),
            "enrolled_at",
            "updated_at",
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        return ["student", "course", "place", "enrolled_at", "updated_at"] if obj else []

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the latest first; with a filter by term or course, by course.

        Filtered enrollments are read from the index of their course, which has no order of time.
        """
        of_courses = (
            request.GET.get("course__term__id__exact")
            or request.GET.get(CourseOfEnrollmentFilter.parameter_name, "").strip()
        )
        return ["course_id", "-pk"] if of_courses else ["-pk"]

    @admin.display(description=_("status"))
    def status_label(self, row: Enrollment) -> str:
        return status_label(row)

    @admin.display(description=_("place on the waitlist"))
    def place(self, row: Enrollment) -> int | None:
        return row.position

    def has_change_permission(self, request: HttpRequest, obj: Enrollment | None = None) -> bool:
        return any(
            request.user.has_perm(permission) for permission, _transition in TRANSITIONS.values()
        )

    def has_delete_permission(self, request: HttpRequest, obj: Enrollment | None = None) -> bool:
        return False

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CAN_WITHDRAW)

    def save_model(
        self,
        request: HttpRequest,
        obj: Enrollment,
        form: EnrollmentForm,
        change: bool,  # noqa: FBT001 (Django calls it)
    ) -> None:
        """Save the status through the enrollment service. Raises Refused."""
        if change and "status" not in form.changed_data:
            return
        if change:
            locks.lock_students_and_courses([obj.student_id], [obj.course_id])
            form.check_conflicts(Enrollment.objects.filter(pk=obj.pk).first())
        transition = transition_to(Status(obj.status), request.user) if change else ENROLL
        [result] = form.enrolling.write(
            [EnrollmentChange(obj.student_id, obj.course_id, transition)]
        )
        assert result.enrollment is not None
        obj.pk, obj.is_unchanged = result.enrollment.pk, result.outcome == Outcome.UNCHANGED  # type: ignore[attr-defined]
        add_outcome_messages(request, [result], OUTCOMES_TO_ANNOUNCE)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if is_unchanged(obj) else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if is_unchanged(obj) else super().log_change(request, obj, message)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return (
            self.response_post_save_add(request, obj)
            if is_unchanged(obj)
            else super().response_add(request, obj, post_url_continue)
        )

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return (
            self.response_post_save_change(request, obj)
            if is_unchanged(obj)
            else super().response_change(request, obj)
        )

    @admin.action(
        description=_("Withdraw selected students from their courses"), permissions=["withdraw"]
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Enrollment]) -> HttpResponse | None:
        return WithdrawAction(self, request, queryset).respond()


def is_unchanged(row: Enrollment) -> bool:
    """Return whether the enrollment service had nothing to change."""
    return getattr(row, "is_unchanged", False)
