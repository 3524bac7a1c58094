"""Models whose every change writes a history record in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError
from django.dispatch import Signal
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from core.db.fields import ListField
from core.db.search import DerivedField, with_derived_fields
from core.db.transactions import atomic_with_reruns
from core.history.actor import (
    Door,
    current_door,
    current_reason,
    current_user,
    current_username,
)
from core.history.append_only import AppendOnlyHistoryQuerySet, AppendOnlyModel

# Sent after rows of a model (the sender) were written, by `save()` or in bulk, and within the
# transaction, which is one of `atomic_with_reruns`. Arguments: `rows`; `changed` (False: they are
# new); from `save()` also `fields`, the names in `update_fields` (None: all).
rows_saved = Signal()


class AuditedModel(AppendOnlyModel):
    """A record of who did something, and through which door.

    `who` is the user's name at that moment; empty if nobody was signed in.
    """

    who = models.CharField(
        _("who"), max_length=150, default=current_username, db_default="", blank=True
    )
    door = models.CharField(_("door"), max_length=10, choices=Door, default=current_door)

    class Meta:
        abstract = True


class HistoryRecord(AuditedModel):
    """The fields that every history record has beside the copy of the changed row."""

    override = ListField(
        _("override"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Codes of the refusals that were overridden."),
    )

    class Meta:
        abstract = True


class AuditedHistory(HistoricalRecords):
    """simple-history's records, with the actor's reason and the model's `history_indexes`."""

    def get_change_reason_for_object(
        self, instance: models.Model, history_type: str, using: str | None
    ) -> str:
        return current_reason()

    def fields_included(self, model: type[models.Model]) -> list[Any]:
        """Without derived fields, which follow from the others."""
        return [
            field for field in super().fields_included(model) if not isinstance(field, DerivedField)
        ]

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        return {**super().get_meta_options(model), "indexes": getattr(model, "history_indexes", [])}


class HistoryModel(models.Model):
    """A model with a history: each change and its history record are written together."""

    # The field beside which a broken constraint is shown, by the constraint's error code.
    error_fields: ClassVar[Mapping[str, str]] = {}
    protected_message: ClassVar[Promise | str] = _("This is in use.")
    # Indexes of the history's table.
    history_indexes: ClassVar[Sequence[models.Index]] = []

    history = AuditedHistory(
        bases=[HistoryRecord],
        inherit=True,
        get_user=current_user,
        # A number and not a foreign key: it stays in the record when the user is deleted.
        history_user_id_field=models.IntegerField(null=True, editable=False),
        historical_queryset=AppendOnlyHistoryQuerySet,
        history_id_field=models.BigAutoField(),
        # No query looks for records by these fields alone; `history_indexes` may add others.
        no_db_index=["number", "code", "term", "course", "teacher"],
        history_change_reason_field=models.TextField(_("reason"), blank=True, default=""),
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row and its history record.

        Raises ValidationError if another transaction has taken a unique value since the check.
        """
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = with_derived_fields(type(self), kwargs["update_fields"])
        try:
            self._save_and_send(*args, **kwargs)
        except IntegrityError:
            self.full_clean()
            raise

    @atomic_with_reruns
    def _save_and_send(self, *args: Any, **kwargs: Any) -> None:
        adding = self._state.adding
        super().save(*args, **kwargs)
        rows_saved.send(
            type(self), rows=[self], changed=not adding, fields=kwargs.get("update_fields")
        )

    @classmethod
    def get_locked(cls, *, to_delete: bool = False, **key: Any) -> Self | None:
        """The row with this key, locked until the transaction ends; None if there is none.

        With `to_delete`, the lock also prevents new foreign keys to the row.
        """
        # Ordered by key, because the default order of courses joins the term and locks it too.
        return (
            cls._base_manager.select_for_update(no_key=not to_delete)
            .filter(**key)
            .order_by("pk")
            .first()
        )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row, locked first against new references to it.

        Raises ProtectedError, with the model's `protected_message`, if it is in use.
        """
        return self._lock_and_delete(*args, **kwargs)

    @atomic_with_reruns
    def _lock_and_delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.get_locked(to_delete=True, pk=self.pk)
        try:
            return super().delete(*args, **kwargs)
        except ProtectedError as error:
            raise ProtectedError(str(self.protected_message), error.protected_objects) from error

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check the constraints. Raises ValidationError, by the field of `error_fields`."""
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            errors: dict[str, list[ValidationError]] = {}
            for name, field_errors in error.error_dict.items():
                for field_error in field_errors:
                    field = self.error_fields.get(field_error.code or "", name)
                    errors.setdefault(field, []).append(field_error)
            raise ValidationError(errors) from error
