"""Forms of rows that others change too: different fields come together, and nobody overwrites what they have not seen."""

from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.formatting import display_value
from core.history.models import HistoryModel

M = TypeVar("M", bound=HistoryModel)


class RecordGone(Http404):
    """The row that was to be changed is not there."""

    def __str__(self) -> str:
        return _("It does not exist, or not any more. Nothing was saved.")


class ConflictAwareForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes a row, or takes over the fields that were changed since the form was shown and no other.

    Where somebody else has changed one of them meanwhile, the form has an error that tells both values. It then shows the
    value that is there now as known, so that sending it once more takes what was typed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            # What the form showed comes back with it. Where it does not, the row as it is now stands for that.
            field.show_hidden_initial = bool(self.instance.pk) and (
                not self.is_bound or self.add_initial_prefix(name) in self.data
            )

    @cached_property
    def changed_data(self) -> list[str]:
        """What was changed since the form was shown and is not so in the row already."""
        return [
            name
            for name in super().changed_data
            if _differ(self[name].field, self[name].initial, self[name].data)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk:
            return cleaned
        for name, error in self.conflicts(self.instance).items():
            self.add_error(name, error)
            self._show_as_known(name)
        return {name: value for name, value in cleaned.items() if name in self.changed_data}

    def conflicts(self, row: HistoryModel) -> dict[str, ValidationError]:
        """What was changed on the form though somebody else has changed it since it was shown: `row` is as it is now."""
        now = forms.model_to_dict(row, fields=self.changed_data)
        return {
            name: self._error(row, name, value)
            for name, value in now.items()
            if self._is_overwritten(name, value)
        }

    def checked(self, now: M | None) -> M:
        """`now`, the row as it is under the lock. Raises Missing where it is gone, ValidationError where it has what was never shown."""
        if now is None:
            raise RecordGone
        if errors := self.conflicts(now):
            raise ValidationError(errors)
        return now

    def _is_overwritten(self, name: str, now: Any) -> bool:
        field = self.fields[name]
        return (
            field.show_hidden_initial
            and _differ(field, now, self._shown(name))
            and _differ(field, now, self[name].data)
        )

    def _shown(self, name: str) -> Any:
        return (
            self.fields[name]
            .hidden_widget()
            .value_from_datadict(self.data, self.files, self.add_initial_prefix(name))
        )

    def _show_as_known(self, name: str) -> None:
        now = self.fields[name].prepare_value(self[name].initial)
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_initial_prefix(name)] = "" if now is None else str(now)
        self.data = data

    def _error(self, row: HistoryModel, name: str, now: Any) -> ValidationError:
        field, record = self.fields[name], _last_change(row, name)
        said = {
            "was": _words(field, self._shown(name)),
            "now": _words(field, now),
            "who": (record and record.who) or _("Somebody"),
            "when": f" ({display_value(record.history_date)})" if record else "",
        }
        message = _(
            "It was “%(was)s” when you began. %(who)s has changed it to “%(now)s” meanwhile%(when)s. Save again to put yours in its place."
        )
        return ValidationError(message, code="overwritten", params=said)


def _differ(field: forms.Field, one: Any, other: Any) -> bool:
    return field.has_changed(_one_newline(one), _one_newline(other))


def _one_newline(value: Any) -> Any:
    """Browsers send every end of a line as two characters."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _words(field: forms.Field, value: Any) -> str:
    try:
        value = field.to_python(field.prepare_value(value))
    except ValidationError:
        value = str(value)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        value = dict(field.choices).get(value, value)  # type: ignore[arg-type]
    return display_value(value, _("nothing"))


def _last_change(row: HistoryModel, name: str) -> Any:
    """The history record of the change that gave the field `name` the value it has."""
    field: Any = row._meta.get_field(name)
    records = row.history.order_by("history_id")
    other = records.exclude(**{name: field.value_from_object(row)}).last()
    return records.filter(history_id__gt=other.history_id).first() if other else None
