"""Search by the beginnings of words, the same for every list and door."""

import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import connections
from django.db.models import BooleanField, Case, Exists, Func, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.deconstruct import deconstructible

Q_ = TypeVar("Q_", bound=QuerySet[Any])
# Where at least this share of the rows is found, the first of them are soon met in any order.
NEARLY_ALL = 0.9
# The name of the expression that what was found is sorted by.
SORTED = "sorted_by"


def search(queryset: Q_, text: str, fields: tuple[str, ...]) -> Q_:
    """Rows of `queryset`, which is in its order already, in which every word of `text` begins a word of one of `fields`, compared without case.

    PostgreSQL finds them by the WordIndex of the same fields. It would rather read the order's index until a page is full, taking those
    that are found for spread evenly over it; but all who are called Nguyen stand together in the order by name, maybe at its far end.
    So it is asked how many it expects, and kept from reading in order unless these are nearly all.
    """
    words = text.split()
    if words and all(map(_can_be_sought, words)) and connections[queryset.db].vendor == "postgresql":
        found = Func(Beginnings(*fields), Sought(Value(text)), template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
        if _share(queryset, found) < NEARLY_ALL:
            # The index knows letters and digits alone.
            others = " ".join(word for word in words if re.search(r"[\W_]", word))
            return _sorted(queryset.filter(found, beginning(others, fields)))
    return queryset.filter(beginning(text, fields))


def beginning(text: str, fields: Iterable[str]) -> Q:
    """That every word of `text` begins a word of one of `fields`, compared without case: for rows that are few, since each is looked at."""
    words = text.split()
    if not all(map(_can_be_sought, words)):
        return Q(pk__in=[])
    # Both PostgreSQL and Python (which SQLite calls) read this pattern alike.
    patterns = [rf"(^|\W|_){re.escape(word)}" for word in words]
    return Q(*(Q(*((f"{field}__iregex", pattern) for field in fields), _connector=Q.OR) for pattern in patterns))


def narrow(queryset: Q_, condition: Exists) -> Q_:
    """Those of `queryset`, searched or not, that meet `condition`."""
    return queryset.filter(of_each(condition) if SORTED in queryset.query.annotations else condition)


def of_each(condition: Exists) -> Q:
    """`condition`, for rows that are searched too: PostgreSQL asks it of those that are found, and never works out the words of all that meet it."""
    return Q(Case(When(condition, then=Value(True)), default=Value(False)))


def _can_be_sought(word: str) -> bool:
    return re.search(r"[^\W_]", word) is not None


def _share(queryset: QuerySet[Any], found: Any) -> float:
    """The share of all rows that PostgreSQL expects to be `found`: it keeps statistics of the index."""
    every: Any = queryset.model._base_manager.using(queryset.db).order_by().values("pk")
    [answer] = json.loads(every.filter(found).union(every, all=True).explain(format="json"))
    some, total = (plan["Plan Rows"] for plan in answer["Plan"]["Plans"])
    return float(some / total)


def _sorted(queryset: Q_) -> Q_:
    """`queryset` in its order, but by an expression that no index has."""
    first, *others = queryset.query.order_by or queryset.query.get_meta().ordering or ["pk"]
    name = str(first).removeprefix("-")
    if name not in {"pk", *(field.name for field in queryset.model._meta.concrete_fields if not field.is_relation)}:
        return queryset
    sign = "-" if str(first).startswith("-") else ""
    return queryset.annotate(**{SORTED: Coalesce(name, name)}).order_by(sign + SORTED, *others)


@deconstructible(path="courses.shared.search.Beginnings")
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
