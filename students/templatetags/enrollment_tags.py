"""Template filters and tags for enrollments and their history."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.history.reasons import translate_reason
from students.enrollment.rules import Refusal
from students.history import sentences
from students.pages.undo import MESSAGE_TAG_PREFIX

register = template.Library()
register.filter(translate_reason)


@register.filter
def override_phrase(codes: list[str]) -> str:
    """The overridden refusals, by their `codes`, as phrases."""
    phrases = {refusal.value: refusal.override_phrase for refusal in Refusal}
    return ", ".join(str(phrases[code]) for code in codes)


@register.filter
def get_item(items: Mapping[Any, Any], key: Any) -> Any:
    """The item of a mapping with this key; None if there is none."""
    return items.get(key)


@register.simple_tag
def link_refusal(row: Model, refusals: Iterable[ValidationError]) -> SafeString:
    """Why `row` was refused, with a link to its place in the list where the reasons name it.

    The link is before the reasons if they do not name it.
    """
    name = str(row)
    link = format_html('<a href="#choice-{}">{}</a>', row.pk, name)
    text = " ".join(message for reason in refusals for message in reason.messages)
    before, found, after = text.partition(name)
    return (
        format_html("{}{}{}", before, link, after) if found else format_html("{}: {}", link, text)
    )


@register.simple_tag(takes_context=True)
def describe_change(context: template.Context, record: Any) -> SafeString:
    """The change as a sentence, with links to the student and the course.

    The one whose page this is, by the context, is named without a link.
    """
    if context.get("student"):
        student = record.student.name
    else:
        student = _link("student", record.student_id, record.student)
    if context.get("course"):
        course = str(record.course)
    else:
        course = _link("course", record.course_id, record.course)
    return sentences.describe_change(record, student, course)


@register.filter
def describe_cause(record: Any) -> str:
    """The cause of a promotion from the waitlist, as a phrase."""
    return sentences.describe_cause(record)


@register.filter
def is_promotion_by_other_change(record: Any) -> bool:
    """Whether a change of a course, term or student, shown in its own history, was the cause."""
    return sentences.is_promotion(record) and not describe_cause(record)


@register.filter
def change_reason(record: Any) -> str:
    """The reason that was given for the change."""
    if sentences.is_promotion(record):
        return ""
    return translate_reason(record.history_change_reason or "")


@register.filter
def undo_token(message: Message) -> str:
    """Return the token of the undo button beside a message; empty if it has none."""
    for tag in (message.extra_tags or "").split():
        if tag.startswith(MESSAGE_TAG_PREFIX):
            return tag.removeprefix(MESSAGE_TAG_PREFIX)
    return ""


def _link(url_name: str, key: int, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(url_name, args=[key]), text)
