"""Staff pages of students: the list, one student with courses and history, the form."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.db.keyset import Page
from core.pages.views import HISTORY_ROWS, ListPage, RecordPage, StaffPage, read, read_edits
from students.forms import AsOf, StudentFilters, StudentForm
from students.history.queries import latest, tell_causes
from students.models import CURRENT, Enrollment, Student


def read_history(request: HttpRequest, **of: object) -> Page[Any]:
    """The page of what happened to the enrollments `of` a student or a course that the query names, latest first."""
    page = read(request, latest(**of), parameter="history", rows=HISTORY_ROWS)
    tell_causes(page.rows)
    return page


class StudentList(ListPage):
    permission_required = ["students.view_student"]
    template_name = "students/student_list.html"
    queryset = Student.objects.with_course_count().order_by("last_name", "first_name", "id")
    filters = StudentFilters


class StudentNew(RecordPage):
    permission_required = ["students.view_student", "students.add_student"]
    queryset = Student.objects.all()
    form = StudentForm
    title = _("New student")

    def address_of(self, row: Student | None) -> str:
        return reverse("student", args=[row.pk]) if row else reverse("student_list")


class StudentEdit(StudentNew):
    permission_required = ["students.view_student", "students.change_student"]
    title = _("Edit student")


class StudentPage(StaffPage):
    """One student, with the courses term by term and what happened to them."""

    permission_required = ["students.view_student", "students.view_enrollment"]
    template_name = "students/student.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        student = get_object_or_404(Student, pk=pk)
        enrollments = (
            Enrollment.objects.filter(student=pk).select_related("course__term").with_position()
        )
        filters = AsOf(request.GET)
        by_term = filters.narrow(enrollments).order_by(
            "-course__term__starts_on", "course__term__code", "course__code"
        )
        return self.page(
            student=student,
            filters=filters,
            current=[row for row in by_term if row.status in CURRENT],
            ended=[row for row in by_term if row.status not in CURRENT],
            history=read_history(request, student=pk),
            edits=read_edits(request, student),
        )
