"""What was changed of a row's own fields, told from its history records."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from simple_history.models import ModelChange
from simple_history.template_utils import HistoricalRecordContextHelper

from core.formatting import display_value
from core.history.models import HistoryModel


class DisplayValueHelper(HistoricalRecordContextHelper):
    """The values of changed fields as people say them."""

    def prepare_delta_change_value(self, change: ModelChange, value: Any) -> Any:
        labels = dict(self.model._meta.get_field(change.field).flatchoices)
        return labels.get(value) if labels else display_value(value)


def get_history(row: HistoryModel) -> QuerySet[Any]:
    """The records of `row`, latest first."""
    records: QuerySet[Any] = (
        row.history.all()._select_related_history_tracked_objs().order_by("-history_id")
    )
    return records


def attach_diffs(records: Sequence[Any]) -> None:
    """Give each of `records`, of one row and latest first, `history_delta_changes`: what it changed, each a `field`, `old` and `new`."""
    for record, earlier in zip(records, [*records[1:], *_before(records[-1:])], strict=False):
        delta = record.diff_against(earlier, foreign_keys_are_objs=True)
        record.history_delta_changes = DisplayValueHelper(
            record.instance_type, record
        ).context_for_delta_changes(delta)


def _before(last: Sequence[Any]) -> Sequence[Any]:
    """The record before the only one of `last`, which may have none."""
    return [
        earlier
        for record in last
        if record.history_type != "+"
        for earlier in get_history(record.instance).filter(history_id__lt=record.history_id)[:1]
    ]
