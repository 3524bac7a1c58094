"""Students and enrollments in Django's admin. The pages carry; `students.enrollment.service` decides and writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Case, Exists, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.lookups import IsNull
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.options import ChangesForm, HistoryAdmin, KeyAdmin, RecordedAdmin, SearchFilter, late_error
from core.db.parameters import Among, Listed
from core.db.search import beginning, expected, is_soon_met, likely
from core.history.models import Door, acting
from courses.admin import CourseAdmin
from courses.models import Course, Term
from students.admin.actions import Enrolling, EnrollingStudents, Withdrawal
from students.admin.messages import standing, tell
from students.enrollment import locks
from students.enrollment import service as enrollments
from students.enrollment.permissions import ADD, OVERRIDE, VERBS, WITHDRAWAL, statuses_after, verb_to
from students.enrollment.transitions import ENROLL, WITHDRAW, Change, Outcome, Refused, Result
from students.forms import OptionsForm
from students.models import CURRENT, Enrollment, Status, Student

# So many rows fit on a page of 100 KB.
SHOWN = 50
# So many can a page have with those that are added to it: each is a form to be made and read.
ROWS = 333
# So many keys are named in a question.
LISTED = 20_000
NONE = Q(pk__in=[])
# What is told beside Django's “was added” and “was changed”.
NOT_ENROLLED = (Outcome.WAITLISTED, Outcome.UNCHANGED)


class EnrollingForm(OptionsForm):
    """The options of all that a page enrolls; whom and what, the page's own fields say."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST, sent=request.method == "POST")
        self.request = request

    def clean(self) -> dict[str, Any]:
        if self.request.user.has_perm(OVERRIDE):
            error = late_error(self.request)
            self.offer({str(reason.code) for reason in error.error_list} if isinstance(error, Refused) else ())
        elif any(self.data.getlist("override")):  # type: ignore[attr-defined]
            raise PermissionDenied
        return super().clean()

    def check(self) -> None:
        """Raises ValidationError for the page, where something is wrong; what it is stands beside its field."""
        if not self.is_valid():
            raise ValidationError(_("Nothing was saved: look at “Enrolling”."))

    def write(self, changes: Sequence[Change]) -> list[Result]:
        """Make `changes` by the writer, as the options say. Raises Refused."""
        with acting(Door.ADMIN, self.request, self.reason_given):
            return enrollments.write(changes, self.options)

    @property
    def fieldset(self) -> Fieldset:
        return Fieldset(self, _("Enrolling"), fields=[field.name for field in self.shown])  # type: ignore[arg-type]


