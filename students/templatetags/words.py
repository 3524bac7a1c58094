"""Words of templates."""

from django import template

from students.models import Status

register = template.Library()


@register.filter
def status_label(code: str) -> str:
    """What people call the status `code`."""
    return str(Status(code).label)
