"""Form fields for a date with a time."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import localtime
from django_filters.fields import IsoDateTimeField


class DateInput(forms.DateInput):
    """The browser's date picker, which needs ISO 8601."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class LocalTimeField(forms.DateTimeField):
    """A time with any UTC offset, converted to the school's time zone."""

    def to_python(self, value: Any) -> datetime | None:
        """Parse `value`. Raises ValidationError, also for times outside the years 1 to 9999."""
        moment = super().to_python(value)
        try:
            # Both UTC and the school's zone must be able to represent it. PostgreSQL
            # rejects the offsets of 16 hours and more that Python accepts.
            return moment and localtime(moment.astimezone(UTC))
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class DateTimeLocalField(LocalTimeField):
    """A time in a form, entered with the browser's picker."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class IsoLocalTimeField(LocalTimeField, IsoDateTimeField):
    """A time in ISO 8601; without an offset it is in the school's time zone."""
