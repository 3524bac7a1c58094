"""Staff pages that enroll and withdraw: one student in several courses, several students in one course.

The views carry; `students.enrollment.service` decides.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.conflicts import RecordGone
from core.history.actor import Door, record_changes_as
from core.pages.forms import FilterForm
from core.pages.views import StaffView, paginate
from courses.forms import CourseFilterForm
from courses.models import Course
from students.enrollment import service
from students.enrollment.permissions import CAN_ADD, CAN_OVERRIDE, CAN_WITHDRAW, VIEW_PAIR
from students.enrollment.rules import Refusal
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Outcome, Refused, Result
from students.forms import AssociationForm, StudentFilterForm, WithdrawForm, parse_ids
from students.models import Enrollment, Status, Student
from students.pages import pasted_list
from students.pages.undo import TAG, remember_for_undo
from students.shortcuts import withdraw_or_404

CHOICE_ROWS = 20
# So many pasted names that name nothing are told one by one.
UNREAD = 50


class SkippedResult(Result):
    """What was not tried, for its course is full and the others shall be enrolled."""

    @classmethod
    def of(cls, results: Iterable[Result]) -> list[Result]:
        """`results`, those of them left out that are refused for nothing but that."""
        return [
            cls(result.change, result.outcome, result.enrollment)
            if [reason.code for reason in result.refusals] == [Refusal.COURSE_FULL]
            else result
            for result in results
        ]


@dataclass(frozen=True)
class Choice:
    """A row of the form: what can be chosen, the enrollment that there is already, and what a refused answer said of it."""

    row: Course | Student
    enrollment: Enrollment | None
    chosen: bool
    result: Result | None

    @property
    def is_waiting(self) -> bool:
        return self.enrollment is not None and self.enrollment.status == Status.WAITLISTED

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to choose: enrolling it again would change nothing, whatever is overridden."""
        return (
            not self.chosen
            and self.enrollment is not None
            and self.enrollment.status in (Status.ACTIVE, Status.COMPLETED)
        )

    @property
    def outcome(self) -> str:
        """What would become of it, in words."""
        return result_label(self.result) if self.result else ""


