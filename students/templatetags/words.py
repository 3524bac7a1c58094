"""Words of templates."""

from django import template

from students.models import Status
from students.refusals import Refusal

register = template.Library()


@register.filter
def status_label(code: str) -> str:
    """What people call the status `code`."""
    return str(Status(code).label)


@register.filter
def although(codes: list[str]) -> str:
    """What was accepted by overriding the refusals `codes`."""
    return ", ".join(Refusal(code).although for code in codes)
