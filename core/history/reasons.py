"""Reasons that the product itself gives for a change: recorded in English, told in the language of who reads them."""

from django.utils.translation import gettext, gettext_noop

MOVED_UP = gettext_noop("Moved up from the waitlist.")
UNDONE = gettext_noop("Undone.")
IMPORTED = gettext_noop("Import of %s")


def translate_reason(reason: str) -> str:
    """A recorded `reason` as people read it. One that somebody typed stays as it is."""
    if reason in (MOVED_UP, UNDONE):
        return gettext(reason)
    beginning = IMPORTED % ""
    return (
        gettext(IMPORTED) % reason.removeprefix(beginning)
        if reason.startswith(beginning)
        else reason
    )
