"""History records of rows that are written in bulk, which `HistoryModel.save()` does not see."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone

from core.db.bulk_upsert import InsertFromSelect, encode_rows
from core.history.actor import current_door, current_reason, current_user, current_username
from core.history.models import HistoryModel, rows_saved

BATCH_SIZE = 1_000

# Fields of a history record beside the copy of the row: different for each row of a statement ...
ENTRY_FIELDS = ("override", "history_type", "history_change_reason")
# ... and the same for all of them.
COMMON_FIELDS = ("who", "door", "history_user_id", "history_date")


@cache
def history_insert(model: type[HistoryModel], *key: str) -> InsertFromSelect:
    """The statement that copies rows of `model` into its history.

    `key` names the columns that find the rows. The parameters come from `history_params()`.
    """
    return InsertFromSelect(model.history.model, model, key, ENTRY_FIELDS, COMMON_FIELDS)


def history_entry(
    key: Iterable[Any], *, changed: bool, reason: str = "", override: Sequence[str] = ()
) -> list[Any]:
    """The values of one history record that differ from those of the other records.

    `key` has the values of the columns that find the row. `changed` is False for a new row.
    `reason` replaces the actor's reason. `override` has the codes of overridden refusals.
    """
    return [*key, override, "~" if changed else "+", reason or current_reason()]


def history_params(
    entries: Sequence[Sequence[Any]], when: datetime | None = None
) -> dict[str, Any]:
    """The parameters of `history_insert`: `entries`, the actor, and the time (None: now)."""
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
    """Write one history record for each of `rows`, which were just written in bulk.

    `changed` is False for new rows. `when` is the time of the change (None: now).
    """
    rows = list(rows)
    if not rows:
        return
    entries = [history_entry([row.pk], changed=changed) for row in rows]
    history_insert(model, "id").query(**history_params(entries, when))
    rows_saved.send(model, rows=rows, changed=changed)