class AssociationView(StaffView):
    """The association form: finds what can be chosen, keeps what was chosen across searches, enrolls all of it or nothing."""

    permission_required = [CAN_ADD, *VIEW_PAIR]
    # Of the two keys of an enrollment, the one in the path and the one that is chosen.
    parent_key: ClassVar[str]
    chosen: ClassVar[str]
    parents: ClassVar[QuerySet[Any]]
    filters: ClassVar[type[FilterForm]]
    nothing_chosen: ClassVar[Promise]
    unread: Sequence[str] = ()

    @property
    def field(self) -> str:
        return f"{self.chosen}s"

    @property
    def choices(self) -> QuerySet[Any]:
        """All that can be chosen, what is likely to be looked for first."""
        raise NotImplementedError

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.check(get_object_or_404(self.parents, pk=pk), request.GET)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        subject = get_object_or_404(self.parents, pk=pk)
        if any(request.POST.getlist("override")) and not self.may_override:
            raise PermissionDenied
        data = self.with_pasted(request.POST)
        if request.GET.get("do") == "check":
            return self.check(subject, data)
        form = self.form(data, sent=True)
        ready = form.is_valid() and not self.unread
        try:
            with record_changes_as(Door.STAFF, request, form.reason_given):
                changes, left_out = self.changes(pk, form)
                # Where the form cannot be carried out, what would happen to those that could be read is shown beside its errors.
                results = service.apply_changes(changes, form.options, validate_only=not ready)
        except Refused as error:
            return self.show(subject, data, form, [*error.results, *left_out], status=422)
        if not ready:
            return self.show(subject, data, form, [*results, *left_out], status=422)
        add_result_messages(request, subject, results, self.chosen)
        self.tell_left_out(subject, left_out)
        return redirect(self.parent_key, pk)

    def check(self, subject: Model, data: QueryDict) -> HttpResponse:
        """The form as it is filled in until now, and what would happen to those that are chosen."""
        sent = self.form(data, sent=True)
        sent.is_valid()
        options = sent.options if self.may_override else replace(sent.options, override=())
        results = (
            service.apply_changes(
                [self.change(subject.pk, key) for key in sent.ids], options, validate_only=True
            )
            if sent.ids
            else []
        )
        return self.show(
            subject,
            data,
            self.form(data, sent=False),
            SkippedResult.of(results) if sent.skips_full else results,
        )

    def changes(
        self, pk: int, form: AssociationForm
    ) -> tuple[list[EnrollmentChange], list[Result]]:
        """What shall be done and, where full courses shall be skipped, what is left out for that."""
        changes = [self.change(pk, key) for key in form.ids]
        if not form.skips_full:
            return changes, []
        tried = SkippedResult.of(service.apply_changes(changes, form.options, validate_only=True))
        return (
            [result.change for result in tried if not isinstance(result, SkippedResult)],
            [result for result in tried if isinstance(result, SkippedResult)],
        )

    def tell_left_out(self, subject: Model, left_out: Sequence[Result]) -> None:
        """Says what was left out, in the words that the form has for it."""
        if left_out:
            rows = self.choices.filter(pk__in=map(self.key, left_out))
            messages.warning(
                self.request, _told(subject, result_label(left_out[0]), map(str, rows))
            )

    def with_pasted(self, sent: QueryDict) -> QueryDict:
        """What was sent, with those chosen that were pasted; what names nothing stays in the field, and is `unread`."""
        data = sent.copy()
        ids, self.unread = pasted_list.parse(
            data.get("paste", ""), lambda names: self.named(names, data)
        )
        data["paste"] = "\n".join(self.unread)
        data.setlist(self.field, list(dict.fromkeys([*data.getlist(self.field), *map(str, ids)])))
        return data

    def named(self, names: set[str], data: QueryDict) -> pasted_list.Named:
        """Those of `names` that name something to choose, each with its key."""
        raise NotImplementedError

    @property
    def may_override(self) -> bool:
        return self.request.user.has_perm(CAN_OVERRIDE)

    def form(self, data: QueryDict, *, sent: bool) -> AssociationForm:
        return AssociationForm(self.field, data, sent=sent, nothing_chosen=self.nothing_chosen)

    def show(
        self,
        subject: Model,
        data: QueryDict,
        form: AssociationForm,
        results: Sequence[Result] = (),
        *,
        status: int = 200,
    ) -> HttpResponse:
        ids = parse_ids(data.getlist(self.field))
        filters = self.filters(data)
        answered = status != HTTPStatus.OK
        # A row that is ticked stays where it was found, until the answer puts all that was chosen on top.
        page = paginate(
            self.request,
            filters.filter_queryset(self.choices.exclude(pk__in=ids if answered else [])),
            rows=CHOICE_ROWS,
        )
        found = self.rows(subject, page.rows, ids, results)
        chosen = self.rows(
            subject,
            self.choices.filter(pk__in=ids).exclude(pk__in=[row.pk for row in page.rows]),
            ids,
            results,
        )
        known = {choice.row.pk for choice in (*chosen, *found)}
        refused = [reason for result in results for reason in result.refusals]
        if self.may_override:
            # Who waits is not refused, yet may be given a seat.
            waiting = [Refusal.COURSE_FULL for choice in (*chosen, *found) if choice.is_waiting]
            form.offer({*waiting, *(str(reason.code) for reason in refused)})
        return self.render(
            status=status,
            filters=filters,
            form=form,
            page=page,
            chosen=chosen,
            groups=[chosen, found] if chosen else [found],
            found=found,
            answered=answered,
            refused=refused,
            outcomes=Counter(result_label(result) for result in results).items(),
            paste=data.get("paste", ""),
            unread=self.unread[:UNREAD],
            unread_more=len(self.unread[UNREAD:]),
            unknown=[
                message
                for result in results
                if self.key(result) not in known
                for reason in result.refusals
                for message in reason.messages
            ],
            current=Enrollment.objects.filter(**{self.parent_key: subject.pk})
            .current()
            .select_related("course__term")
            .with_position(),
            back=reverse(self.parent_key, args=[subject.pk]),
            **{self.parent_key: subject},
        )

    def rows(
        self,
        subject: Model,
        rows: Iterable[Any],
        chosen: Collection[int],
        results: Iterable[Result],
    ) -> list[Choice]:
        rows = list(rows)
        pairs = Enrollment.objects.filter(
            **{self.parent_key: subject.pk, f"{self.chosen}__in": rows}
        ).with_position()
        held = {getattr(enrollment, f"{self.chosen}_id"): enrollment for enrollment in pairs}
        by_key = {self.key(result): result for result in results}
        return [Choice(row, held.get(row.pk), row.pk in chosen, by_key.get(row.pk)) for row in rows]

    def change(self, parent_key: int, chosen: int) -> EnrollmentChange:
        keys = {self.parent_key: parent_key, self.chosen: chosen}
        return EnrollmentChange(keys["student"], keys["course"])

    def key(self, result: Result) -> int:
        key: int = getattr(result.change, f"{self.chosen}_id")
        return key


