"""Messages to the user of a request about enrollments, shared by the staff pages and the admin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.history.actor import Door, current_door
from core.pages.views import mark_changed
from students.enrollment import service
from students.models import Enrollment, Status

NAMED = 5


@contextmanager
def announce_promotions(request: HttpRequest) -> Iterator[None]:
    """Who moves up from a waitlist inside, by whatever the request changes, is named in a message to its user."""
    with service.collect_promotions() as promoted:
        yield
    if not promoted:
        return
    # What was rolled back is not so.
    times = {row.pk: row.enrolled_at for row in promoted}
    rows = (
        Enrollment.objects.filter(pk__in=times, status=Status.ACTIVE)
        .select_related("student", "course__term")
        .order_by("course", "pk")
    )
    moved = [row for row in rows if row.enrolled_at == times[row.pk]]
    if names := [str(row) for row in moved]:
        # The admin shows no marks, and would leave them to whatever staff page is opened next, be it tomorrow.
        if current_door() == Door.STAFF:
            mark_changed(request, moved)
        messages.success(request, _("Moved up from the waitlist: %s.") % join_names(names, NAMED))


def join_names(names: Sequence[str], most: int) -> str:
    """The first of `names`, and how many more there are."""
    more = len(names) - most
    named = "; ".join(names[:most])
    return named if more <= 0 else named + " " + ngettext("and %d more", "and %d more", more) % more
