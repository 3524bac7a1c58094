"""Staff pages of the catalogue: lists and forms of terms and courses."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from core.history.models import Recorded
from core.pages.views import ListPage, RecordPage, StaffPage, read
from courses.forms import CourseFilters, CourseForm, TermForm
from courses.messages import warn_if_over
from courses.models import Course, Term


class TermList(StaffPage):
    permission_required = ["courses.view_term"]
    template_name = "courses/term_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(page=read(request, Term.objects.order_by("-starts_on", "code")))


class TermNew(RecordPage):
    permission_required = ["courses.view_term", "courses.add_term"]
    queryset = Term.objects.all()
    form = TermForm
    title = gettext_lazy("New term")

    def address_of(self, row: Term | None) -> str:
        return reverse("term_list")


class TermEdit(TermNew):
    permission_required = ["courses.view_term", "courses.change_term"]
    title = gettext_lazy("Edit term")


class CourseList(ListPage):
    permission_required = ["courses.view_course"]
    template_name = "courses/course_list.html"
    queryset = (
        Course.objects.select_related("term")
        .with_seats()
        .order_by("-term__starts_on", "code", "id")
    )
    filters = CourseFilters


class CourseNew(RecordPage):
    permission_required = ["courses.view_course", "courses.add_course"]
    queryset = Course.objects.select_related("term")
    form = CourseForm
    title = gettext_lazy("New course")

    def address_of(self, row: Course | None) -> str:
        return reverse("course", args=[row.pk]) if row else reverse("course_list")


class CourseEdit(CourseNew):
    permission_required = ["courses.view_course", "courses.change_course"]
    title = gettext_lazy("Edit course")

    def warn(self, row: Recorded) -> None:
        warn_if_over(self.request, row.pk)
