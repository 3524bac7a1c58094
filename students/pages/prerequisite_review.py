"""Staff pages that review enrollments of a term whose prerequisites are not completed yet."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from core.pages.kept_forms import only_shows_form
from core.pages.views import StaffView, get_row_or_404, paginate
from courses.models import Term
from students.enrollment.conflicts import filter_with_open_prerequisites
from students.enrollment.other_courses import OtherCourses
from students.enrollment.permissions import CAN_WITHDRAW, VIEW_PAIR
from students.enrollment.prerequisites import find_open
from students.forms import PrerequisiteReviewFilterForm, WithdrawForm, parse_ids
from students.models import STUDENT_NAME_ORDER, Enrollment
from students.pages.results import add_result_messages
from students.pages.ticks import Ticks
from students.pages.withdrawals import MAX_WITHDRAWALS, WithdrawTickedView
from students.similar_names import find_similar_names

COURSE_ORDER = ("course__code_key", "course__code", "course__section")
ORDERS = {
    "course": (*COURSE_ORDER, *STUDENT_NAME_ORDER),
    "student": (*STUDENT_NAME_ORDER, "student_id", *COURSE_ORDER),
    "enrolled": ("-enrolled_at",),
}
# The name of the boxes that tick enrollments.
TICKS = "enrollments"


class PrerequisiteReviewView(StaffView):
    """The enrollments of a term whose prerequisites are not completed yet."""

    permission_required = VIEW_PAIR
    template_name = "students/prerequisite_review.html"
    shows_sent_form = True

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        return self.show(request, code, request.GET)

    def post(self, request: HttpRequest, code: str) -> HttpResponse:
        """Show the page; its form is posted when it has too many ticks for an address."""
        return self.show(request, code, request.POST)

    def show(self, request: HttpRequest, code: str, data: QueryDict) -> HttpResponse:
        term = get_row_or_404(Term.objects.all(), code=code)
        filters = PrerequisiteReviewFilterForm(data)
        order = ORDERS.get(filters.valid_data.get("order") or "", ORDERS["course"])
        rows = filters.filter_queryset(get_open_enrollments(term)).order_by(*order, "id")
        page = paginate(request, rows, data=data)
        withdrawable = request.user.has_perm(CAN_WITHDRAW)
        ticks = Ticks.read(data, TICKS) if withdrawable else Ticks(TICKS)
        ticked = get_ticked(term, ticks.ids, exclude=[row.pk for row in page.rows])
        attach_open_requirements([*ticked, *page.rows])
        return self.render(
            form_id="review",
            term=term,
            filters=filters,
            page=page,
            cursor=data.get("cursor", ""),
            groups=[group for group in (ticked, page.rows) if group],
            similar_names=[] if page.rows else find_similar_names(filters.search_text),
            ticked=ticked,
            ticks=ticks,
            withdrawable=withdrawable,
        )


class PrerequisiteWithdrawView(WithdrawTickedView):
    """Withdraws several enrollments whose prerequisites are not completed yet."""

    template_name = "students/prerequisite_withdraw.html"
    ticks = TICKS
    list_query = ("q", "order", "cursor")

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        return self.show(code, request.GET, WithdrawForm())

    def post(self, request: HttpRequest, code: str) -> HttpResponse:
        if only_shows_form(request):
            return self.show(code, request.POST, WithdrawForm(initial=request.POST.dict()))
        term = get_row_or_404(Term.objects.all(), code=code)
        form = WithdrawForm(request.POST)
        enrollments = self.get_chosen(term, request.POST)
        if not form.is_valid() or not enrollments:
            return self.show(code, request.POST, form, status=422)
        add_result_messages(request, term, self.withdraw(enrollments, form))
        return self.redirect_to_list(reverse("prerequisite_review", args=[code]))

    def get_chosen(self, term: Term, data: QueryDict) -> list[Enrollment]:
        """Return the ticked enrollments, at most MAX_WITHDRAWALS.

        Those whose prerequisites are completed by now are left out.
        """
        return get_ticked(term, parse_ids(data.getlist(TICKS))[:MAX_WITHDRAWALS])

    def show(
        self, code: str, data: QueryDict, form: WithdrawForm, *, status: int = 200
    ) -> HttpResponse:
        term = get_row_or_404(Term.objects.all(), code=code)
        enrollments = self.get_chosen(term, data)
        attach_open_requirements(enrollments)
        address = reverse("prerequisite_review", args=[code])
        return self.render_confirmation(
            data, enrollments, form, list_address=address, status=status, term=term
        )


def get_open_enrollments(term: Term) -> QuerySet[Enrollment]:
    rows = Enrollment.objects.select_related("student", "course__term")
    return filter_with_open_prerequisites(rows, term)


def get_ticked(term: Term, ids: Sequence[int], *, exclude: Sequence[int] = ()) -> list[Enrollment]:
    """Return those of the enrollments that are to be reviewed, without those in `exclude`."""
    if not ids:
        return []
    rows = get_open_enrollments(term).filter(pk__in=ids).exclude(pk__in=exclude)
    return list(rows.order_by(*ORDERS["course"], "id"))


def attach_open_requirements(enrollments: Sequence[Any]) -> None:
    """Set `open_requirements` on each enrollment: what the student has not completed."""
    others = OtherCourses()
    students = {row.student_id for row in enrollments}
    others.read_all(students, [row.course for row in enrollments], {})
    for row in enrollments:
        row.open_requirements = find_open(
            row.course,
            completed=others.find_completed(row.student, row.course),
            taken=others.find_taken(row.student, row.course),
        )
