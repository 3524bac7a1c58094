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

from core.conflicts import Missing
from core.db.keyset import BadCursor, Page, read_page
from core.history.diffs import edits_of, tell_changes
from core.history.models import Recorded
from core.pages.forms import Filters, RecordForm

M = TypeVar("M", bound=Model)
PAGE_ROWS = 50
HISTORY_ROWS = 20
# Of the session: the keys of the rows that were just changed, by the name of their model.
CHANGED = "changed"


class StaffPage(LoginRequiredMixin, PermissionRequiredMixin, View):
    """A page for people who are signed in and have every permission of `permission_required`."""

    permission_required: Sequence[str] = ()
    template_name: ClassVar[str]

    def page(self, *, status: int = 200, **context: Any) -> HttpResponse:
        known = {"today": timezone.localdate(), "changed": self.request.session.pop(CHANGED, {})}
        return render(self.request, self.template_name, {**known, **context}, status=status)


class ListPage(StaffPage):
    """A list with its search and filters."""

    queryset: ClassVar[QuerySet[Any]]
    filters: ClassVar[type[Filters]]

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = self.filters(request.GET)
        return self.page(filters=filters, page=read(request, filters.narrow(self.queryset)))


class RecordPage(StaffPage):
    """A form that makes a row, or changes the one that the path names."""

    template_name = "form.html"
    queryset: ClassVar[QuerySet[Any]]
    form: ClassVar[type[RecordForm]]
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
        return redirect(self.address_of(form.instance))

    def show(self, form: RecordForm, *, status: int = 200) -> HttpResponse:
        row = form.instance if form.instance.pk else None
        return self.page(
            status=status, form=form, row=row, title=self.title, back=self.address_of(row)
        )

    def find(self, queryset: QuerySet[Any], key: dict[str, Any]) -> Any:
        """The row that the path names; None where it names none, for a new row."""
        if any("\0" in str(value) for value in key.values()):
            raise Http404
        try:
            return get_object_or_404(queryset, **key) if key else None
        except Http404 as error:
            raise Missing from error

    def address_of(self, row: Any) -> str:
        """The page to go to from the form: that of `row`, or of the list where there is none yet."""
        raise NotImplementedError

    def warn(self, row: Recorded) -> None:
        """Says what is unusual about a row that was saved."""


def mark_changed(request: HttpRequest, rows: Iterable[Model]) -> None:
    """Have the next page that is shown mark these rows, of one model, beside those marked already."""
    changed = request.session.get(CHANGED, {})
    for row in rows:
        changed.setdefault(row._meta.model_name, []).append(row.pk)
    request.session[CHANGED] = changed


def read_edits(request: HttpRequest, row: Recorded) -> Page[Any]:
    """The page of `row`'s own changes that the query names, each with what it changed."""
    page = read(request, edits_of(row), parameter="edits", rows=HISTORY_ROWS)
    tell_changes(page.rows)
    return page


def read(
    request: HttpRequest, queryset: QuerySet[M], *, parameter: str = "cursor", rows: int = PAGE_ROWS
) -> Page[M]:
    """The page of `queryset` that the query names; the first, with a message, where it names none of this list."""
    try:
        return read_page(queryset, request.GET.get(parameter), rows)
    except BadCursor:
        messages.warning(request, _("This list has no such page. Here is its beginning."))
        return read_page(queryset, None, rows)
