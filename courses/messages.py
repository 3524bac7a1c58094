"""The warning about an overbooked course, for the admin and the staff pages."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from courses.models import Course


def warn_if_over_capacity(request: HttpRequest, pk: int) -> None:
    """Add a message if the course `pk` has more seats taken than its capacity."""
    course = Course.objects.select_related("term").with_seats().get(pk=pk)
    if course.capacity is not None and course.taken > course.capacity:
        message = _(
            "%(course)s: more seats are taken (%(taken)d) than there are (%(capacity)d). "
            "Everybody who has a seat keeps it."
        )
        params = {"course": course, "taken": course.taken, "capacity": course.capacity}
        messages.warning(request, message % params)
