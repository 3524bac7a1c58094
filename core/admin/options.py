"""Base classes of the pages in Django's admin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.db.models import PROTECT, DateField, Model, ProtectedError, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.text import capfirst
from django.utils.translation import gettext as __
from simple_history.admin import SimpleHistoryAdmin

from core.admin.paginator import BoundedPaginator
from core.conflicts import REASON, ConflictAwareForm
from core.datetime_fields import DateInput
from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from core.history.diffs import attach_diffs
from core.history.models import HistoryModel
from core.ids import is_id
from core.pages.kept_forms import only_shows_form

if TYPE_CHECKING:
    # simple-history brings no types; its admin is one of Django's.
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BaseAdmin = SimpleHistoryAdmin

# The maximal number of rows of an action.
MAX_ACTION_ROWS = 1_000


def get_save_error(request: HttpRequest) -> ValidationError | None:
    """The error that saving the page raised after its forms were valid; None if there is none."""
    return getattr(request, "save_error", None)


class ConflictAwareAdminForm(ConflictAwareForm):
    """A form that also shows the error that saving raised. See HistoryAdmin.changeform_view."""

    request: HttpRequest

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        error = get_save_error(self.request)
        if error is not None and self.is_about_this_form(error) and not self.errors:
            self.add_error(None, error)

    def is_valid(self) -> bool:
        if only_shows_form(self.request):
            # What is not filled in yet is no error.
            self.errors.clear()
            return False
        return super().is_valid()

    def is_about_this_form(self, error: ValidationError) -> bool:
        """Whether a model's save() raised `error`, and not an inline.

        Only a model's error has messages by field.
        """
        return hasattr(error, "error_dict")


class IdAutocompleteSelect(AutocompleteSelect):
    """Django's widget, which would fail on a posted value that is not an id.

    The title is the label in tables, where the widget has no label element.
    """

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {
            **super().build_attrs(base_attrs, extra_attrs),
            "title": capfirst(self.field.verbose_name),
        }

    def optgroups(
        self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None
    ) -> Any:
        return super().optgroups(name, [key for key in value if is_id(key)], attrs)


class AutocompleteMixin(admin.options.BaseModelAdmin):  # type: ignore[type-arg]
    """Replaces the autocomplete widget, in pages and inlines."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = IdAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class TextSearchFilter(admin.ListFilter):
    """Filters a list by a search in a related model.

    It is a text field, because a list of all related rows may have thousands of entries.
    """

    template = "core/admin/_search_filter.html"
    parameter_name: str

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.text = params.pop(self.parameter_name, [""])[-1].replace("\0", "").strip()

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name]

    def choices(self, changelist: Any) -> Any:
        """The other parameters of the list, for hidden fields of the filter's form."""
        others = []
        for name, values in changelist.filter_params.items():
            if name != self.parameter_name:
                others += [(name, value) for value in values]
        if changelist.query:
            others.append(("q", changelist.query))
        return others


