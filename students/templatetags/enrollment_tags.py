"""Words of templates."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.history.reasons import translate_reason
from students.enrollment.rules import Refusal
from students.history import sentences

register = template.Library()
register.filter(translate_reason)


@register.filter
def override_phrase(codes: list[str]) -> str:
    """What was accepted by overriding the refusals `codes`."""
    phrases = {refusal.value: refusal.override_phrase for refusal in Refusal}
    return ", ".join(str(phrases[code]) for code in codes)


@register.simple_tag(takes_context=True)
def describe_change(context: template.Context, record: Any) -> SafeString:
    """What became of the enrollment of `record`: a link to its student and its course, where they have not this page."""
    student, course = context.get("student"), context.get("course")
    return sentences.describe_change(
        record,
        record.student.name if student else _link("student", record.student_id, record.student),
        str(record.course) if course else _link("course", record.course_id, record.course),
    )


@register.filter
def describe_cause(record: Any) -> str:
    """What let somebody move up from the waitlist."""
    return sentences.describe_cause(record)


@register.filter
def is_promotion_by_other_change(record: Any) -> bool:
    """Whether somebody moved up by something that was done to another row than an enrollment, which is told there."""
    return sentences.is_promotion(record) and not describe_cause(record)


@register.filter
def change_reason(record: Any) -> str:
    """What whoever did it gave as the reason."""
    return (
        ""
        if sentences.is_promotion(record)
        else translate_reason(record.history_change_reason or "")
    )


def _link(name: str, key: int, words: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(name, args=[key]), words)
