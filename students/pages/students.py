"""Staff pages of students: the list, one student with courses and history, the form."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.keyset import Page
from core.names import NAME_ORDER
from core.pages.forms import PersonFilterForm
from core.pages.views import (
    HISTORY_ROWS,
    EditView,
    StaffListView,
    StaffView,
    paginate,
    paginate_history,
)
from students.forms import StudentCoursesFilterForm, StudentForm
from students.history.queries import attach_causes, latest_changes
from students.models import CURRENT_STATUSES, CreditLimit, Enrollment, Student
from students.pages.undo import attach_undo_tokens
from students.pages.week import find_weeks, sum_loads
from students.similar_names import find_similar_names


def paginate_enrollment_history(request: HttpRequest, **filters: object) -> Page[Any]:
    """Return one page of enrollment changes, latest first.

    `filters` select the enrollments, for example `student=7`; the query string names the page.
    """
    page = paginate(request, latest_changes(**filters), parameter="history", rows=HISTORY_ROWS)
    attach_causes(page.rows)
    attach_undo_tokens(page.rows, request.user)
    return page


class StudentListView(StaffListView):
    permission_required = ["students.view_student"]
    template_name = "students/student_list.html"
    queryset = Student.objects.with_course_count().order_by(*NAME_ORDER, "id")
    filters = PersonFilterForm

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = self.filters(request.GET)
        page = paginate(request, filters.filter_queryset(self.queryset))
        similar_names = [] if page.rows else find_similar_names(filters.search_text)
        return self.render(filters=filters, page=page, similar_names=similar_names)


class StudentCreateView(EditView):
    permission_required = ["students.view_student", "students.add_student"]
    queryset = Student.objects.all()
    form = StudentForm
    title = _("New student")

    def get_success_url(self, row: Student | None) -> str:
        return reverse("student", args=[row.pk]) if row else reverse("student_list")


class StudentEditView(StudentCreateView):
    permission_required = ["students.view_student", "students.change_student"]
    title = _("Edit student")


class StudentView(StaffView):
    """One student, with the courses of each term and their history."""

    permission_required = ["students.view_student", "students.view_enrollment"]
    template_name = "students/student.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        student = get_object_or_404(Student, pk=pk)
        enrollments = (
            Enrollment.objects.filter(student=pk).select_related("course__term").with_position()
        )
        filters = StudentCoursesFilterForm(request.GET)
        by_term = filters.filter_queryset(enrollments).order_by(
            "-course__term__starts_on", "course__term__code", "course__code"
        )
        current = [row for row in by_term if row.status in CURRENT_STATUSES]
        limits = CreditLimit.objects.filter(student=pk).select_related("term")
        return self.render(
            student=student,
            filters=filters,
            current=current,
            loads=sum_loads(by_term, {limit.term_id: limit for limit in limits}),
            limits=limits if request.user.has_perm("students.view_creditlimit") else [],
            weeks=find_weeks(current, timezone.localdate()),
            ended=[row for row in by_term if row.status not in CURRENT_STATUSES],
            history=paginate_enrollment_history(request, student=pk),
            edits=paginate_history(request, student),
        )
