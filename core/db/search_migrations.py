"""Fills the keys of core.db.search in existing rows: for migrations and other loaders."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections, transaction

from core.db.search import set_derived_fields

BATCH_SIZE = 5_000

FUNCTION = r"""
CREATE FUNCTION search_key_prefixes(text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 4000 AS $$
    SELECT coalesce(array_to_tsvector(
        array_agg(word) || array_agg(left(word, 1)) || array_agg(left(word, 2))
        || array_agg(left(word, 3)) || array_agg(left(word, 4)) || array_agg(left(word, 5))
        || array_agg(left(word, 6))
    ), '') FROM string_to_table(split_part($1, '|', 1), ' ') AS word WHERE word <> ''
$$
"""


def create_function(apps: Any, schema_editor: Any) -> None:
    """Create the function of SearchKeyPrefixes: the words, and their first one to six letters."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION, params=None)


def drop_function(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION search_key_prefixes(text)")


def fill_keys(
    schema_editor: Any, model: Any, keys: Mapping[str, Callable[..., str]], *sources: str
) -> None:
    """Fill the empty keys of all rows, in batches that lock a few rows for a short time.

    `keys` has a function for each key; its arguments are the values of the fields `sources`.
    """
    rows = model.objects.filter(search_key="").order_by("pk")
    last_pk = 0
    while True:
        batch = list(rows.filter(pk__gt=last_pk).values_list("pk", *sources)[:BATCH_SIZE])
        if not batch:
            break
        values = [(pk, *(make_key(*texts) for make_key in keys.values())) for pk, *texts in batch]
        _update(schema_editor.connection, model, list(keys), values)
        last_pk = batch[-1][0]


def fill_derived_fields(model: Any, *, every_row: bool = False) -> int:
    """Fill the derived fields of rows that another program has inserted, which are empty.

    With `every_row`, correct those of all rows, for one that has changed rows. Returns the number
    of rows written.
    """
    fields = model._meta.concrete_fields
    names = [field.name for field in fields if hasattr(field, "derive")]
    rows = model._base_manager.order_by("pk").select_for_update(no_key=True)
    if not every_row:
        rows = rows.filter(search_key="")
    last_pk, number = 0, 0
    while True:
        # One transaction for each batch: the rows are locked for a short time.
        with transaction.atomic():
            batch = list(rows.filter(pk__gt=last_pk)[:BATCH_SIZE])
            values = []
            for row in batch:
                old = [getattr(row, name) for name in names]
                set_derived_fields(row)
                new = [getattr(row, name) for name in names]
                if old != new:
                    values.append((row.pk, *new))
            if values:
                _update(connections[rows.db], model, names, values)
        if not batch:
            return number
        last_pk = batch[-1].pk
        number += len(values)


def analyze(schema_editor: Any, *models: Any) -> None:
    """Make the statistics of the new columns and indexes, on which searches depend."""
    if schema_editor.connection.vendor == "postgresql":
        for model in models:
            schema_editor.execute(f"ANALYZE {schema_editor.quote_name(model._meta.db_table)}")


def _update(connection: Any, model: Any, names: list[str], values: list[tuple[Any, ...]]) -> None:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(["%s::bigint[]", *("%s::text[]" for _name in names)])
            columns = ", ".join(quote(name) for name in names)
            assigned = ", ".join(f"{quote(name)} = new.{quote(name)}" for name in names)
            cursor.execute(
                f"UPDATE {table} SET {assigned} FROM unnest({arrays}) AS new (id, {columns})"  # noqa: S608
                f" WHERE {table}.id = new.id",
                [list(column) for column in zip(*values, strict=True)],
            )
            return
        assigned = ", ".join(f"{quote(name)} = %s" for name in names)
        cursor.executemany(
            f"UPDATE {table} SET {assigned} WHERE id = %s",  # noqa: S608
            [(*keys, pk) for pk, *keys in values],
        )
