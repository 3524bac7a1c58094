"""Staff pages that withdraw students from a course, after showing what would happen."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from core.conflicts import RecordGone
from core.history.actor import Door, record_changes_as
from core.pages.addresses import MAX_IDS_IN_ADDRESS, get_local_address, keep_parameters
from core.pages.kept_forms import only_shows_form
from core.pages.views import StaffView
from courses.models import Course
from students.enrollment import service
from students.enrollment.permissions import CAN_WITHDRAW, VIEW_PAIR
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Result, Transition
from students.forms import WithdrawForm, parse_ids
from students.models import Enrollment
from students.pages.paste_box import PasteBox
from students.pages.pasted_list import Reason
from students.pages.pasted_names import StudentFinder
from students.pages.results import add_result_messages
from students.pages.rosters import get_ticked
from students.pages.undo import mark_and_tag
from students.shortcuts import withdraw_or_404

MAX_WITHDRAWALS = 1_000


class WithdrawView(StaffView):
    """Withdraws one student from one course."""

    permission_required = [CAN_WITHDRAW, *VIEW_PAIR]
    shows_sent_form = True
    template_name = "students/withdraw.html"

    def get(self, request: HttpRequest, pk: int, course_id: int) -> HttpResponse:
        return self.show(self.get_enrollment(pk, course_id), WithdrawForm())

    def post(self, request: HttpRequest, pk: int, course_id: int) -> HttpResponse:
        enrollment = self.get_enrollment(pk, course_id)
        if only_shows_form(request):
            return self.show(enrollment, WithdrawForm(initial=request.POST.dict()))
        form = WithdrawForm(request.POST)
        if not form.is_valid():
            return self.show(enrollment, form, status=422)
        with record_changes_as(Door.STAFF, request, form.cleaned_data["reason"]):
            result = withdraw_or_404(pk, course_id, form.transition)
        message = _("%(student)s was withdrawn from %(course)s.") % {
            "student": enrollment.student,
            "course": enrollment.course,
        }
        messages.success(request, message, extra_tags=mark_and_tag(request, [result]))
        return redirect(self.get_back_url(enrollment))

    def get_enrollment(self, student_id: int, course_id: int) -> Enrollment:
        """Return the current enrollment of the pair. Raises RecordGone where there is none."""
        enrollments = Enrollment.objects.current().select_related("student", "course__term")
        enrollment = enrollments.filter(student__pk=student_id, course__pk=course_id).first()
        if enrollment is None:
            raise RecordGone
        return enrollment

    def show(
        self, enrollment: Enrollment, form: WithdrawForm, *, status: int = 200
    ) -> HttpResponse:
        return self.render(
            status=status,
            enrollment=enrollment,
            form=form,
            promoted=preview_promotions(get_changes([enrollment])),
            back=self.get_back_url(enrollment),
        )

    def get_back_url(self, enrollment: Enrollment) -> str:
        """Return the address of the page that links to this one."""
        page = reverse("student", args=[enrollment.student_id])
        if self.request.GET.get("from") == "course":
            page = reverse("course", args=[enrollment.course_id])
        return get_local_address(self.request.GET.get("next", ""), page)


class WithdrawTickedView(StaffView):
    """Withdraws the enrollments that are ticked on a list, after showing what would happen."""

    permission_required = [CAN_WITHDRAW, *VIEW_PAIR]
    shows_sent_form = True
    # The name of the list's ticks, and its other parameters: a withdrawal returns to them.
    ticks: ClassVar[str]
    list_query: ClassVar[Sequence[str]]

    def withdraw(self, enrollments: Sequence[Enrollment], form: WithdrawForm) -> list[Result]:
        """Withdraw all `enrollments` or raise an error. `form` is valid."""
        with record_changes_as(Door.STAFF, self.request, form.cleaned_data["reason"]):
            return service.apply_changes(get_changes(enrollments, form.transition))

    def render_confirmation(
        self,
        data: QueryDict,
        enrollments: Sequence[Enrollment],
        form: WithdrawForm,
        *,
        list_address: str,
        status: int = 200,
        **context: Any,
    ) -> HttpResponse:
        """Render what the withdrawal of `enrollments` would do. `data` has the ticks."""
        # The search, order and page of the list are in the address or, with many ticks, posted.
        list_data = data if "cursor" in data else self.request.GET.copy()
        if list_data is not data:
            list_data.setlist(self.ticks, data.getlist(self.ticks))
        kept = list(self.list_query)
        if len(enrollments) <= MAX_IDS_IN_ADDRESS:
            kept.append(self.ticks)
        query = keep_parameters(list_data, self.list_query)
        return self.render(
            status=status,
            rows=enrollments,
            form=form,
            promoted=preview_promotions(get_changes(enrollments)),
            **({} if enrollments else {"form_id": ""}),
            action=self.request.path + query,
            check_address=f"{self.request.path}?do=check{query.replace('?', '&', 1)}",
            back=list_address + keep_parameters(list_data, kept),
            **context,
        )

    def redirect_to_list(self, list_address: str) -> HttpResponse:
        """Redirect to the page of the list from which the enrollments were withdrawn."""
        return redirect(list_address + keep_parameters(self.request.GET, self.list_query))


class RosterWithdrawView(WithdrawTickedView):
    """Withdraws several students from one course."""

    template_name = "students/roster_withdraw.html"
    ticks = "students"
    list_query = ("q", "status", "order", "as_of", "cursor")
    box: PasteBox

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(pk, self.add_pasted(pk, request.GET), WithdrawForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        data = self.add_pasted(pk, request.POST)
        if only_shows_form(request):
            return self.show(pk, data, WithdrawForm(initial=data.dict()))
        form = WithdrawForm(data)
        chosen = data.getlist("students")
        is_new = len(chosen) > len(request.POST.getlist("students"))
        enrollments = self.get_chosen(pk, data)
        if not form.is_valid() or not enrollments or is_new:
            # Whom the list adds was not shown yet.
            return self.show(pk, data, form, status=422)
        results = self.withdraw(enrollments, form)
        add_result_messages(request, enrollments[0].course, results, "student")
        if not self.box.problems:
            return self.redirect_to_list(reverse("course", args=[pk]))
        # The lines that are to be corrected stay in the box.
        data.setlist("students", [])
        return self.show(pk, data, WithdrawForm(initial=data.dict()))

    def add_pasted(self, course_id: int, sent: QueryDict) -> QueryDict:
        """Return a copy of `sent` in which the pasted students are chosen. Sets `box`.

        A student without a current enrollment in the course is a problem of the list.
        """
        data = sent.copy()
        self.box = PasteBox.read(data, StudentFinder())
        enrolled = {row.student_id for row in get_ticked(course_id, list(self.box.sources))}
        self.box.leave_out(
            [pk for pk in self.box.sources if pk not in enrolled], Reason.NOT_ENROLLED
        )
        self.box.add_to(data, "students")
        return data

    def get_chosen(self, course_id: int, data: QueryDict) -> list[Enrollment]:
        """Return the current enrollments of the ticked students, at most MAX_WITHDRAWALS."""
        return get_ticked(course_id, parse_ids(data.getlist("students"))[:MAX_WITHDRAWALS])

    def show(
        self, course_id: int, data: QueryDict, form: WithdrawForm, *, status: int = 200
    ) -> HttpResponse:
        courses = Course.objects.select_related("term").with_seats()
        return self.render_confirmation(
            data,
            self.get_chosen(course_id, data),
            form,
            list_address=reverse("course", args=[course_id]),
            status=status,
            course=get_object_or_404(courses, pk=course_id),
            box=self.box,
        )


def get_changes(
    enrollments: Iterable[Enrollment], transition: Transition = WITHDRAW
) -> list[EnrollmentChange]:
    return [EnrollmentChange(row.student_id, row.course_id, transition) for row in enrollments]


def preview_promotions(changes: Sequence[EnrollmentChange]) -> list[Enrollment]:
    """Return the enrollments that `changes` would promote from a waitlist. Writes nothing."""
    with service.collect_promotions() as promoted:
        service.apply_changes(changes, validate_only=True)
    return promoted
