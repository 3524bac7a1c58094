"""Staff pages that enroll one student in several courses, or several students in one course."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from core.history.actor import Door, record_changes_as
from core.names import NAME_ORDER
from core.pages.addresses import get_local_address
from core.pages.forms import FilterForm, PersonFilterForm
from core.pages.kept_forms import only_shows_form
from core.pages.views import StaffView, paginate
from courses.forms import CourseFilterForm
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.clashes import Clash, PairFacts, find_pair_facts
from students.enrollment.other_courses import Load
from students.enrollment.permissions import CAN_ADD, CAN_OVERRIDE, VIEW_PAIR
from students.enrollment.rules import Refusal
from students.enrollment.transitions import EnrollmentChange, Outcome, Refused, Result
from students.forms import AssociationForm, parse_ids
from students.models import COUNTED_STATUSES, Enrollment, Status, Student
from students.pages.paste_box import PasteBox
from students.pages.pasted_names import CourseFinder, NameFinder, StudentFinder
from students.pages.results import (
    SkippedResult,
    add_result_messages,
    result_label,
    result_message,
    skip_full_courses,
)
from students.similar_names import find_similar_names

CHOICES_PER_PAGE = 20


@dataclass(frozen=True)
class Choice:
    """A row of the form: a course or student, its enrollment if there is one, and its result."""

    row: Course | Student
    enrollment: Enrollment | None
    chosen: bool
    result: Result | None
    facts: PairFacts

    @property
    def clashes(self) -> list[Clash]:
        """The clashes with courses of the student, unless the result names them."""
        codes = {reason.code for reason in self.result.refusals} if self.result else set()
        return [] if Refusal.TIME_CONFLICT in codes or self.is_settled else self.facts.clashes

    @property
    def is_waiting(self) -> bool:
        return self.enrollment is not None and self.enrollment.status == Status.WAITLISTED

    @property
    def is_settled(self) -> bool:
        """Whether enrolling the row would change nothing, whatever is overridden."""
        return (
            not self.chosen
            and self.enrollment is not None
            and self.enrollment.status in (Status.ACTIVE, Status.COMPLETED)
        )

    @property
    def outcome(self) -> str:
        """The outcome in words; empty where nothing was checked."""
        return result_label(self.result) if self.result else ""


class AssociationView(StaffView):
    """The association form: search, choose across searches and pages, enroll all or nothing.

    The parent is the student or course of the path; the choices are rows of the other model.
    """

    permission_required = [CAN_ADD, *VIEW_PAIR]
    shows_sent_form = True
    # The foreign key of an enrollment that the path gives, and the one that the form chooses.
    parent_key: ClassVar[str]
    choice_key: ClassVar[str]
    parents: ClassVar[QuerySet[Any]]
    filters: ClassVar[type[FilterForm]]
    nothing_chosen: ClassVar[Promise]
    box: PasteBox

    @property
    def field(self) -> str:
        return f"{self.choice_key}s"

    @property
    def choices(self) -> QuerySet[Any]:
        """All rows that can be chosen, those that are probably wanted first."""
        raise NotImplementedError

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        parent = get_object_or_404(self.parents, pk=pk)
        return self.check(parent, self.add_pasted(request.GET))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        parent = get_object_or_404(self.parents, pk=pk)
        if any(request.POST.getlist("override")) and not self.may_override:
            raise PermissionDenied
        data = self.add_pasted(request.POST)
        if only_shows_form(request):
            return self.check(parent, data)
        is_partial = request.GET.get("do") == "part"
        form = self.get_form(data, sent=True)
        can_be_saved = form.is_valid() and (is_partial or not self.box.problems)
        try:
            with record_changes_as(Door.STAFF, request, form.reason_given):
                changes, skipped = self.get_changes(pk, form)
                # A form with errors is only checked: the page shows the outcomes beside them.
                results = service.apply_changes(
                    changes,
                    form.options,
                    all_or_nothing=not is_partial,
                    validate_only=not can_be_saved,
                )
        except Refused as error:
            return self.show(parent, data, form, [*error.results, *skipped], status=422)
        if not can_be_saved:
            return self.show(parent, data, form, [*results, *skipped], status=422)
        refused = [result for result in results if result.refusals]
        done = [result for result in results if not result.refusals]
        add_result_messages(request, parent, done, self.choice_key)
        self.add_skipped_message(parent, skipped)
        if not refused and not self.box.problems:
            return redirect(self.get_back_address(parent, data))
        data.setlist(self.field, [str(self.get_choice_id(result)) for result in refused])
        # What was refused, and the lines of the list that are to be corrected, stay in the form.
        return self.show(parent, data, self.get_form(data, sent=False), refused)

    def check(self, parent: Model, data: QueryDict) -> HttpResponse:
        """Show the form as filled in so far, with the outcomes of the chosen rows."""
        sent_form = self.get_form(data, sent=True)
        sent_form.is_valid()
        options = sent_form.options
        if not self.may_override:
            options = replace(options, override=())
        results: list[Result] = []
        if sent_form.ids:
            changes = [self.get_change(parent.pk, choice_id) for choice_id in sent_form.ids]
            results = service.apply_changes(changes, options, validate_only=True)
        if sent_form.skips_full:
            results = skip_full_courses(results)
        # The form shown is not bound: what is not filled in yet is no error.
        return self.show(parent, data, self.get_form(data, sent=False), results)

    def get_changes(
        self, parent_id: int, form: AssociationForm
    ) -> tuple[list[EnrollmentChange], list[Result]]:
        """Return the changes to make, and the results left out because their course is full."""
        changes = [self.get_change(parent_id, choice_id) for choice_id in form.ids]
        if not form.skips_full:
            return changes, []
        previewed = service.apply_changes(changes, form.options, validate_only=True)
        results = skip_full_courses(previewed)
        skipped: list[Result] = [result for result in results if isinstance(result, SkippedResult)]
        others = [result.change for result in results if not isinstance(result, SkippedResult)]
        return others, skipped

    def add_skipped_message(self, parent: Model, skipped: Sequence[Result]) -> None:
        if skipped:
            rows = self.choices.filter(pk__in=map(self.get_choice_id, skipped))
            names = list(map(str, rows))
            message = result_message(parent, result_label(skipped[0]), names)
            messages.warning(self.request, message)

    def add_pasted(self, sent: QueryDict) -> QueryDict:
        """Return a copy of `sent` in which the pasted rows are chosen. Sets `box`."""
        data = sent.copy()
        self.box = PasteBox.read(data, self.get_finder(data))
        self.box.add_to(data, self.field)
        return data

    def get_finder(self, data: QueryDict) -> NameFinder:
        """Return the finder of the choices that a pasted list names."""
        raise NotImplementedError

    def find_similar_names(self, text: str) -> list[str]:
        """Return names to search for where `text` finds no choice."""
        return []

    @property
    def may_override(self) -> bool:
        return self.request.user.has_perm(CAN_OVERRIDE)

    def get_form(self, data: QueryDict, *, sent: bool) -> AssociationForm:
        return AssociationForm(self.field, data, sent=sent, nothing_chosen=self.nothing_chosen)

    def show(
        self,
        parent: Model,
        data: QueryDict,
        form: AssociationForm,
        results: Sequence[Result] = (),
        *,
        status: int = 200,
    ) -> HttpResponse:
        ids = parse_ids(data.getlist(self.field))
        filters = self.filters(data)
        is_refused = status != HTTPStatus.OK
        # A ticked row keeps its place in the list; only a refused form puts all of them on top.
        candidates = self.choices.exclude(pk__in=ids) if is_refused else self.choices
        page = paginate(
            self.request, filters.filter_queryset(candidates), rows=CHOICES_PER_PAGE, data=data
        )
        found = self.get_rows(parent, page.rows, ids, results)
        chosen_elsewhere = self.choices.filter(pk__in=ids).exclude(
            pk__in=[row.pk for row in page.rows]
        )
        chosen = self.get_rows(parent, chosen_elsewhere, ids, results)
        refusals = [reason for result in results for reason in result.refusals]
        if self.may_override:
            codes = {str(reason.code) for reason in refusals}
            # A waiting student is not refused, but may be given a seat by overriding.
            if any(choice.is_waiting for choice in (*chosen, *found)):
                codes.add(Refusal.COURSE_FULL)
            form.offer(codes)
        enrollments = Enrollment.objects.filter(**{self.parent_key: parent.pk})
        return self.render(
            status=status,
            filters=filters,
            form=form,
            page=page,
            chosen=chosen,
            groups=[chosen, found] if chosen else [found],
            found=found,
            similar_names=[] if page.rows else self.find_similar_names(filters.search_text),
            is_refused=is_refused,
            refusals=refusals,
            outcomes=Counter(result_label(result) for result in results).items(),
            box=self.box,
            ready=sum(1 for result in results if is_ready(result)),
            kept=len(self.box.problems) + sum(1 for result in results if result.refusals),
            messages_without_row=self.get_messages_without_row((*chosen, *found), results),
            current=enrollments.current().select_related("course__term").with_position(),
            back=self.get_back_address(parent, data),
            next=data.get("next", ""),
            **{self.parent_key: parent},
            **self.get_context(parent, (*chosen, *found)),
        )

    def get_back_address(self, parent: Model, data: QueryDict) -> str:
        page_of_parent = reverse(self.parent_key, args=[parent.pk])
        return get_local_address(data.get("next", ""), page_of_parent)

    def get_rows(
        self,
        parent: Model,
        rows: Iterable[Any],
        chosen_ids: Collection[int],
        results: Iterable[Result],
    ) -> list[Choice]:
        """Return `rows` as choices, each with the parent's enrollment in it and its result."""
        rows = list(rows)
        enrollments = Enrollment.objects.filter(
            **{self.parent_key: parent.pk, f"{self.choice_key}__in": rows}
        ).with_position()
        enrollment_by_id = {getattr(row, f"{self.choice_key}_id"): row for row in enrollments}
        result_by_id = {self.get_choice_id(result): result for result in results}
        facts = self.find_facts(parent, rows)
        return [
            Choice(
                row,
                enrollment_by_id.get(row.pk),
                row.pk in chosen_ids,
                result_by_id.get(row.pk),
                facts[row.pk],
            )
            for row in rows
        ]

    def find_facts(self, parent: Any, rows: Collection[Any]) -> dict[int, PairFacts]:
        """What each of `rows` would mean for the parent, or the parent for it, by its id."""
        raise NotImplementedError

    def get_context(self, parent: Any, choices: Collection[Choice]) -> dict[str, Any]:
        """Return more context of the page, for all `choices` that it shows."""
        return {}

    def get_messages_without_row(
        self, choices: Iterable[Choice], results: Iterable[Result]
    ) -> list[str]:
        """Return the messages of refused ids for which the page has no row."""
        shown_ids = {choice.row.pk for choice in choices}
        return [
            message
            for result in results
            if self.get_choice_id(result) not in shown_ids
            for reason in result.refusals
            for message in reason.messages
        ]

    def get_change(self, parent_id: int, choice_id: int) -> EnrollmentChange:
        ids = {self.parent_key: parent_id, self.choice_key: choice_id}
        return EnrollmentChange(ids["student"], ids["course"])

    def get_choice_id(self, result: Result) -> int:
        choice_id: int = getattr(result.change, f"{self.choice_key}_id")
        return choice_id