class HistoryAdmin(AutocompleteMixin, BaseAdmin):
    """Pages of a model with a read-only history.

    ValidationErrors of save() are shown in the forms, like those of the forms themselves.
    """

    # Whether a POST with `?do=check` shows the form with what was typed, and saves nothing.
    shows_sent_form = True

    form = ConflictAwareAdminForm
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    object_history_list_template = "core/admin/_history_list.html"
    formfield_overrides = {DateField: {"widget": DateInput}}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        view = super().changeform_view
        if request.method == "POST":
            view = atomic_with_reruns(view)
        try:
            return view(request, *args, **kwargs)
        except ValidationError as error:
            # The transaction is rolled back. The forms add the error when they are validated again.
            request.save_error = error  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if only_shows_form(request):
            # Saving goes to the address without `do=check`.
            kwargs["form_url"] = request.path
        return super().render_change_form(request, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> type[ConflictAwareAdminForm]:
        form = cast(type[ConflictAwareAdminForm], super().get_form(request, *args, **kwargs))
        form.request = request
        return form

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        text = search_term.replace("\0", "")
        if hasattr(queryset, "search"):
            return queryset.search(text), False
        return super().get_search_results(request, queryset, text)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run an action on at most MAX_ACTION_ROWS rows. Raises BadRequest for invalid ids.

        Confirmation pages post the ids in one field `rows`, separated by commas, because of
        DATA_UPLOAD_MAX_NUMBER_FIELDS; they post "0" as the selected row.
        """
        data = request.POST
        keys = [key for key in data.get("rows", "").split(",") if key]
        if not all(map(is_id, {*keys, *data.getlist(ACTION_CHECKBOX_NAME)} - {"0"})):
            raise BadRequest("What was selected is no row.")
        if "rows" in data:
            # Not `queryset`: the rows may not match the list's filters any more.
            queryset = self.get_queryset(request).filter(pk__in=keys[: MAX_ACTION_ROWS + 1])
        if data.get("select_across", "0") != "0":
            number = queryset.order_by()[: MAX_ACTION_ROWS + 1].count()
            if number > MAX_ACTION_ROWS:
                message = __("At most %d can be selected at once. Nothing was done; select fewer.")
                self.message_user(request, message % MAX_ACTION_ROWS, messages.ERROR)
                return None
        return super().response_action(request, queryset, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self.get_object(request, unquote(object_id)) is None:
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def history_view_title(self, request: HttpRequest, obj: Model) -> str:
        return __("History: %s") % obj

    def set_history_delta_changes(
        self,
        request: HttpRequest,
        historical_records: Iterable[Any],
        foreign_keys_are_objs: bool = True,  # noqa: FBT001, FBT002 (simple-history calls it)
    ) -> None:
        """Also for the last record of a page, whose predecessor is on the next page."""
        attach_diffs(list(historical_records))

    def get_urls(self) -> list[URLPattern]:
        """Without simple-history's page of a past record, which could restore it."""
        return super(SimpleHistoryAdmin, self).get_urls()

    def revert_disabled(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


class HistoryModelAdmin(HistoryAdmin):
    """Pages of a model that the admin saves directly, and deletes while nothing refers to it."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fieldsets of the page; to change a row, with the reason."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (None, {"fields": [REASON]})]

    def save_model(
        self,
        request: HttpRequest,
        obj: HistoryModel,
        form: ConflictAwareAdminForm,
        change: bool,  # noqa: FBT001 (Django calls it)
    ) -> None:
        if not change:
            obj.save()
            return
        fields = self.opts.concrete_fields
        changed = [field.name for field in fields if field.name in form.changed_data]
        if not changed:
            return
        current = form.check_conflicts(obj.get_locked(pk=obj.pk))
        # The history record copies all fields, so those not written must be current.
        for field in fields:
            if field.name not in changed:
                setattr(obj, field.attname, getattr(current, field.attname))
        with record_changes_as(Door.ADMIN, request, form.reason_given):
            obj.save(update_fields=changed)

    def get_deleted_objects(
        self, objs: Sequence[HistoryModel] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Names, counts, missing permissions and protected rows, for the confirmation page.

        Unlike Django's, it lists a protected row once, and not each row that refers to it.
        """
        used: set[int] = set()
        for relation in self.opts.related_objects:
            if relation.on_delete is PROTECT:
                condition = {f"{relation.field.name}__in": objs}
                rows = relation.related_model._base_manager.filter(**condition)
                used.update(rows.values_list(relation.field.attname, flat=True).distinct())
        protected = [f"{row}: {row.protected_message}" for row in objs if row.pk in used]
        return (
            [str(row) for row in objs],
            {str(self.opts.verbose_name_plural): len(objs)},
            set(),
            protected,
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError as error:
            self.message_user(request, error.args[0], messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run a confirmed action (`post`) in one transaction, so that it deletes all or none."""
        try:
            with transaction.atomic() if "post" in request.POST else nullcontext():
                return super().response_action(request, queryset, *args, **kwargs)
        except ProtectedError as error:
            self.message_user(request, error.args[0], messages.ERROR)
            return None

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[HistoryModel]) -> None:
        for row in sorted(queryset, key=lambda row: row.pk):
            row.delete()
