"""Messages about enrollments, shared by the staff pages and the admin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.actor import Door, current_door
from core.pages.views import mark_changed
from students.enrollment import service
from students.models import Enrollment, Status

MAX_NAMES = 5


@contextmanager
def announce_promotions(request: HttpRequest) -> Iterator[None]:
    """Add a message that names the students promoted from a waitlist inside the block."""
    with service.collect_promotions() as promoted:
        yield
    if not promoted:
        return
    # A promotion that was rolled back is not announced: its time is not in the database.
    promoted_at = {row.pk: row.updated_at for row in promoted}
    rows = (
        Enrollment.objects.filter(pk__in=promoted_at, status=Status.ACTIVE)
        .select_related("student", "course__term")
        .order_by("course", "pk")
    )
    moved = [row for row in rows if row.updated_at == promoted_at[row.pk]]
    if names := [str(row) for row in moved]:
        # Only staff pages show the marks. The admin would leave them in the session for the next
        # staff page, however much later that is opened.
        if current_door() == Door.STAFF:
            mark_changed(request, moved)
        messages.success(
            request, format_html(_("Moved up from the waitlist: {}."), fold_names(names, "; "))
        )


def fold_names(names: Sequence[str], separator: str = ", ") -> SafeString:
    """Return the names as HTML. Those after the first MAX_NAMES are folded behind their number."""
    first, more = names[:MAX_NAMES], names[MAX_NAMES:]
    joined = escape(separator.join(first))
    if not more:
        return joined
    return format_html(
        "{} <details><summary>{}</summary>{}</details>",
        joined,
        ngettext("and %d more", "and %d more", len(more)) % len(more),
        separator.join(more),
    )