class StudentCoursesView(AssociationView):
    """Enrolls one student in several courses."""

    template_name = "students/student_association.html"
    parent_key, choice_key = "student", "course"
    parents = Student.objects.all()
    filters = CourseFilterForm
    nothing_chosen = gettext_lazy("Choose at least one course.")

    @property
    def choices(self) -> QuerySet[Any]:
        courses = Course.objects.select_related("term").with_seats().with_teachers()
        return courses.in_enrollment_order()

    def get_finder(self, data: QueryDict) -> NameFinder:
        return CourseFinder(data.get("term", ""))

    def find_facts(self, parent: Student, rows: Collection[Course]) -> dict[int, PairFacts]:
        facts = find_pair_facts([parent], rows)
        return {course.pk: facts[parent.pk, course.pk] for course in rows}

    def get_context(self, parent: Student, choices: Collection[Choice]) -> dict[str, Any]:
        return {"loads": find_term_loads(choices)}


class CourseStudentsView(AssociationView):
    """Enrolls several students in one course."""

    template_name = "students/course_association.html"
    parent_key, choice_key = "course", "student"
    parents = Course.objects.select_related("term").with_seats().with_teachers()
    filters = PersonFilterForm
    nothing_chosen = gettext_lazy("Choose at least one student.")

    @property
    def choices(self) -> QuerySet[Any]:
        return Student.objects.with_course_count().order_by(*NAME_ORDER, "id")

    def get_finder(self, data: QueryDict) -> NameFinder:
        return StudentFinder()

    def find_similar_names(self, text: str) -> list[str]:
        return find_similar_names(text)

    def find_facts(self, parent: Course, rows: Collection[Student]) -> dict[int, PairFacts]:
        facts = find_pair_facts(rows, [parent])
        return {student.pk: facts[student.pk, parent.pk] for student in rows}


@dataclass(frozen=True)
class LoadWithTicked:
    """A student's credits in a term with a limit, without and with the ticked courses."""

    term: Term
    load: Load
    with_ticked: Decimal


def find_term_loads(choices: Iterable[Choice]) -> list[LoadWithTicked]:
    """The loads of the terms of `choices`, which are courses, that have a limit of credits."""
    loads: dict[Term, LoadWithTicked] = {}
    for choice in choices:
        course, load = choice.row, choice.facts.load
        if not isinstance(course, Course) or load is None:
            continue
        # The load of a course that the student has is without this course.
        counted = choice.enrollment is not None and choice.enrollment.status in COUNTED_STATUSES
        taken = load.credits + (course.credits if counted else 0)
        ticked = course.credits if choice.chosen and not counted else Decimal(0)
        before = loads.get(course.term)
        with_ticked = (before.with_ticked if before else taken) + ticked
        loads[course.term] = LoadWithTicked(course.term, Load(taken, load.limit), with_ticked)
    return list(loads.values())


def is_ready(result: Result) -> bool:
    """Return whether sending the form enrolls this one or puts it on the waitlist."""
    is_done = result.refusals or result.outcome == Outcome.UNCHANGED
    return not is_done and not isinstance(result, SkippedResult)
