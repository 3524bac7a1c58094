"""Reasons of changes that are made by the program. They are stored in English."""

from django.utils.translation import gettext, gettext_noop

MOVED_UP = gettext_noop("Moved up from the waitlist.")
UNDONE = gettext_noop("Undone.")
IMPORTED = gettext_noop("Import of %s")


def translate_reason(reason: str) -> str:
    """The recorded `reason` in the active language. Reasons that people typed stay as they are."""
    if reason in (MOVED_UP, UNDONE):
        return gettext(reason)
    prefix = IMPORTED % ""
    if reason.startswith(prefix):
        return gettext(IMPORTED) % reason.removeprefix(prefix)
    return reason
