"""Values as people read them, in the language of the reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils.formats import date_format, localize
from django.utils.functional import Promise, lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class LocalizedValue:
    """A parameter of a message: `value` for programs, `text` in the sentence that people read."""

    value: str
    text: str | Promise

    def __str__(self) -> str:
        return str(self.text)


def localized_date(value: date) -> LocalizedValue:
    """A date: in ISO 8601 for programs, in the short format of the reader's language for people."""
    return LocalizedValue(value.isoformat(), lazy(date_format, str)(value, "SHORT_DATE_FORMAT"))


def localized_number(value: Decimal) -> LocalizedValue:
    """A number with at most two decimals: as in JSON for programs, for people as pages show it."""
    return LocalizedValue(f"{value:.2f}", lazy(floatformat, str)(value, -2))


def plain_value(param: Any) -> Any:
    """A message's parameter as programs get it."""
    return param.value if isinstance(param, LocalizedValue) else param


def display_value(value: Any, nothing: str = "-", field: Any = None) -> str:
    """The value of a model's field as text; `nothing` stands for None and the empty text.

    A `field`, of a model or a form, whose values need more than this has a method `display`.
    """
    if hasattr(field, "display"):
        value = field.display(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if isinstance(value, datetime):
        return date_format(localtime(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "SHORT_DATE_FORMAT")
    if isinstance(value, Decimal):
        # As the pages show it: 3 and 2.50.
        return str(floatformat(value, -2))
    return nothing if value in (None, "") else str(localize(value))
