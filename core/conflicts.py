"""Model forms that detect lost updates.

Changes of different fields by different people are merged. A form whose field somebody else has
changed since it was shown is not saved, but shown again with an error.
"""

from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.formatting import display_value
from core.history.models import HistoryModel

M = TypeVar("M", bound=HistoryModel)
REASON = "change_reason"


class RecordGone(Http404):
    """The row to be changed does not exist."""

    def __str__(self) -> str:
        return _("It does not exist, or not any more. Nothing was saved.")


class ConflictAwareForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model form that writes only the fields that the user has changed.

    The form sends the values that it showed back with it, in hidden fields ("initial"). If the
    database has a third value by now, the field gets an error with both values. The form then
    shows the database's value as the initial one, so that sending it again overwrites it.

    A change can have a reason, which is recorded in the history and is no field of the row.
    """

    # Fields that are about the form as a whole: nothing of the row has their value.
    fields_beside_row: ClassVar[frozenset[str]] = frozenset({REASON})

    change_reason = forms.CharField(
        label=gettext_lazy("Reason for the change"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Kept in the history. It may be left empty."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            del self.fields[REASON]
        for name, field in self.fields.items():
            if name in self.fields_beside_row:
                continue
            # Clients that do not send the hidden value are compared with the current row.
            field.show_hidden_initial = bool(self.instance.pk) and (
                not self.is_bound or self.add_initial_prefix(name) in self.data
            )

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that the user has changed, except to the value that the row has already."""
        return [
            name
            for name in super().changed_data
            if name not in self.fields_beside_row
            and _has_changed(self[name].field, self[name].initial, self[name].data)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk:
            return cleaned
        for name, error in self.find_conflicts(self.instance).items():
            self.add_error(name, error)
            self._set_hidden_initial(name)
        kept = {*self.changed_data, *self.fields_beside_row}
        return {name: value for name, value in cleaned.items() if name in kept}

    @property
    def reason_given(self) -> str:
        return self.cleaned_data.get(REASON) or ""

    def find_conflicts(self, row: HistoryModel) -> dict[str, ValidationError]:
        """Errors, by field, for the changed fields that somebody else has changed.

        `row` has the current values of the database.
        """
        current = forms.model_to_dict(row, fields=self.changed_data)
        errors = {}
        for name, value in current.items():
            if self.is_conflict(name, value):
                errors[name] = self.conflict_error(row, name, value)
        return errors

    def check_conflicts(self, row: M | None) -> M:
        """Return `row`, which was read under a lock.

        Raises RecordGone if it is None, and ValidationError for conflicts.
        """
        if row is None:
            raise RecordGone
        if errors := self.find_conflicts(row):
            raise ValidationError(errors)
        return row

    def is_conflict(self, name: str, current: Any) -> bool:
        """Whether `current` is neither the value that the form showed nor the one sent."""
        field = self.fields[name]
        return (
            field.show_hidden_initial
            and _has_changed(field, current, self._get_hidden_initial(name))
            and _has_changed(field, current, self[name].data)
        )

    def _get_hidden_initial(self, name: str) -> Any:
        """The value of the field when the form was shown."""
        widget = self.fields[name].hidden_widget()
        return widget.value_from_datadict(self.data, self.files, self.add_initial_prefix(name))

    def _set_hidden_initial(self, name: str) -> None:
        current = self.fields[name].prepare_value(self[name].initial)
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_initial_prefix(name)] = "" if current is None else str(current)
        self.data = data

    def conflict_error(self, row: HistoryModel, name: str, current: Any) -> ValidationError:
        field = self.fields[name]
        record = self.get_last_change(row, name)
        params = {
            "was": _display(field, self._get_hidden_initial(name)),
            "now": _display(field, current),
            "who": (record and record.who) or _("Somebody"),
            "when": f" ({display_value(record.history_date)})" if record else "",
        }
        message = _(
            "It was “%(was)s” when you began. %(who)s has changed it to “%(now)s” "
            "meanwhile%(when)s. Save again to put yours in its place."
        )
        return ValidationError(message, code="overwritten", params=params)

    def get_last_change(self, row: HistoryModel, name: str) -> Any:
        """The history record of the change that gave the field `name` its current value."""
        field: Any = row._meta.get_field(name)
        records = row.history.order_by("history_id")
        value = field.value_from_object(row)
        last_with_other_value = records.exclude(**{name: value}).last()
        if last_with_other_value is None:
            return None
        return records.filter(history_id__gt=last_with_other_value.history_id).first()


def _has_changed(field: forms.Field, initial: Any, data: Any) -> bool:
    return field.has_changed(_normalize_newlines(initial), _normalize_newlines(data))


def _normalize_newlines(value: Any) -> Any:
    """Browsers send the newlines of a text area as CR LF."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _display(field: forms.Field, value: Any) -> str:
    """A value of the field as text for people; for choices their label."""
    try:
        value = field.to_python(field.prepare_value(value))
    except ValidationError:
        value = str(value)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        value = dict(field.choices).get(value, value)  # type: ignore[arg-type]
    return display_value(value, _("nothing"), field)
