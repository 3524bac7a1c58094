"""Base views of the staff pages: permissions, paginated lists, and forms."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views import View

from core.conflicts import RecordGone
from core.db.keyset import InvalidCursor, Page, read_page
from core.db.transactions import atomic_with_reruns
from core.history.diffs import attach_diffs, get_history
from core.history.models import HistoryModel
from core.pages.addresses import get_local_address
from core.pages.forms import EditForm, FilterForm
from core.pages.kept_forms import only_shows_form

M = TypeVar("M", bound=Model)
PAGE_ROWS = 50
HISTORY_ROWS = 20
# The session's key of the rows that were just changed: their ids by the name of their model.
CHANGED_SESSION_KEY = "changed"


class StaffView(LoginRequiredMixin, PermissionRequiredMixin, View):
    """A page for people who are signed in and have every permission of `permission_required`."""

    permission_required: Sequence[str] = ()
    template_name: ClassVar[str]
    # Whether a POST with `?do=check` shows the form with what was typed, and saves nothing.
    shows_sent_form = False

    def render(self, *, status: int = 200, **context: Any) -> HttpResponse:
        context = {
            "now": timezone.now(),
            "today": timezone.localdate(),
            "changed": self.request.session.pop(CHANGED_SESSION_KEY, {}),
            "form_id": "page-form" if self.shows_sent_form else "",
            **context,
        }
        return render(self.request, self.template_name, context, status=status)


class StaffListView(StaffView):
    """A paginated list with a search and filters."""

    queryset: ClassVar[QuerySet[Any]]
    filters: ClassVar[type[FilterForm]]

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = self.filters(request.GET)
        page = paginate(request, filters.filter_queryset(self.queryset))
        return self.render(filters=filters, page=page)


class EditView(StaffView):
    """A form that changes the row that the URL names; without a key in the URL, creates one."""

    shows_sent_form = True

    template_name = "core/form.html"
    queryset: ClassVar[QuerySet[Any]]
    form: ClassVar[type[EditForm]]
    title: ClassVar[str | Promise]

    def get(self, request: HttpRequest, **key: Any) -> HttpResponse:
        return self.render_form(self.form(instance=self.get_object(self.queryset, key)))

    def post(self, request: HttpRequest, **key: Any) -> HttpResponse:
        if only_shows_form(request):
            form = self.form(request.POST, instance=self.get_object(self.queryset, key))
            # The form is only shown: what is not filled in yet is no error.
            form.errors.clear()
            return self.render_form(form)
        form, saved = self.save(key)
        if not saved:
            return self.render_form(form, status=422)
        messages.success(request, _("%(row)s was saved.") % {"row": form.instance})
        mark_changed(request, [form.instance])
        self.add_warnings(form.instance)
        address = self.get_success_url(form.instance)
        # A new row is shown; a changed one leads back to where it was edited from.
        return redirect(get_local_address(request.GET.get("next", ""), address) if key else address)

    @atomic_with_reruns
    def save(self, key: dict[str, Any]) -> tuple[EditForm, bool]:
        """Save the form that was sent. Return it, and whether it was valid."""
        # Without its joins, so that the row alone is locked.
        queryset = self.queryset.select_related(None).select_for_update(no_key=True)
        form = self.form(self.request.POST, instance=self.get_object(queryset, key))
        return form, form.save_changes(self.request)

    def render_form(self, form: EditForm, *, status: int = 200) -> HttpResponse:
        row = form.instance if form.instance.pk else None
        back = get_local_address(self.request.GET.get("next", ""), self.get_success_url(row))
        return self.render(status=status, form=form, row=row, title=self.title, back=back)

    def get_object(self, queryset: QuerySet[Any], key: dict[str, Any]) -> Any:
        """The row with the key of the URL; None without a key. Raises Http404."""
        try:
            return get_row_or_404(queryset, **key) if key else None
        except Http404 as error:
            raise RecordGone from error

    def get_success_url(self, row: Any) -> str:
        """The URL to go to after saving: the page of `row`; of the list if `row` is None."""
        raise NotImplementedError

    def add_warnings(self, row: HistoryModel) -> None:
        """Add messages about a row that was saved although something about it is unusual."""


def get_row_or_404(rows: QuerySet[M], **key: Any) -> M:
    """The row with the key of the URL. Raises Http404."""
    # PostgreSQL refuses texts with a NUL.
    if any("\0" in str(value) for value in key.values()):
        raise Http404
    return get_object_or_404(rows, **key)


def mark_changed(request: HttpRequest, rows: Iterable[Model]) -> None:
    """Highlight `rows` on the next page that is rendered, beside those added before."""
    changed = request.session.get(CHANGED_SESSION_KEY, {})
    for row in rows:
        changed.setdefault(row._meta.model_name, []).append(row.pk)
    request.session[CHANGED_SESSION_KEY] = changed


def paginate_history(request: HttpRequest, row: HistoryModel) -> Page[Any]:
    """One page of the history of `row`, each record with its differences. See attach_diffs."""
    page = paginate(request, get_history(row), parameter="edits", rows=HISTORY_ROWS)
    attach_diffs(page.rows)
    return page


def paginate(
    request: HttpRequest,
    queryset: QuerySet[M],
    *,
    parameter: str = "cursor",
    rows: int = PAGE_ROWS,
    data: QueryDict | None = None,
) -> Page[M]:
    """The page of `queryset` at the cursor `parameter` of `data`, by default the query string.

    For an invalid cursor, the first page with a message.
    """
    try:
        return read_page(queryset, (request.GET if data is None else data).get(parameter), rows)
    except InvalidCursor:
        messages.warning(request, _("This list has no such page. Here is its beginning."))
        return read_page(queryset, None, rows)
