"""Search by word prefixes, by a key that is stored in each row: the same on every database.

A SearchKeyField has the words of a row without case, accents and apostrophes, and a SortKeyField
has the text by which rows are sorted. See core.text.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import connection
from django.db.migrations.operations.base import Operation
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    Func,
    Model,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils.deconstruct import deconstructible

from core.db.fields import CodePointOrderMixin
from core.text import (
    MAX_SORT_KEY_LENGTH,
    MAX_WORD_LENGTH,
    fold,
    get_search_words,
    get_sort_key,
    split_words,
)

Q_ = TypeVar("Q_", bound=QuerySet[Any])
# If at least this share of all rows matches, a scan in any order soon has a page of matches.
NEARLY_ALL_SHARE = 0.9
# So it has if this share of all rows matches in a field whose values are spread evenly over the
# order. (PostgreSQL's statistics are accurate to about 1 %.)
COMMON_SHARE = 0.01
# The annotation that matches are sorted by.
SORT_ANNOTATION = "sorted_by"
SEARCH_KEY = "search_key"


class DerivedField:
    """A field whose value is computed from other fields of the row, `sources`, when it is saved.

    It is no part of the history. A save of a source must save it too: see `with_derived_fields`.
    """

    sources: Sequence[str]

    def derive(self, instance: Model) -> str:
        raise NotImplementedError

    def pre_save(self, instance: Model, add: bool) -> str:  # noqa: FBT001 (Django calls it)
        value = self.derive(instance)
        setattr(instance, self.attname, value)  # type: ignore[attr-defined]
        return value


class SearchKeyField(DerivedField, TextField):  # type: ignore[type-arg]
    """The words by which a row is found, each between spaces.

    Those of `joined` are also found without the space between them ("CS 101" as "cs101").
    """

    def __init__(
        self, joined: Sequence[str] = (), words: Sequence[str] = (), **kwargs: Any
    ) -> None:
        self.joined, self.words = joined, words
        self.sources = (*joined, *words)
        super().__init__(**{"editable": False, "default": "", "db_default": "", **kwargs})

    def derive(self, instance: Model) -> str:
        return make_search_key(
            [getattr(instance, name) for name in self.joined],
            [getattr(instance, name) for name in self.words],
        )


class SortKeyField(CodePointOrderMixin, DerivedField, CharField):  # type: ignore[type-arg]
    """The text by which rows are sorted: `sources` as in a telephone directory."""

    def __init__(self, *sources: str, **kwargs: Any) -> None:
        self.sources = sources
        defaults = {"editable": False, "default": "", "db_default": "", "blank": True}
        super().__init__(**{"max_length": MAX_SORT_KEY_LENGTH, **defaults, **kwargs})

    def derive(self, instance: Model) -> str:
        return get_sort_key(*(getattr(instance, name) for name in self.sources))


def with_derived_fields(model: type[Model], names: Sequence[str]) -> list[str]:
    """`names` of fields to be saved, and those of the fields derived from them."""
    derived = [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, DerivedField) and not set(names).isdisjoint(field.sources)
    ]
    return [*names, *(name for name in derived if name not in names)]


def set_derived_fields(row: Model) -> None:
    """Compute the derived fields of `row`, for bulk_update()."""
    for field in row._meta.concrete_fields:
        if isinstance(field, DerivedField):
            field.pre_save(row, False)


def make_search_key(joined: Sequence[str], words: Sequence[str]) -> str:
    """The search key of a row with these texts: its words, each between spaces.

    Words with signs in them come after a "|", and are not in the index. See SearchKeyField.
    """
    found: dict[str, None] = {}
    exact: dict[str, None] = {}
    for text, joins in [
        *((text, join) for text in joined for join in (False, True)),
        *((text, False) for text in words),
    ]:
        new_words, new_exact = get_search_words(text, join=joins)
        found |= dict.fromkeys(new_words)
        exact |= dict.fromkeys(new_exact)
    return f" {' '.join(found)} | {' '.join(exact)} "


def search(queryset: Q_, text: str, *, anywhere: str | None = None) -> Q_:
    """The rows in which every word of `text` begins a word of the search key.

    `queryset` must have its final order. On PostgreSQL the rows are found by a SearchKeyIndex.

    PostgreSQL assumes that matches are spread evenly over the order, and would scan the order's
    index until a page is full. But all rows with the last name Nguyen are next to each other in
    the order by name, perhaps at its end. So the scan in order is prevented, unless the planner's
    estimate says that nearly all rows match, or many by the field `anywhere`, whose values are
    spread evenly over every order.
    """
    condition = search_filter(text)
    words = _parse(text)
    if connection.vendor != "postgresql" or not words:
        return queryset.filter(condition)
    matches = _matches_index(words)
    if _expects_many(queryset, matches, text, anywhere):
        # Matching the key of one row takes a fraction of the time of its text vector.
        return queryset.filter(matches, hint_most_rows_match(condition))
    return _sort_matches(queryset.filter(matches, condition))


def search_filter(text: str, key: str = SEARCH_KEY) -> Q:
    """The condition that every word of `text` begins a word of the search key `key`.

    It uses no index, so it is for querysets that other conditions make small.
    """
    words = _parse(text)
    if words is None:
        return Q(pk__in=[])
    return Q(*((f"{key}__contains", f" {word}") for word in words))


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


def _parse(text: str) -> list[str] | None:
    """The words of `text`, folded; None if one of them has no letter and no digit."""
    words = [fold(chunk)[:MAX_WORD_LENGTH] for chunk in text.split()]
    return words if all(map(split_words, words)) else None


def _matches_index(words: Sequence[str]) -> Func:
    """The condition on the index, which has the words without signs.

    It has the first one to six letters of each word; longer words are looked up by their prefix.
    """
    letters = ["".join(split_words(word)) for word in words]
    query = " & ".join(f"'{word}':*" if len(word) > 6 else f"'{word}'" for word in letters)
    return Func(
        SearchKeyPrefixes(SEARCH_KEY),
        Func(
            Value(query),
            template="%(expressions)s::tsquery",
            output_field=SearchQueryField(),
        ),
        template="%(expressions)s",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )


def _expects_many(queryset: QuerySet[Any], matches: Func, text: str, anywhere: str | None) -> bool:
    """Whether a scan in order soon has a page of matches, by the planner's estimates."""
    rows: Any = queryset.model._base_manager.using(queryset.db).order_by().values("pk")
    found = [rows.filter(matches)]
    if anywhere and len(text.split()) == 1:
        # One of several words is probably the last name, whose matches are not spread evenly.
        pattern = rf"(^|[^\w]|_){re.escape(text.strip())}"
        found.append(rows.filter(**{f"{anywhere}__iregex": pattern}))
    # One EXPLAIN of a UNION gives all estimates at once. Django would give it the model's order.
    estimates = rows.union(*found, all=True).order_by()
    [explained] = json.loads(estimates.explain(format="json"))
    total, estimate, *spread = (plan["Plan Rows"] for plan in explained["Plan"]["Plans"])
    if estimate >= total * NEARLY_ALL_SHARE:
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


@deconstructible(path="core.db.search.SearchKeyPrefixes")
class SearchKeyPrefixes(Func):
    """The words of a search key and their first letters. A migration creates the function."""

    function = "search_key_prefixes"
    output_field = SearchVectorField()


@deconstructible(path="core.db.search.WordPrefixes")
class WordPrefixes(Func):
    """The text search vector of former migrations."""

    function = "school_beginnings"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class WordIndex(GinIndex):
    """The index that `search` uses on PostgreSQL. It is not created on other databases."""

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


class PostgreSQLOnlyMixin(Operation):
    """An operation that other databases pass over."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)


class AddWordIndex(PostgreSQLOnlyMixin, AddIndexConcurrently):
    """Creates a WordIndex without blocking writes."""


class RemoveWordIndex(PostgreSQLOnlyMixin, RemoveIndexConcurrently):
    """Removes a WordIndex without blocking writes."""
