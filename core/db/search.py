"""Search by word prefixes, the same for all lists."""

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
# If at least this share of all rows matches, a scan in any order soon has a page of matches.
NEARLY_ALL_SHARE = 0.9
# So it has if this share of all rows matches in a field whose values are spread evenly over the
# order. (PostgreSQL's statistics are accurate to about 1 %.)
COMMON_SHARE = 0.01
# The annotation that matches are sorted by.
SORT_ANNOTATION = "sorted_by"


def search(queryset: Q_, text: str, fields: tuple[str, ...], anywhere: str | None = None) -> Q_:
    """The rows in which every word of `text` begins a word of one of `fields`, without case.

    `queryset` must have its final order. On PostgreSQL the rows are found by the WordIndex of the
    same fields.

    PostgreSQL assumes that matches are spread evenly over the order, and would scan the order's
    index until a page is full. But all rows with the last name Nguyen are next to each other in
    the order by name, perhaps at its end. So the scan in order is prevented, unless the planner's
    estimate says that nearly all rows match, or many by the field `anywhere`, whose values are
    spread evenly over every order.
    """
    words = text.split()
    if connection.vendor != "postgresql":
        return queryset.filter(
            *(_prefilter(word, fields) for word in words), word_prefix_filter(text, fields)
        )
    if not words or not all(map(_has_letter_or_digit, words)):
        return queryset.filter(word_prefix_filter(text, fields))
    found = _matches_index(text, fields)
    if _expects_many(queryset, text, fields, anywhere):
        # Matching one row by regular expressions takes a tenth of the time of its text vector.
        return queryset.filter(found, hint_most_rows_match(word_prefix_filter(text, fields)))
    # The index has only letters and digits, so words with other characters are matched again.
    inexact = " ".join(word for word in words if re.search(r"[\W_]", word))
    return _sort_matches(queryset.filter(found, word_prefix_filter(inexact, fields)))


def word_prefix_filter(text: str, fields: Iterable[str]) -> Q:
    """The condition that every word of `text` begins a word of one of `fields`, without case.

    It uses no index, so it is for querysets that other conditions make small.
    """
    words = text.split()
    if not all(map(_has_letter_or_digit, words)):
        return Q(pk__in=[])
    patterns = map(_pattern, words)
    if connection.vendor == "postgresql":
        # Lower case as in the index: a Turkish İ is an i for `lower`, but not for `iregex`.
        row = Func(
            *fields,
            template="lower(%(expressions)s)",
            arg_joiner=" || ' ' || ",
            output_field=TextField(),
        )
        return Q(*(Regex(row, Lower(Value(pattern))) for pattern in patterns))
    condition = Q()
    for pattern in patterns:
        condition &= Q(*((f"{field}__iregex", pattern) for field in fields), _connector=Q.OR)
    return condition


def hint_most_rows_match(condition: Q | Exists) -> Q:
    """`condition`, in a form for which PostgreSQL's planner assumes that nearly all rows match.

    So it scans the rows in their order and checks each until a page is full.
    """
    return Q(IsNull(Case(When(condition, then=Value(True))), False))


def scans_in_order(found: QuerySet[Any]) -> bool:
    """Whether `found`, a result of `search`, makes PostgreSQL scan the rows in their order.

    For orders by columns of the model itself.
    """
    return connection.vendor == "postgresql" and SORT_ANNOTATION not in found.query.annotations


def estimated_rows(rows: QuerySet[Any]) -> int:
    """The planner's estimate of the number of rows. PostgreSQL only."""
    plan = rows.order_by().explain(format="json")
    # For a queryset that is known to be empty, Django runs no query and returns "".
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"]) if plan else 0


def _pattern(word: str) -> str:
    """A regular expression with the same meaning in PostgreSQL and Python, also in lower case.

    (Django runs the regular expressions of SQLite in Python.)
    """
    return rf"(^|[^\w]|_){re.escape(word)}"


def _has_letter_or_digit(word: str) -> bool:
    return re.search(r"[^\W_]", word) is not None


def _prefilter(word: str, fields: tuple[str, ...]) -> Q:
    """A necessary condition that SQLite checks itself, eight times as fast as calling Python.

    One of `fields` contains the ASCII parts of `word`. The letters i, k and s are left out,
    because other characters equal them without case: the dotless and the dotted i of Turkish,
    the Kelvin sign, the long s.
    """
    parts = re.split(r"[iks]|[^\x00-\x7f]", word, flags=re.IGNORECASE)
    condition = Q()
    for field in fields:
        condition |= Q(*((f"{field}__icontains", part) for part in parts if part))
    return condition


def _matches_index(text: str, fields: tuple[str, ...]) -> Func:
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
    """Whether a scan in order soon has a page of matches, by the planner's estimates."""
    rows: Any = queryset.model._base_manager.using(queryset.db).order_by().values("pk")
    matches = [rows.filter(_matches_index(text, fields))]
    if anywhere and len(text.split()) == 1:
        # One of several words is probably the last name, whose matches are not spread evenly.
        matches.append(rows.filter(**{f"{anywhere}__iregex": _pattern(text)}))
    # One EXPLAIN of a UNION gives all estimates at once.
    [explained] = json.loads(rows.union(*matches, all=True).explain(format="json"))
    total, found, *spread = (plan["Plan Rows"] for plan in explained["Plan"]["Plans"])
    if found >= total * NEARLY_ALL_SHARE:
        return True
    return any(number >= total * COMMON_SHARE for number in spread)


def _sort_matches(queryset: Q_) -> Q_:
    """`queryset` in the same order, by an expression without an index, to prevent a scan of it."""
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
    """The text search vector of the words of some fields. A migration creates the function."""

    function = "school_beginnings"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class SearchTerms(Func):
    """The text search query that matches WordPrefixes beginning with the words of a text."""

    function = "school_sought"
    output_field = SearchQueryField()


class WordIndex(GinIndex):
    """The index of WordPrefixes that `search` uses. It is not created on other databases."""

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
    """Creates a WordIndex without blocking writes."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)
