"""Puts the texts of existing rows into one form, for migrations. See core.text."""

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

REASON = "Put into one form of text."
BATCH_SIZE = 500

Values = dict[str, Any]
Key = tuple[Any, ...]


def normalize_rows(
    model: Any,
    history_model: Any,
    cleaners: Mapping[str, Callable[[Any], Any]],
    unique: Mapping[tuple[str, ...], Callable[[Key], Key]],
) -> list[str]:
    """Clean the fields of `cleaners` in all rows of `model`, with a history record for each.

    `unique` has the unique keys: the names of their fields, and a function that returns what the
    database compares. A row whose key would be that of another row stays as it is.
    Returns a line of text about each of these rows.
    """
    left: list[str] = []
    changes = _find_changes(model, cleaners)
    if not changes:
        return []
    remaining = iter(changes)
    taken = {names: _get_keys(model, names, compare) for names, compare in unique.items()}
    while batch := list(islice(remaining, BATCH_SIZE)):
        with transaction.atomic(using=model.objects.db):
            for pk, values in batch:
                row = model.objects.select_for_update(no_key=True).order_by().get(pk=pk)
                before = {name: getattr(row, name) for name in values}
                for name, value in values.items():
                    setattr(row, name, value)
                if conflict := _find_conflict(row, taken, unique):
                    left.append(f"{model._meta.model_name} {pk}: {before} ({conflict})")
                    continue
                for names, compare in unique.items():
                    taken[names][compare(_get_key(row, names))] = pk
                model.objects.filter(pk=pk).update(**values)
                _add_record(row, history_model)
    return left


def report(lines: Sequence[str]) -> None:
    """Print the rows that stay as they are."""
    if lines:
        sys.stderr.write(
            "\nThese rows stay as they are, because another row has their key by now. "
            "Correct them by hand:\n"
        )
        sys.stderr.writelines(f"  {line}\n" for line in lines)


def _find_changes(
    model: Any, cleaners: Mapping[str, Callable[[Any], Any]]
) -> list[tuple[Any, Values]]:
    """The rows to be changed: their primary key and the new values."""
    rows = model.objects.order_by("pk").values_list("pk", *cleaners)
    changes = []
    for pk, *values in rows.iterator():
        changed = {}
        for (name, clean), value in zip(cleaners.items(), values, strict=True):
            if value and clean(value) != value:
                changed[name] = clean(value)
        if changed:
            changes.append((pk, changed))
    return changes


def _get_keys(model: Any, names: tuple[str, ...], compare: Callable[[Key], Key]) -> dict[Key, Any]:
    rows = model.objects.order_by().values_list("pk", *names)
    return {compare(tuple(key)): pk for pk, *key in rows.iterator()}


def _get_key(row: Any, names: tuple[str, ...]) -> Key:
    return tuple(getattr(row, name) for name in names)


def _find_conflict(
    row: Any,
    taken: Mapping[tuple[str, ...], Mapping[Key, Any]],
    unique: Mapping[tuple[str, ...], Callable[[Key], Key]],
) -> str:
    for names, compare in unique.items():
        owner = taken[names].get(compare(_get_key(row, names)), row.pk)
        if owner != row.pk:
            return f"{', '.join(names)} of {owner}"
    return ""


def _add_record(row: Any, history_model: Any) -> None:
    tracked = {field.attname for field in history_model._meta.concrete_fields}
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname in tracked
    }
    history_model.objects.create(
        **values,
        history_type="~",
        history_date=timezone.now(),
        history_change_reason=REASON,
        door="command",
        who="",
        override=[],
    )
