"""The differences between consecutive history records of one row, as text for people."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from simple_history.models import ModelChange
from simple_history.template_utils import HistoricalRecordContextHelper

from core.formatting import display_value
from core.history.models import HistoryModel


class DisplayValueHelper(HistoricalRecordContextHelper):
    """Formats changed values: labels of choices, localized dates and numbers."""

    def prepare_delta_change_value(self, change: ModelChange, value: Any) -> Any:
        field = self.model._meta.get_field(change.field)
        labels = dict(field.flatchoices)
        return labels.get(value) if labels else display_value(value, field=field)


def get_history(row: HistoryModel) -> QuerySet[Any]:
    """The history records of `row`, latest first."""
    records: QuerySet[Any] = (
        row.history.all()._select_related_history_tracked_objs().order_by("-history_id")
    )
    return records


def attach_diffs(records: Sequence[Any]) -> None:
    """Set `history_delta_changes` on each record: a list of dicts `field`, `old`, `new`.

    `records` are consecutive records of one row, latest first. The record before the last of
    them is read from the database.
    """
    if not records:
        return
    earlier_records = list(records[1:])
    last = records[-1]
    if last.history_type != "+":
        earlier_records += get_history(last.instance).filter(history_id__lt=last.history_id)[:1]
    # The record of the creation has no earlier one and gets no differences.
    for record, earlier in zip(records, earlier_records, strict=False):
        delta = record.diff_against(earlier, foreign_keys_are_objs=True)
        helper = DisplayValueHelper(record.instance_type, record)
        record.history_delta_changes = helper.context_for_delta_changes(delta)
