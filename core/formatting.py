"""Values as people read them, where JSON has them otherwise."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format, localize
from django.utils.functional import Promise, lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


class LocalizedStr(str):
    """A value for programs, which a sentence says in `words`, in the language of who reads it."""

    words: str | Promise

    def __new__(cls, value: str, words: str | Promise) -> LocalizedStr:
        said = super().__new__(cls, value)
        said.words = words
        return said

    def __str__(self) -> str:
        return str(self.words)


def localized_date(value: date) -> LocalizedStr:
    """A day: in ISO 8601, and as people write it."""
    return LocalizedStr(value.isoformat(), lazy(date_format, str)(value, "SHORT_DATE_FORMAT"))


def display_value(value: Any, nothing: str = "-") -> str:
    """A value of a field, in the language of who reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if isinstance(value, datetime):
        return date_format(localtime(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "SHORT_DATE_FORMAT")
    return nothing if value in (None, "") else str(localize(value))
