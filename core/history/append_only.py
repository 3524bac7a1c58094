"""Models whose rows are added and read, and never changed or deleted."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from simple_history.manager import HistoricalQuerySet


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """A queryset that raises TypeError for every method that changes or deletes rows."""

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Add rows. Raises TypeError for `update_conflicts`, which overwrites existing rows."""
        if kwargs.get("update_conflicts"):
            self._refuse()
        return super().bulk_create(objs, *args, **kwargs)

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("History is kept: it is neither changed nor deleted.")

    bulk_update = update = update_or_create = delete = _raw_delete = _refuse


class AppendOnlyHistoryQuerySet(AppendOnlyQuerySet, HistoricalQuerySet):
    """simple-history's queryset, append-only."""


class AppendOnlyModel(models.Model):
    """A model whose instances are saved once."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *, using: str | None = None, **_kwargs: Any) -> None:
        """Insert the row. Raises TypeError if it is in the database already."""
        if not self._state.adding:
            raise TypeError("History is kept: it is neither changed nor deleted.")
        super().save(force_insert=True, using=using)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("History is kept: it is neither changed nor deleted.")