class EnrollmentForm(ChangesForm):
    """A new enrollment, or the status of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enrolling = EnrollingForm(self.request)
        self.enrolls = not self.instance.pk
        if field := self.fields.get("status"):
            status = Status(self.instance.status)
            targets = statuses_after(status, self.request.user)
            self.enrolls = Status.ACTIVE in targets
            field.choices = [(choice.value, choice.label) for choice in [status, *targets]]  # type: ignore[attr-defined]
            field.error_messages["invalid_choice"] = _("An enrollment that is %s cannot become that.") % status.label

    def clean(self) -> dict[str, Any]:
        self.enrolling.check()
        return super().clean()

    def _get_validation_exclusions(self) -> set[str]:
        # Whether the two may come together, and whether they have already, the writer says.
        return {"student", "course", *super()._get_validation_exclusions()}  # type: ignore[misc]

    def shows(self, error: ValidationError) -> bool:
        return True


class EnrollmentFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The enrollments of one student or one course: some to add, some ticked to be withdrawn, written at once or not at all."""

    request: HttpRequest
    is_cut = False

    def get_queryset(self) -> Any:
        if not self.is_bound and not hasattr(self, "_queryset"):
            found = list(super().get_queryset()[: SHOWN + 1])
            self.is_cut = len(found) > SHOWN
            self._queryset: Any = found[:SHOWN]
        return super().get_queryset()

    @cached_property
    def forms(self) -> list[Any]:
        made = super().forms
        if self.is_bound:
            # Each row is shown beside its own form, whatever has come since the page was shown.
            rows = [form.instance for form in made[: self.initial_form_count()]]
            if any(row.pk is None for row in rows):
                raise BadRequest("The page names enrollments that it did not show.")
            for row in rows:
                row.is_ticked = str(row.pk) in self.ticked
            self._queryset = rows
        return made

    @cached_property
    def enrolling(self) -> EnrollingForm:
        return EnrollingForm(self.request)

    @cached_property
    def ticked(self) -> set[str]:
        return set(self.data.getlist("withdraw"))  # type: ignore[attr-defined]

    def clean(self) -> None:
        self.enrolling.check()
        if self.ticked and not self.request.user.has_perm(WITHDRAWAL):
            raise PermissionDenied
        if self.ticked - {str(row.pk) for row in self.get_queryset()}:
            raise ValidationError(_("What was ticked is not on this page any more. Look at it again."))
        if any(self.errors):
            return
        if isinstance(error := late_error(self.request), Refused):
            self._show(error)
        # Before the page's own row is saved, in the order of the writer. (A new one is nobody else's yet.)
        rows = [*self._ending(), *self._beginning().values()]
        locks.lock([row.student_id for row in rows if row.student_id], [row.course_id for row in rows if row.course_id])

    def save(self, commit: bool = True) -> list[Enrollment]:  # noqa: FBT001, FBT002 (Django calls it)
        """Write all of it by the writer. Raises Refused."""
        ending = [Change(row.student_id, row.course_id, WITHDRAW) for row in self._ending()]
        beginning = [Change(row.student_id, row.course_id, ENROLL, at) for at, row in self._beginning().items()]
        # Seats that are given up come first, for those who take them.
        results = self.enrolling.write([*ending, *beginning])
        self.new_objects = [result.enrollment for result in results if result.outcome in (Outcome.CREATED, Outcome.REACTIVATED, Outcome.WAITLISTED)]
        self.changed_objects = [(result.enrollment, ["status"]) for result in results if result.outcome == Outcome.WITHDRAWN]
        self.deleted_objects: list[Enrollment] = []
        tell(self.request, results, NOT_ENROLLED)
        return self.new_objects

    def _ending(self) -> list[Enrollment]:
        return [row for row in self.get_queryset() if str(row.pk) in self.ticked]

    def _beginning(self) -> dict[Any, Enrollment]:
        """The rows to add, by the prefix of their form."""
        rows = {form.prefix: form.instance for form in self.extra_forms if form.has_changed()}
        for row in rows.values():
            setattr(row, self.fk.name, self.instance)
        return rows

    def _show(self, refused: Refused) -> None:
        """Each reason beside the row that it is about. Raises ValidationError: the page is not saved."""
        forms = {form.prefix: form for form in self.extra_forms}
        for result in refused.results:
            for reason in result.refusals:
                forms[result.change.at].add_error(None, reason)
        raise ValidationError(_("Nothing was saved: some of these were refused."))


class EnrollmentInline(KeyAdmin, admin.TabularInline):  # type: ignore[type-arg]
    """Enrollments on the page of one of the two that they join."""

    model = Enrollment
    formset = EnrollmentFormSet
    extra = 1
    max_num = ROWS
    readonly_fields = ["standing", "since", "withdraw"]
    order: list[str]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        shown = [*self.autocomplete_fields, "standing", "since"]
        parent = self.admin_site.get_model_admin(self.parent_model)
        may_withdraw = request.user.has_perm(WITHDRAWAL) and parent.has_change_permission(request, obj)
        return [*shown, "withdraw"] if obj and may_withdraw else shown

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        ended = Case(When(status__in=CURRENT, then=Value(0)), default=Value(1))
        return rows.select_related("student", "course__term").with_position().order_by(ended, *self.order, "pk")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # A page that claims to have more is told so before forms are made for them.
        formset: Any = super().get_formset(request, obj, absolute_max=ROWS, **kwargs)
        formset.request = request
        return formset

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            # Whom or what to enroll is chosen here, not made.
            field.widget = field.widget.widget
        return field

    @admin.display(description=_("status"))
    def standing(self, row: Enrollment) -> SafeString | str:
        if not row.pk:
            return ""
        return format_html('<a href="{}">{}</a>', reverse("admin:students_enrollment_change", args=[row.pk]), standing(row))

    @admin.display(description=_("enrolled at"))
    def since(self, row: Enrollment) -> str:
        return str(display_for_value(row.enrolled_at, "")) if row.pk else ""

    @admin.display(description=_("withdraw"))
    def withdraw(self, row: Enrollment) -> SafeString | str:
        if not row.pk or not row.is_current:
            return ""
        checked = " checked" if getattr(row, "is_ticked", False) else ""
        return format_html('<input type="checkbox" name="withdraw" value="{}" aria-label="{}"{}>', row.pk, _("Withdraw %s") % row, checked)