class StudentCoursesView(AssociationView):
    """Courses for one student."""

    template_name = "students/student_association.html"
    parent_key, chosen = "student", "course"
    parents = Student.objects.all()
    filters = CourseFilterForm
    nothing_chosen = gettext_lazy("Choose at least one course.")

    @property
    def choices(self) -> QuerySet[Any]:
        return Course.objects.select_related("term").with_seats().in_enrollment_order()

    def named(self, names: set[str], data: QueryDict) -> pasted_list.Named:
        return pasted_list.find_courses(names, data.get("term", ""))


class CourseStudentsView(AssociationView):
    """Students for one course."""

    template_name = "students/course_association.html"
    parent_key, chosen = "course", "student"
    parents = Course.objects.select_related("term").with_seats()
    filters = StudentFilterForm
    nothing_chosen = gettext_lazy("Choose at least one student.")

    @property
    def choices(self) -> QuerySet[Any]:
        return Student.objects.with_course_count().order_by("last_name", "first_name", "id")

    def named(self, names: set[str], data: QueryDict) -> pasted_list.Named:
        return pasted_list.find_students(names)


class WithdrawView(StaffView):
    """Ends an enrollment, after asking once."""

    permission_required = [CAN_WITHDRAW, *VIEW_PAIR]
    template_name = "students/withdraw.html"

    def get(self, request: HttpRequest, pk: int, course_id: int) -> HttpResponse:
        return self.show(self.find(pk, course_id), WithdrawForm())

    def post(self, request: HttpRequest, pk: int, course_id: int) -> HttpResponse:
        enrollment, form = self.find(pk, course_id), WithdrawForm(request.POST)
        if not form.is_valid():
            return self.show(enrollment, form, status=422)
        with record_changes_as(Door.STAFF, request, form.cleaned_data["reason"]):
            result = withdraw_or_404(pk, course_id)
        remember_for_undo(
            request, [result], [enrollment.pk] if enrollment.status == Status.WAITLISTED else []
        )
        said = _("%(student)s was withdrawn from %(course)s.") % {
            "student": enrollment.student,
            "course": enrollment.course,
        }
        messages.success(request, said, extra_tags=TAG)
        return redirect(self.back(enrollment))

    def find(self, pk: int, course_id: int) -> Enrollment:
        current = Enrollment.objects.current().select_related("student", "course__term")
        found = current.filter(student__pk=pk, course__pk=course_id).first()
        if found is None:
            raise RecordGone
        return found

    def show(
        self, enrollment: Enrollment, form: WithdrawForm, *, status: int = 200
    ) -> HttpResponse:
        promoted = preview_promotions(
            [EnrollmentChange(enrollment.student_id, enrollment.course_id, WITHDRAW)]
        )
        return self.render(
            status=status,
            enrollment=enrollment,
            form=form,
            promoted=promoted,
            back=self.back(enrollment),
        )

    def back(self, enrollment: Enrollment) -> str:
        """The page that the link to this one was on."""
        if self.request.GET.get("from") == "course":
            return reverse("course", args=[enrollment.course_id])
        return reverse("student", args=[enrollment.student_id])


def add_result_messages(
    request: HttpRequest,
    subject: Model,
    results: Sequence[Result],
    named: str,
    waited: Collection[int] = (),
) -> None:
    """Says, by outcome, what became of each of `results`, by the name of its student or its course, and remembers it; `waited` as for `remember`."""
    tag = TAG if remember_for_undo(request, results, waited) else ""
    by_outcome: dict[tuple[Outcome, str], list[str]] = {}
    for result in results:
        by_outcome.setdefault((result.outcome, result_label(result)), []).append(
            str(getattr(result.enrollment, named))
        )
    for (outcome, words), names in by_outcome.items():
        level = messages.INFO if outcome == Outcome.UNCHANGED else messages.SUCCESS
        messages.add_message(request, level, _told(subject, words, names), extra_tags=tag)
        # One button for all.
        tag = ""


def _told(subject: Model, outcome: str, names: Iterable[str]) -> str:
    return _("%(subject)s, %(outcome)s: %(names)s.") % {
        "subject": subject,
        "outcome": outcome,
        "names": ", ".join(names),
    }


def result_label(result: Result) -> str:
    """What became of it, or would, with the place on the waitlist."""
    if isinstance(result, SkippedResult):
        return _("left out because the course is full")
    label = str(result.outcome.label)
    if result.outcome != Outcome.WAITLISTED or result.enrollment is None:
        return label
    return _("%(outcome)s, place %(position)d") % {
        "outcome": label,
        "position": result.enrollment.position,
    }


def preview_promotions(changes: Sequence[EnrollmentChange]) -> list[Enrollment]:
    """Whom `changes` would move up from a waitlist."""
    with service.collect_promotions() as promoted:
        service.apply_changes(changes, validate_only=True)
    return promoted
