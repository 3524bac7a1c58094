"""Search by the beginnings of words, the same for every list and door."""

import re
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import connections
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower, StrIndex
from django.db.models.lookups import GreaterThan
from django.utils.deconstruct import deconstructible

Q_ = TypeVar("Q_", bound=QuerySet[Model])


def search(queryset: Q_, text: str, fields: tuple[str, ...]) -> Q_:
    """Rows of `queryset` in which every word of `text` begins a word of one of `fields`, compared without case.

    PostgreSQL finds them by the WordIndex of the same fields.
    """
    words = text.split()
    if not all(re.search(r"[^\W_]", word) for word in words):
        return queryset.none()
    if words and connections[queryset.db].vendor == "postgresql":
        queryset = queryset.filter(Func(Beginnings(*fields), Sought(Value(text)), template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField()))
        # Where the rows are read in their order and not by the index, most are passed by for a tenth of what it takes to know their words.
        text_of = Lower(Concat(*(part for field in fields for part in (F(field), Value(" "))), output_field=TextField()))
        for word in words:
            queryset = queryset.filter(GreaterThan(StrIndex(text_of, Lower(Value(word))), 0))
        # The index knows letters and digits alone.
        words = [word for word in words if re.search(r"[\W_]", word)]
    for word in words:
        # Both PostgreSQL and Python (which SQLite calls) read this pattern alike.
        pattern = rf"(^|\W|_){re.escape(word)}"
        queryset = queryset.filter(Q(*((f"{field}__iregex", pattern) for field in fields), _connector=Q.OR))
    return queryset


@deconstructible(path="courses.search.Beginnings")
class Beginnings(Func):
    """What the words of some fields begin with. The function is made by a migration, for PostgreSQL."""

    function = "school_beginnings"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class Sought(Func):
    """A text as a query of Beginnings."""

    function = "school_sought"
    output_field = SearchQueryField()


class WordIndex(GinIndex):
    """What `search` goes by on PostgreSQL: an index of Beginnings. Other databases have none."""

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        return super().create_sql(model, schema_editor, using, **kwargs) if schema_editor.connection.vendor == "postgresql" else ""

    def remove_sql(self, model: Any, schema_editor: Any, **kwargs: Any) -> Any:
        return super().remove_sql(model, schema_editor, **kwargs) if schema_editor.connection.vendor == "postgresql" else ""


class AddWordIndex(AddIndexConcurrently):
    """Makes a WordIndex of a table while others write to it."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)
