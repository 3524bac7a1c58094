"""Staff pages of terms and courses: lists and forms. See students.pages for rosters."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from core.history.models import HistoryModel
from core.pages.views import EditView, StaffListView, StaffView, paginate
from courses.forms import CourseFilterForm, CourseForm, TermForm
from courses.messages import warn_if_over_capacity
from courses.models import Course, Term


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


class CourseEditView(CourseCreateView):
    permission_required = ["courses.view_course", "courses.change_course"]
    title = gettext_lazy("Edit course")

    def add_warnings(self, row: HistoryModel) -> None:
        warn_if_over_capacity(self.request, row.pk)
