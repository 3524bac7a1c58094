"""The staff page that changes a course, which some students take."""

from django.utils.translation import gettext_lazy

from core.history.models import HistoryModel
from courses.forms import CourseForm
from courses.messages import warn_if_over_capacity
from courses.views import CourseCreateView
from students.course_forms import ClashConfirmationForm


class CourseWithStudentsForm(ClashConfirmationForm, CourseForm):
    """The form of a course, in which clashes that new times would cause must be accepted."""


class CourseEditView(CourseCreateView):
    permission_required = ["courses.view_course", "courses.change_course"]
    form = CourseWithStudentsForm
    title = gettext_lazy("Edit course")

    def add_warnings(self, row: HistoryModel) -> None:
        warn_if_over_capacity(self.request, row.pk)