class CoursesInline(EnrollmentInline):
    """The courses of a student."""

    autocomplete_fields = ["course"]
    verbose_name = _("course")
    verbose_name_plural = _("courses")
    order = ["-course__term__starts_on", "course__code"]


class RosterInline(EnrollmentInline):
    """The students of a course."""

    autocomplete_fields = ["student"]
    verbose_name = _("student")
    verbose_name_plural = _("students")
    order = ["student__last_name", "student__first_name"]


@admin.action(description=_("Enroll students…"), permissions=["enroll"])
def enroll_students(course_admin: CourseAdmin, request: HttpRequest, queryset: QuerySet[Course]) -> HttpResponse | None:
    return EnrollingStudents(course_admin, request, queryset).answer()


CourseAdmin.inlines.append(RosterInline)
CourseAdmin.actions = [enroll_students]


class TermOfStudentFilter(admin.SimpleListFilter):
    """Students by a term in which they have a course now."""

    title = _("term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(term.code, str(term)) for term in Term.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Student]) -> QuerySet[Student]:
        if self.value() is None:
            return queryset
        enrolled = Enrollment.objects.current().filter(course__term__code=self.value()).order_by()
        of_student = enrolled.filter(student=OuterRef("pk"))
        if request.GET.get(SEARCH_VAR) and enrolled[: LISTED + 1].count() > LISTED:
            # Asked of each student who is found, whom PostgreSQL would else look for among all who are enrolled.
            return queryset.filter(IsNull(Subquery(of_student.values("pk")[:1]), False))
        return queryset.filter(Exists(of_student))


class CourseOfEnrollmentFilter(SearchFilter):
    """Enrollments by their course."""

    title = _("course")
    parameter_name = "in_course"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
        return queryset.filter(_of("course", Course, self.text)) if self.text else queryset


@admin.register(Student)
class StudentAdmin(RecordedAdmin):
    list_display = ["number", "last_name", "first_name", "email", "course_count", "is_active"]
    list_display_links = ["number", "last_name"]
    list_filter = ["is_active", TermOfStudentFilter]
    # Where an index has the order.
    sortable_by = ["number", "last_name"]
    search_fields = ["number", "first_name", "last_name", "email"]
    fields = [("number", "is_active"), ("first_name", "last_name"), "email"]
    inlines = [CoursesInline]
    actions = ["enroll"]
    change_form_template = "admin/enrollments_change_form.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_course_count()

    @admin.display(description=_("active courses"))
    def course_count(self, student: Student) -> int:
        return student.course_count

    def has_enroll_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([ADD, "courses.view_course"])

    @admin.action(description=_("Enroll in…"), permissions=["enroll"])
    def enroll(self, request: HttpRequest, queryset: QuerySet[Student]) -> HttpResponse | None:
        return Enrolling(self, request, queryset).answer()


@admin.register(Enrollment)
class EnrollmentAdmin(HistoryAdmin):
    form = EnrollmentForm
    list_display = ["student", "course", "standing", "enrolled_at"]
    list_filter = ["status", "course__term", CourseOfEnrollmentFilter]
    sortable_by = ()
    list_select_related = ["student", "course__term"]
    search_fields = ["student__number", "student__first_name", "student__last_name", "student__email", "course__code", "course__title"]
    autocomplete_fields = ["student", "course"]
    actions = ["withdraw"]
    change_form_template = "admin/enrollment_change_form.html"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Enrollment], search_term: str) -> tuple[QuerySet[Enrollment], bool]:
        words = search_term.replace("\0", "").split()
        of_courses = {word: _of("course", Course, word, either=True) for word in words}
        # The words that no course has are all the student's: fewer have them together.
        others = " ".join(word for word in words if of_courses[word] == NONE)
        for word, of_course in of_courses.items():
            if of_course != NONE:
                queryset = queryset.filter(_of("student", Student, word, either=True) | of_course)
        return queryset.filter(_of("student", Student, others)) if others else queryset, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        rows: Any = super().get_queryset(request)
        return rows.select_related("student", "course__term").with_position()  # type: ignore[no-any-return]

    def get_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        if obj is None:
            return ["student", "course"]
        return ["student", "course", "status", *(["place"] if obj.position else []), "enrolled_at", "updated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        return ["student", "course", "place", "enrolled_at", "updated_at"] if obj else []

    def get_ordering(self, request: HttpRequest) -> Any:
        """Latest first; those of a term or of some courses by course: they are found by an index of it, wherever in time they are."""
        of_courses = request.GET.get("course__term__id__exact") or request.GET.get(CourseOfEnrollmentFilter.parameter_name, "").strip()
        return ["course_id", "-pk"] if of_courses else ["-pk"]

    @admin.display(description=_("status"))
    def standing(self, row: Enrollment) -> str:
        return standing(row)

    @admin.display(description=_("place on the waitlist"))
    def place(self, row: Enrollment) -> int | None:
        return row.position

    def has_change_permission(self, request: HttpRequest, obj: Enrollment | None = None) -> bool:
        return any(request.user.has_perm(permission) for permission, _verb in VERBS.values())

    def has_delete_permission(self, request: HttpRequest, obj: Enrollment | None = None) -> bool:
        return False

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(WITHDRAWAL)

    def save_model(self, request: HttpRequest, obj: Enrollment, form: EnrollmentForm, change: bool) -> None:  # noqa: FBT001 (Django calls it)
        """Give the pair its status by the writer. Raises Refused."""
        if change and "status" not in form.changed_data:
            return
        if change:
            locks.lock([obj.student_id], [obj.course_id])
            form.checked(Enrollment.objects.filter(pk=obj.pk).first())
        verb = verb_to(Status(obj.status), request.user) if change else ENROLL
        [result] = form.enrolling.write([Change(obj.student_id, obj.course_id, verb)])
        assert result.enrollment is not None
        obj.pk, obj.is_unchanged = result.enrollment.pk, result.outcome == Outcome.UNCHANGED  # type: ignore[attr-defined]
        tell(request, [result], NOT_ENROLLED)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if is_unchanged(obj) else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if is_unchanged(obj) else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self.response_post_save_add(request, obj) if is_unchanged(obj) else super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self.response_post_save_change(request, obj) if is_unchanged(obj) else super().response_change(request, obj)

    @admin.action(description=_("Withdraw selected students from their courses"), permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Enrollment]) -> HttpResponse | None:
        return Withdrawal(self, request, queryset).answer()


def _of(key: str, model: type[Student | Course], text: str, *, either: bool = False) -> Q:
    """Enrollments of a student or a course that is found by `text`. Unless these are very many they are named: a database that knows
    them goes by their index, or along the latest until a page is full, whichever is shorter."""
    found: Any = model._default_manager.order_by("pk").search(text)
    if is_soon_met(found) and expected(found) > LISTED:
        # Where it is one of two ways to be found, PostgreSQL would collect all of them.
        fields = [field for field in EnrollmentAdmin.search_fields if field.startswith(key)]
        return likely(beginning(text, fields)) if either else Q(**{f"{key}__in": found.order_by().values("pk")})
    keys = list(found.order_by().values_list("pk", flat=True)[: LISTED + 1])
    if len(keys) <= LISTED:
        return Q(Among(key, Listed(keys))) if keys else NONE
    return likely(Exists(found.order_by().filter(pk=OuterRef(f"{key}_id"))))


def is_unchanged(row: Enrollment) -> bool:
    """Whether the writer found nothing to do."""
    return getattr(row, "is_unchanged", False)
