"""Search by the beginnings of words, the same for every list and door."""

import re
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

Q_ = TypeVar("Q_", bound=QuerySet[Model])


def search(queryset: Q_, text: str, fields: tuple[str, ...]) -> Q_:
    """Rows of `queryset` in which every word of `text` begins a word of one of `fields`, compared without case."""
    for word in text.split():
        # Both PostgreSQL and Python (which SQLite calls) read this pattern alike.
        pattern = rf"(^|\W|_){re.escape(word)}"
        queryset = queryset.filter(Q(*((f"{field}__iregex", pattern) for field in fields), _connector=Q.OR))
    return queryset
