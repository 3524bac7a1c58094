"""Staff pages of terms, courses and teachers. See students.pages for the page
and the changes of a course."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy

from core.names import NAME_ORDER
from core.pages.forms import PersonFilterForm
from core.pages.views import EditView, StaffListView, StaffView, paginate, paginate_history
from courses.forms import CourseFilterForm, CourseForm, TeacherForm, TermForm
from courses.models import Course, Teacher, Teaching, Term


class TermListView(StaffView):
    permission_required = ["courses.view_term"]
    template_name = "courses/term_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(page=paginate(request, Term.objects.order_by("-starts_on", "code")))


class TermCreateView(EditView):
    permission_required = ["courses.view_term", "courses.add_term"]
    queryset = Term.objects.all()
    form = TermForm
    title = gettext_lazy("New term")

    def get_success_url(self, row: Term | None) -> str:
        return reverse("term_list")


class TermEditView(TermCreateView):
    permission_required = ["courses.view_term", "courses.change_term"]
    title = gettext_lazy("Edit term")


class CourseListView(StaffListView):
    permission_required = ["courses.view_course"]
    template_name = "courses/course_list.html"
    queryset = (
        Course.objects.select_related("term")
        .with_seats()
        .order_by("-term__starts_on", "code_key", "code", "section", "id")
    )
    filters = CourseFilterForm


class CourseCreateView(EditView):
    permission_required = ["courses.view_course", "courses.add_course"]
    queryset = Course.objects.select_related("term")
    form = CourseForm
    title = gettext_lazy("New course")

    def get_success_url(self, row: Course | None) -> str:
        return reverse("course", args=[row.pk]) if row else reverse("course_list")


class TeacherListView(StaffListView):
    permission_required = ["courses.view_teacher"]
    template_name = "courses/teacher_list.html"
    queryset = Teacher.objects.order_by(*NAME_ORDER, "id")
    filters = PersonFilterForm


class TeacherView(StaffView):
    """One teacher, with the courses that they teach and taught."""

    permission_required = ["courses.view_teacher", "courses.view_course"]
    template_name = "courses/teacher.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        teacher = get_object_or_404(Teacher, pk=pk)
        teachings = Teaching.objects.filter(teacher=teacher)
        courses = (
            Course.objects.select_related("term")
            .with_seats()
            .order_by("-term__starts_on", "term__code", "code_key", "code", "section", "id")
        )
        current = teachings.current()
        return self.render(
            teacher=teacher,
            courses=courses.filter(pk__in=current.values("course")),
            primary=set(current.filter(is_primary=True).values_list("course", flat=True)),
            former=courses.filter(pk__in=teachings.exclude(ended_at=None).values("course")),
            edits=paginate_history(request, teacher),
        )


class TeacherCreateView(EditView):
    permission_required = ["courses.view_teacher", "courses.add_teacher"]
    queryset = Teacher.objects.all()
    form = TeacherForm
    title = gettext_lazy("New teacher")

    def get_success_url(self, row: Teacher | None) -> str:
        return reverse("teacher", args=[row.pk]) if row else reverse("teacher_list")


class TeacherEditView(TeacherCreateView):
    permission_required = ["courses.view_teacher", "courses.change_teacher"]
    title = gettext_lazy("Edit teacher")
