"""The range of the ids of rows (64-bit integers)."""

from django.db.models import BigIntegerField

MAX_ID = BigIntegerField.MAX_BIGINT


def is_id(text: str) -> bool:
    """Whether `text` can be the id of a row: ASCII digits, from 1 to MAX_ID."""
    return text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID
