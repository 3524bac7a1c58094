"""Moments that people and programs name."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import localtime
from django_filters.fields import IsoDateTimeField


class InSchoolTime(forms.DateTimeField):
    """A moment in the school's time zone, whatever offset it was named with. Raises ValidationError for one that no zone of ours can tell."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            # By way of UTC, as a moment at the end of all years may be none in another zone. A database knows no offset of 16 hours and more.
            return moment and localtime(moment.astimezone(UTC))
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class MomentField(InSchoolTime):
    """A moment on a form, in the browser's picker."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class IsoMomentField(InSchoolTime, IsoDateTimeField):
    """A moment in ISO 8601; without an offset it is in the school's time zone."""
