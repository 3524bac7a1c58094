"""What is said of a course that has more seats taken than it has, at whatever door it was saved."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from courses.models import Course


def warn_if_over_capacity(request: HttpRequest, pk: int) -> None:
    """Tells the user of `request` where more seats of the course `pk` are taken than there are."""
    course = Course.objects.select_related("term").with_seats().get(pk=pk)
    if course.capacity is not None and course.taken > course.capacity:
        message = _(
            "%(course)s: more seats are taken (%(taken)d) than there are (%(capacity)d). Everybody who has a seat keeps it."
        )
        messages.warning(
            request,
            message % {"course": course, "taken": course.taken, "capacity": course.capacity},
        )
