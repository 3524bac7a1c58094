"""Values that stand in a sentence otherwise than in JSON."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format
from django.utils.functional import Promise, lazy


class Said(str):
    """A value for programs, which a sentence says in `words`, in the language of who reads it."""

    words: str | Promise

    def __new__(cls, value: str, words: str | Promise) -> Said:
        said = super().__new__(cls, value)
        said.words = words
        return said

    def __str__(self) -> str:
        return str(self.words)


def day(value: date) -> Said:
    """A day: in ISO 8601, and as people write it."""
    return Said(value.isoformat(), lazy(date_format, str)(value, "SHORT_DATE_FORMAT"))
