"""Rows that are written once: nobody changes or deletes them, whichever door they come through."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from simple_history.manager import HistoricalQuerySet


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Reads, and adds. Every way of changing or deleting is closed."""

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Add rows. Raises TypeError where rows that are there already would be written over."""
        if kwargs.get("update_conflicts"):
            self._closed()
        return super().bulk_create(objs, *args, **kwargs)

    def _closed(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("History is kept: it is neither changed nor deleted.")

    bulk_update = update = update_or_create = delete = _raw_delete = _closed


class AppendOnlyHistoryQuerySet(AppendOnlyQuerySet, HistoricalQuerySet):
    """simple-history's own querysets, closed in the same way."""


class AppendOnlyModel(models.Model):
    """A row that is written once."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *, using: str | None = None, **_kwargs: Any) -> None:
        """Add the row. Raises TypeError for one that is there already."""
        if not self._state.adding:
            raise TypeError("History is kept: it is neither changed nor deleted.")
        super().save(force_insert=True, using=using)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("History is kept: it is neither changed nor deleted.")
