"""What all staff pages share: who may see them, lists read a page at a time, forms that keep what was typed."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views import View

from core.conflicts import RecordGone
from core.db.keyset import InvalidCursor, Page, read_page
from core.history.diffs import attach_diffs, get_history
from core.history.models import HistoryModel
from core.pages.forms import EditForm, FilterForm

M = TypeVar("M", bound=Model)
PAGE_ROWS = 50
HISTORY_ROWS = 20
# Of the session: the keys of the rows that were just changed, by the name of their model.
CHANGED_SESSION_KEY = "changed"


class StaffView(LoginRequiredMixin, PermissionRequiredMixin, View):
    """A page for people who are signed in and have every permission of `permission_required`."""

    permission_required: Sequence[str] = ()
    template_name: ClassVar[str]

    def render(self, *, status: int = 200, **context: Any) -> HttpResponse:
        known = {
            "today": timezone.localdate(),
            "changed": self.request.session.pop(CHANGED_SESSION_KEY, {}),
        }
        return render(self.request, self.template_name, {**known, **context}, status=status)


class StaffListView(StaffView):
    """A list with its search and filters."""

    queryset: ClassVar[QuerySet[Any]]
    filters: ClassVar[type[FilterForm]]

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = self.filters(request.GET)
        return self.render(
            filters=filters, page=paginate(request, filters.filter_queryset(self.queryset))
        )


class EditView(StaffView):
    """A form that makes a row, or changes the one that the path names."""

    template_name = "core/form.html"
    queryset: ClassVar[QuerySet[Any]]
    form: ClassVar[type[EditForm]]
    title: ClassVar[str | Promise]

    def get(self, request: HttpRequest, **key: Any) -> HttpResponse:
        return self.show(self.form(instance=self.find(self.queryset, key)))

    def post(self, request: HttpRequest, **key: Any) -> HttpResponse:
        with transaction.atomic():
            form = self.form(
                request.POST,
                instance=self.find(
                    self.queryset.select_related(None).select_for_update(no_key=True), key
                ),
            )
            saved = form.save_changes()
        if not saved:
            return self.show(form, status=422)
        messages.success(request, _("%(row)s was saved.") % {"row": form.instance})
        mark_changed(request, [form.instance])
        self.warn(form.instance)
        return redirect(self.get_success_url(form.instance))

    def show(self, form: EditForm, *, status: int = 200) -> HttpResponse:
        row = form.instance if form.instance.pk else None
        return self.render(
            status=status, form=form, row=row, title=self.title, back=self.get_success_url(row)
        )

    def find(self, queryset: QuerySet[Any], key: dict[str, Any]) -> Any:
        """The row that the path names; None where it names none, for a new row."""
        if any("\0" in str(value) for value in key.values()):
            raise Http404
        try:
            return get_object_or_404(queryset, **key) if key else None
        except Http404 as error:
            raise RecordGone from error

    def get_success_url(self, row: Any) -> str:
        """The page to go to from the form: that of `row`, or of the list where there is none yet."""
        raise NotImplementedError

    def warn(self, row: HistoryModel) -> None:
        """Says what is unusual about a row that was saved."""


def mark_changed(request: HttpRequest, rows: Iterable[Model]) -> None:
    """Have the next page that is shown mark these rows, of one model, beside those marked already."""
    changed = request.session.get(CHANGED_SESSION_KEY, {})
    for row in rows:
        changed.setdefault(row._meta.model_name, []).append(row.pk)
    request.session[CHANGED_SESSION_KEY] = changed


def paginate_history(request: HttpRequest, row: HistoryModel) -> Page[Any]:
    """The page of `row`'s own changes that the query names, each with what it changed."""
    page = paginate(request, get_history(row), parameter="edits", rows=HISTORY_ROWS)
    attach_diffs(page.rows)
    return page


def paginate(
    request: HttpRequest, queryset: QuerySet[M], *, parameter: str = "cursor", rows: int = PAGE_ROWS
) -> Page[M]:
    """The page of `queryset` that the query names; the first, with a message, where it names none of this list."""
    try:
        return read_page(queryset, request.GET.get(parameter), rows)
    except InvalidCursor:
        messages.warning(request, _("This list has no such page. Here is its beginning."))
        return read_page(queryset, None, rows)
