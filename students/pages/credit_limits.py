"""Staff pages of the credit limits of one student."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from core.conflicts import RecordGone
from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from core.pages.forms import EditForm
from core.pages.kept_forms import only_shows_form
from core.pages.views import HISTORY_ROWS, EditView, StaffView, paginate
from students.enrollment import locks
from students.forms import CreditLimitForm, ReasonForm
from students.models import CreditLimit, Student

VIEW = ["students.view_student", "students.view_creditlimit"]


class CreditLimitListView(StaffView):
    """The credit limits of one student, and their history."""

    permission_required = VIEW
    template_name = "students/credit_limits.html"

    def get(self, request: HttpRequest, student_id: int) -> HttpResponse:
        student = get_object_or_404(Student, pk=student_id)
        records = CreditLimit.history.filter(student=student_id).select_related("term")
        return self.render(
            student=student,
            limits=CreditLimit.objects.filter(student=student_id).select_related("term"),
            history=paginate(
                request, records.order_by("-history_id"), parameter="history", rows=HISTORY_ROWS
            ),
        )


class CreditLimitCreateView(EditView):
    permission_required = [*VIEW, "students.add_creditlimit"]
    queryset = CreditLimit.objects.select_related("student", "term")
    form = CreditLimitForm
    title = _("New credit limit")

    def get_object(self, queryset: Any, key: dict[str, Any]) -> CreditLimit:
        student = super().get_object(Student.objects.all(), {"pk": key["student_id"]})
        return CreditLimit(student=student)

    def render(self, *, status: int = 200, **context: Any) -> HttpResponse:
        # A new limit has no name yet.
        row = context["row"] or context["form"].instance.student
        return super().render(status=status, **{**context, "row": row})

    @atomic_with_reruns
    def save(self, key: dict[str, Any]) -> tuple[EditForm, bool]:
        # The locks of students come before all others. Their waitlists move with the limit.
        locks.lock_students_and_courses([key["student_id"]], ())
        return super().save(key)

    def get_success_url(self, row: CreditLimit | None) -> str:
        return reverse("credit_limits", args=[self.kwargs["student_id"]])


class CreditLimitEditView(CreditLimitCreateView):
    permission_required = [*VIEW, "students.change_creditlimit"]
    title = _("Credit limit")

    def get_object(self, queryset: Any, key: dict[str, Any]) -> CreditLimit:
        limit: CreditLimit = EditView.get_object(self, queryset, key)
        return limit


class CreditLimitRemoveView(StaffView):
    """Removes a credit limit, so that the one of the term holds again."""

    permission_required = [*VIEW, "students.delete_creditlimit"]
    template_name = "students/credit_limit_remove.html"
    shows_sent_form = True

    def get(self, request: HttpRequest, student_id: int, pk: int) -> HttpResponse:
        return self.show(self.get_limit(student_id, pk), ReasonForm())

    def post(self, request: HttpRequest, student_id: int, pk: int) -> HttpResponse:
        if only_shows_form(request):
            form = ReasonForm(initial=request.POST.dict())
            return self.show(self.get_limit(student_id, pk), form)
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self.show(self.get_limit(student_id, pk), form, status=422)
        with record_changes_as(Door.STAFF, request, form.cleaned_data["reason"]):
            name = self.remove(student_id, pk)
        messages.success(request, __("%(row)s was removed.") % {"row": name})
        return redirect("credit_limits", student_id)

    @atomic_with_reruns
    def remove(self, student_id: int, pk: int) -> str:
        """Remove the limit. Return its name. Raises RecordGone."""
        # The locks of students come before all others. Their waitlists move with the limit.
        locks.lock_students_and_courses([student_id], ())
        limit = self.get_limit(student_id, pk)
        name = str(limit)
        limit.delete()
        return name

    def get_limit(self, student_id: int, pk: int) -> CreditLimit:
        """Return the limit. Raises RecordGone where there is none."""
        limits = CreditLimit.objects.select_related("student", "term")
        limit = limits.filter(student__pk=student_id, pk=pk).first()
        if limit is None:
            raise RecordGone
        return limit

    def show(self, limit: CreditLimit, form: ReasonForm, *, status: int = 200) -> HttpResponse:
        back = reverse("credit_limits", args=[limit.student_id])
        return self.render(status=status, limit=limit, form=form, back=back)
