"""What all pages of Django's admin share."""

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
from django.db.models import PROTECT, Model, ProtectedError, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.text import capfirst
from django.utils.translation import gettext as __
from simple_history.admin import SimpleHistoryAdmin

from core.admin.paginator import BoundedPaginator
from core.conflicts import ConflictAwareForm
from core.history.diffs import attach_diffs
from core.history.models import HistoryModel
from core.ids import is_id

if TYPE_CHECKING:
    # simple-history brings no types; its admin is one of Django's.
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BaseAdmin = SimpleHistoryAdmin

# Rows that an action takes.
MAX_ACTION_ROWS = 1_000


def get_save_error(request: HttpRequest) -> ValidationError | None:
    """What was refused when the page of this request had been checked and was being saved."""
    return getattr(request, "late_error", None)


class ConflictAwareAdminForm(ConflictAwareForm):
    """Makes or changes a row, and shows what was refused when it was being saved."""

    request: HttpRequest

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        error = get_save_error(self.request)
        if error is not None and self.shows(error) and not self.errors:
            self.add_error(None, error)

    def shows(self, error: ValidationError) -> bool:
        """Whether a late error is about this form: one of a model names its fields, one of an inline does not."""
        return hasattr(error, "error_dict")


class IdAutocompleteSelect(AutocompleteSelect):
    """Shows nothing chosen where a posted value is no key at all; Django's own breaks on it. In a row it says itself what is chosen."""

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
    """What pages and inlines share."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = IdAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class TextSearchFilter(admin.ListFilter):
    """Rows of a list by a search among what they belong to: a field to type in, for there may be thousands to choose from."""

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
        """The other parameters of the list, which come along."""
        others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            for value in values
            if name != self.parameter_name
        ]
        return [*others, *([("q", changelist.query)] if changelist.query else [])]


class HistoryAdmin(AutocompleteMixin, BaseAdmin):
    """Pages of a model whose history can be read and not rewritten, and whose late errors are shown as early ones are."""

    form = ConflictAwareAdminForm
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    object_history_list_template = "core/admin/_history_list.html"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ValidationError as error:
            # All is rolled back. The same page once more: its forms now find this error when they are checked.
            request.late_error = error  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

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
        """Django's, for at most AT_ONCE rows. A page that asks once more names them in `rows`, one field: Django takes no thousand."""
        data = request.POST
        keys = [key for key in data.get("rows", "").split(",") if key]
        # A page that asks once more selects 0.
        if not all(map(is_id, {*keys, *data.getlist(ACTION_CHECKBOX_NAME)} - {"0"})):
            raise BadRequest("What was selected is no row.")
        if "rows" in data:
            # Whatever the list's filters would make of them by now.
            queryset = self.get_queryset(request).filter(pk__in=keys[: MAX_ACTION_ROWS + 1])
        if (
            data.get("select_across", "0") != "0"
            and queryset.order_by()[: MAX_ACTION_ROWS + 1].count() > MAX_ACTION_ROWS
        ):
            self.message_user(
                request,
                __("At most %d can be selected at once. Nothing was done; select fewer.")
                % MAX_ACTION_ROWS,
                messages.ERROR,
            )
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
        """The last of a page tells what it changed too, though the record before it is on the next."""
        attach_diffs(list(historical_records))

    def get_urls(self) -> list[URLPattern]:
        """Without simple-history's form of a past record, which could be posted to bring that past back."""
        return super(SimpleHistoryAdmin, self).get_urls()

    def revert_disabled(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


class HistoryModelAdmin(HistoryAdmin):
    """Pages of a model that the admin itself saves, and deletes as long as nothing has used it."""

    def save_model(
        self,
        request: HttpRequest,
        obj: HistoryModel,
        form: ConflictAwareAdminForm,
        change: bool,  # noqa: FBT001 (Django calls it)
    ) -> None:
        if not change:
            obj.save()
        elif changed := [
            field.name for field in self.opts.concrete_fields if field.name in form.changed_data
        ]:
            now = form.checked(obj.get_locked(pk=obj.pk))
            # The other fields as they are now, so that the history tells the truth about them too.
            for field in self.opts.concrete_fields:
                if field.name not in changed:
                    setattr(obj, field.attname, getattr(now, field.attname))
            obj.save(update_fields=changed)

    def get_deleted_objects(
        self, objs: Sequence[HistoryModel] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What would go, how much of it, what permission is missing, and what is in use: told once, however much uses it."""
        uses = [relation for relation in self.opts.related_objects if relation.on_delete is PROTECT]
        used: set[int] = set()
        for use in uses:
            rows = use.related_model._base_manager.filter(**{f"{use.field.name}__in": objs})
            used.update(rows.values_list(use.field.attname, flat=True).distinct())
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
        """Deleting is done to all or none. It begins when the page that asks first sends `post`; what only shows a page locks nothing."""
        try:
            with transaction.atomic() if "post" in request.POST else nullcontext():
                return super().response_action(request, queryset, *args, **kwargs)
        except ProtectedError as error:
            self.message_user(request, error.args[0], messages.ERROR)
            return None

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[HistoryModel]) -> None:
        for row in sorted(queryset, key=lambda row: row.pk):
            row.delete()
