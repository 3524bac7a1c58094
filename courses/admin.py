"""Terms, courses and teachers in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Count, F
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.options import ConflictAwareAdminForm, HistoryModelAdmin
from core.formatting import display_value
from core.history.models import HistoryModel
from courses.messages import warn_if_over_capacity
from courses.models import Course, Teacher, Term
from courses.teacher_field import CourseTeachersForm


class FullnessFilter(admin.SimpleListFilter):
    """Filters courses by their free seats."""

    title = _("seats")
    parameter_name = "seats"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("left", _("has seats left")),
            ("full", _("full")),
            ("over", _("over capacity")),
            ("waiting", _("somebody waits")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        # The seats of unlimited courses need not be counted.
        limited = queryset.filter(capacity__isnull=False)
        match self.value():
            case "left":
                matches = queryset.with_seats_left()
            case "full":
                matches = limited.filter(capacity__lte=F("taken"))
            case "over":
                matches = limited.filter(capacity__lt=F("taken"))
            case "waiting":
                matches = queryset.filter(waiting__gt=0)
            case _:
                return queryset
        # The ids are read first, so that the seats of all courses are counted once, and not for
        # the number of rows and again for the rows.
        return queryset.filter(pk__in=list(matches.order_by().values_list("pk", flat=True)))


@admin.register(Term)
class TermAdmin(HistoryModelAdmin):
    list_display = [
        "code",
        "name",
        "starts_on",
        "ends_on",
        "enrollment_opens_on",
        "enrollment_closes_on",
        "credit_limit",
        "accepts_in_progress",
        "course_count",
    ]
    search_fields = ["code", "name"]
    fields = [
        ("code", "name"),
        ("starts_on", "ends_on"),
        ("enrollment_opens_on", "enrollment_closes_on"),
        ("max_credits", "accepts_in_progress"),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"accepts_in_progress": True, **super().get_changeform_initial_data(request)}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(course_count=Count("courses"))

    @admin.display(description=_("most credits"), ordering="max_credits")
    def credit_limit(self, term: Term) -> str:
        return display_value(term.max_credits)

    @admin.display(description=_("courses"), ordering="course_count")
    def course_count(self, term: Any) -> Any:
        return term.course_count


class CourseAdminForm(CourseTeachersForm, ConflictAwareAdminForm):
    """The form of a course, with its teachers."""


@admin.register(Course)
class CourseAdmin(HistoryModelAdmin):
    form = CourseAdminForm
    list_display = [
        "code",
        "section",
        "title",
        "term",
        "seats",
        "waiting",
        "credits_shown",
        "is_open",
    ]
    list_display_links = ["code", "section", "title"]
    # FullnessFilter is last, because it counts the seats of all courses that remain.
    list_filter = ["is_open", "term", FullnessFilter]
    list_select_related = ["term"]
    search_fields = ["code", "title"]
    readonly_fields = ["seats", "waiting"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.select_related("term").with_seats()

    def get_fields(self, request: HttpRequest, obj: Course | None = None) -> Any:
        fields: list[Any] = [
            ("code", "section", "title"),
            "description",
            ("term", "credits"),
            ("starts_on", "ends_on"),
            "meetings",
            ("capacity", "is_open"),
            "prerequisites",
            ("excludes", "repeatable"),
            "teachers",
        ]
        return [*fields, ("seats", "waiting")] if obj else fields

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            # A missing term can be added here; other links would lead away from the form.
            field.widget.can_change_related = False
            field.widget.can_delete_related = False
            field.widget.can_view_related = False
        return field

    def save_model(
        self,
        request: HttpRequest,
        obj: HistoryModel,
        form: ConflictAwareAdminForm,
        change: bool,  # noqa: FBT001 (Django calls it)
    ) -> None:
        super().save_model(request, obj, form, change)
        if isinstance(form, CourseAdminForm) and "teachers" in form.changed_data:
            form.check_conflicts(Course.get_locked(pk=obj.pk))
            form.save_teachers()

    def save_related(
        self,
        request: HttpRequest,
        form: ConflictAwareAdminForm,
        formsets: Any,
        change: bool,  # noqa: FBT001 (Django calls it)
    ) -> None:
        super().save_related(request, form, formsets, change)
        warn_if_over_capacity(request, form.instance.pk)

    @admin.display(description=_("seats taken"), ordering="taken")
    def seats(self, course: Course) -> str:
        return f"{course.taken} / {'∞' if course.capacity is None else course.capacity}"

    @admin.display(description=_("credits"), ordering="credits")
    def credits_shown(self, course: Course) -> str:
        return display_value(course.credits)

    @admin.display(description=_("waiting"), ordering="waiting")
    def waiting(self, course: Course) -> int:
        return course.waiting


@admin.register(Teacher)
class TeacherAdmin(HistoryModelAdmin):
    list_display = ["number", "last_name", "first_name", "email", "is_active"]
    list_display_links = ["number", "last_name"]
    list_filter = ["is_active"]
    search_fields = ["number", "first_name", "last_name", "email"]
    fields = [("number", "is_active"), ("first_name", "last_name"), "email"]
