"""Who changes what, through which door and why: one history record a change, in the transaction of that change."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from core.db.bulk_upsert import InsertFromSelect, encode_rows
from core.history.append_only import AppendOnlyHistoryQuerySet, AppendOnlyModel

BATCH_SIZE = 1_000
# Rows of a model (the sender) were written, by `save()` or in bulk, within the transaction: `rows`, and whether they were
# `changed` or else created; `fields` are the names of those that were written, where `save()` was told (None: all).
rows_saved = Signal()


class Door(models.TextChoices):
    """A way in."""

    API = "api", _("API")
    STAFF = "staff", _("staff pages")
    ADMIN = "admin", _("admin")
    IMPORT = "import", _("import")
    COMMAND = "command", _("command")


@dataclass(frozen=True)
class Actor:
    """Who acts (a request knows its user only once it is authenticated), through which door, and why."""

    door: Door
    request: HttpRequest | None = None
    reason: str = ""

    @property
    def user(self) -> AbstractUser | None:
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None


_actor: ContextVar[Actor] = ContextVar("actor", default=Actor(Door.COMMAND))  # noqa: B039 (frozen)


@contextmanager
def record_changes_as(
    door: Door, request: HttpRequest | None = None, reason: str = ""
) -> Iterator[None]:
    """Every change made inside is recorded as done through `door` by the user of `request`, for `reason`."""
    token = _actor.set(Actor(door, request, reason))
    try:
        yield
    finally:
        _actor.reset(token)


def current_door() -> str:
    return _actor.get().door.value


def current_user(**_kwargs: Any) -> AbstractUser | None:
    return _actor.get().user


def current_username() -> str:
    user = current_user()
    return user.get_username() if user else ""


def current_reason() -> str:
    return _actor.get().reason


class AuditedModel(AppendOnlyModel):
    """Who did something, by the name of that moment (empty: nobody was signed in), and through which door."""

    who = models.CharField(
        _("who"), max_length=150, default=current_username, db_default="", blank=True
    )
    door = models.CharField(_("door"), max_length=10, choices=Door, default=current_door)

    class Meta:
        abstract = True


class HistoryRecord(AuditedModel):
    """What every history record says beside the state after the change."""

    override = models.JSONField(
        _("override"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Codes of the refusals that were overridden."),
    )

    class Meta:
        abstract = True


class AuditedHistory(HistoricalRecords):
    """simple-history's records, with the reason given by the one who acts."""

    def get_change_reason_for_object(
        self, instance: models.Model, history_type: str, using: str | None
    ) -> str:
        return current_reason()

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        return {**super().get_meta_options(model), "indexes": getattr(model, "history_indexes", [])}


class HistoryModel(models.Model):
    """A model whose every change leaves one history record, written with it or not at all."""

    # Beside which field a broken constraint is shown, by the code of its error.
    error_fields: ClassVar[Mapping[str, str]] = {}
    protected_message: ClassVar[Promise | str] = _("This is in use.")
    # Of the table of its records.
    history_indexes: ClassVar[Sequence[models.Index]] = []

    history = AuditedHistory(
        bases=[HistoryRecord],
        inherit=True,
        get_user=current_user,
        # A plain number: what a user did stays as it was told when the user is deleted.
        history_user_id_field=models.IntegerField(null=True, editable=False),
        historical_queryset=AppendOnlyHistoryQuerySet,
        history_id_field=models.BigAutoField(),
        # What a row says of the first three is found by the row, never the other way round; of courses see `history_indexes`.
        no_db_index=["number", "code", "term", "course"],
        history_change_reason_field=models.TextField(_("reason"), blank=True, default=""),
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row and its history record.

        Raises ValidationError where the database refuses a value that was free when it was checked: somebody else
        was quicker.
        """
        try:
            with transaction.atomic():
                adding = self._state.adding
                super().save(*args, **kwargs)
                rows_saved.send(
                    type(self), rows=[self], changed=not adding, fields=kwargs.get("update_fields")
                )
        except IntegrityError:
            self.full_clean()
            raise

    @classmethod
    def get_locked(cls, *, to_delete: bool = False, **key: Any) -> Self | None:
        """The row that has this key, locked until the transaction ends, and that alone; None where there is none.

        A lock `to_delete` keeps others from beginning to refer to the row as well.
        """
        # By key: the order of courses would join the term, and lock that too.
        return (
            cls._base_manager.select_for_update(no_key=not to_delete)
            .filter(**key)
            .order_by("pk")
            .first()
        )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row, locked first so that nobody begins to use it meanwhile. Raises ProtectedError when it is in use."""
        with transaction.atomic():
            self.get_locked(to_delete=True, pk=self.pk)
            try:
                return super().delete(*args, **kwargs)
            except ProtectedError as error:
                raise ProtectedError(
                    str(self.protected_message), error.protected_objects
                ) from error

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Raises ValidationError with each broken constraint beside the field that it is about."""
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            placed: dict[str, list[ValidationError]] = {}
            for name, messages in error.error_dict.items():
                for message in messages:
                    placed.setdefault(self.error_fields.get(message.code or "", name), []).append(
                        message
                    )
            raise ValidationError(placed) from error


# What a record says beside the row: each its own, and all that are written at once the same.
ENTRY_FIELDS = ("override", "history_type", "history_change_reason")
COMMON_FIELDS = ("who", "door", "history_user_id", "history_date")


@cache
def history_insert(model: type[HistoryModel], *key: str) -> InsertFromSelect:
    """Copies rows of `model`, found by `key`, into its history, each with an `entry` of it, and all with what is `told` of the act."""
    return InsertFromSelect(model.history.model, model, key, ENTRY_FIELDS, COMMON_FIELDS)


def history_entry(
    key: Iterable[Any], *, changed: bool, reason: str = "", override: Sequence[str] = ()
) -> list[Any]:
    """What the record of one row says: it was changed, or else created; for `reason` in place of the one given by who acts;
    `override` are the codes of the refusals that were overridden."""
    return [*key, override, "~" if changed else "+", reason or current_reason()]


def history_params(
    entries: Sequence[Sequence[Any]], when: datetime | None = None
) -> dict[str, Any]:
    """What is told to `records_of`: the entries, who acts and how, and when (None: now)."""
    user = current_user()
    return {
        "entries": encode_rows(entries),
        "who": current_username(),
        "door": current_door(),
        "history_user_id": user and user.pk,
        "history_date": when or timezone.now(),
    }


def record_history(
    model: type[HistoryModel],
    rows: Iterable[HistoryModel],
    *,
    changed: bool,
    when: datetime | None = None,
) -> None:
    """Write one history record for each of `rows`, which have just been written in bulk: changed, or else created; `when` in place of now."""
    rows = list(rows)
    if not rows:
        return
    entries = [history_entry([row.pk], changed=changed) for row in rows]
    history_insert(model, "id").question(**history_params(entries, when))
    rows_saved.send(model, rows=rows, changed=changed)
