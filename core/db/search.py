"""Search by the beginnings of words, the same for every list and door."""

import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import connection
from django.db.models import BooleanField, Case, Exists, Func, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import IsNull, Regex
from django.utils.deconstruct import deconstructible

Q_ = TypeVar("Q_", bound=QuerySet[Any])
# Where at least this share of the rows is found, the first of them are soon met in any order.
NEARLY_ALL_SHARE = 0.9
# So are those of this share, of all rows, who are found by a field that no order goes by. (What PostgreSQL knows of a field is true to a hundredth.)
COMMON_SHARE = 0.01
# The name of the expression that what was found is sorted by.
SORT_ANNOTATION = "sorted_by"


def search(queryset: Q_, text: str, fields: tuple[str, ...], anywhere: str | None = None) -> Q_:
    """Rows of `queryset`, which is in its order already, in which every word of `text` begins a word of one of `fields`, compared without case.

    PostgreSQL finds them by the WordIndex of the same fields. It would rather read the order's index until a page is full, taking those
    that are found for spread evenly over it; but all who are called Nguyen stand together in the order by name, maybe at its far end.
    So it is asked how many it expects, and kept from reading in order unless these are nearly all, or so many are found by the field
    `anywhere`, whose equals stand together in no order.
    """
    words = text.split()
    if connection.vendor != "postgresql":
        return queryset.filter(
            *(_maybe(word, fields) for word in words), word_prefix_filter(text, fields)
        )
    if not words or not all(map(_can_be_sought, words)):
        return queryset.filter(word_prefix_filter(text, fields))
    found = _found(text, fields)
    if _expects_many(queryset, text, fields, anywhere):
        # To look at a row costs a tenth of working out its words.
        return queryset.filter(found, hint_most_rows_match(word_prefix_filter(text, fields)))
    # The index knows letters and digits alone.
    others = " ".join(word for word in words if re.search(r"[\W_]", word))
    return _sorted(queryset.filter(found, word_prefix_filter(others, fields)))


def word_prefix_filter(text: str, fields: Iterable[str]) -> Q:
    """That every word of `text` begins a word of one of `fields`, compared without case: for rows that are few, since each is looked at."""
    words = text.split()
    if not all(map(_can_be_sought, words)):
        return Q(pk__in=[])
    patterns = map(_pattern, words)
    if connection.vendor == "postgresql":
        # In small letters, as the index has them: a Turkish I is an i to `lower`, and none to `iregex`.
        row = Func(
            *fields,
            template="lower(%(expressions)s)",
            arg_joiner=" || ' ' || ",
            output_field=TextField(),
        )
        return Q(*(Regex(row, Lower(Value(pattern))) for pattern in patterns))
    return Q(
        *(
            Q(*((f"{field}__iregex", pattern) for field in fields), _connector=Q.OR)
            for pattern in patterns
        )
    )


def hint_most_rows_match(condition: Q | Exists) -> Q:
    """`condition`, which PostgreSQL takes nearly every row to meet: it reads rows in their order, and looks at each until a page is full."""
    return Q(IsNull(Case(When(condition, then=Value(True))), False))


def scans_in_order(found: QuerySet[Any]) -> bool:
    """Whether PostgreSQL is to look along the rows for what `search` found in an order by columns of the model's own, for so many are."""
    return connection.vendor == "postgresql" and SORT_ANNOTATION not in found.query.annotations


def estimated_rows(rows: QuerySet[Any]) -> int:
    """How many `rows` PostgreSQL expects."""
    plan = rows.order_by().explain(format="json")
    # Of none at all Django asks nothing.
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"]) if plan else 0


def _pattern(word: str) -> str:
    """What both PostgreSQL and Python (whom SQLite asks) read alike, in small letters too."""
    return rf"(^|[^\w]|_){re.escape(word)}"


def _can_be_sought(word: str) -> bool:
    return re.search(r"[^\W_]", word) is not None


def _maybe(word: str, fields: tuple[str, ...]) -> Q:
    """What SQLite itself can tell of `word`, eight times as quickly as it asks Python: that one of `fields` contains its ASCII letters.
    Three of them are left out, for others are taken for the same: the Turkish ones for i, the long s, the sign for Kelvin."""
    pieces = [
        piece for piece in re.split(r"[iks]|[^\x00-\x7f]", word, flags=re.IGNORECASE) if piece
    ]
    return Q(
        *(Q(*((f"{field}__icontains", piece) for piece in pieces)) for field in fields),
        _connector=Q.OR,
    )


def _found(text: str, fields: tuple[str, ...]) -> Func:
    return Func(
        WordPrefixes(*fields),
        SearchTerms(Value(text)),
        template="%(expressions)s",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )


def _expects_many(
    queryset: QuerySet[Any], text: str, fields: tuple[str, ...], anywhere: str | None
) -> bool:
    """Whether a page of what is found is full before many rows were read, by the statistics that PostgreSQL keeps of the index and of each field."""
    every: Any = queryset.model._base_manager.using(queryset.db).order_by().values("pk")
    asked = [every.filter(_found(text, fields))]
    if anywhere and len(text.split()) == 1:
        # Of several words another is the last name's.
        asked.append(every.filter(**{f"{anywhere}__iregex": _pattern(text)}))
    [answer] = json.loads(every.union(*asked, all=True).explain(format="json"))
    total, found, *spread = (plan["Plan Rows"] for plan in answer["Plan"]["Plans"])
    return found >= total * NEARLY_ALL_SHARE or any(
        number >= total * COMMON_SHARE for number in spread
    )


def _sorted(queryset: Q_) -> Q_:
    """`queryset` in its order, but by an expression that no index has."""
    first, *others = queryset.query.order_by or queryset.query.get_meta().ordering or ["pk"]
    name = str(first).removeprefix("-")
    if name not in {
        "pk",
        *(field.name for field in queryset.model._meta.concrete_fields if not field.is_relation),
    }:
        return queryset
    sign = "-" if str(first).startswith("-") else ""
    return queryset.annotate(**{SORT_ANNOTATION: Coalesce(name, name)}).order_by(
        sign + SORT_ANNOTATION, *others
    )


@deconstructible(path="core.db.search.WordPrefixes")
class WordPrefixes(Func):
    """What the words of some fields begin with. The function is made by a migration, for PostgreSQL."""

    function = "school_beginnings"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class SearchTerms(Func):
    """A text as a query of Beginnings."""

    function = "school_sought"
    output_field = SearchQueryField()


class WordIndex(GinIndex):
    """What `search` goes by on PostgreSQL: an index of Beginnings. Other databases have none."""

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        return (
            super().create_sql(model, schema_editor, using, **kwargs)
            if schema_editor.connection.vendor == "postgresql"
            else ""
        )

    def remove_sql(self, model: Any, schema_editor: Any, **kwargs: Any) -> Any:
        return (
            super().remove_sql(model, schema_editor, **kwargs)
            if schema_editor.connection.vendor == "postgresql"
            else ""
        )


class AddWordIndex(AddIndexConcurrently):
    """Makes a WordIndex of a table while others write to it."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)
