"""Model fields that store text in one form. See core.text.

Django calls `to_python` when a field is cleaned, and also before each save and each lookup.
In migrations most of them are Django's own fields, because the columns are the same.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.text import clean_email, clean_line, normalize

if TYPE_CHECKING:
    # The types of the values that are assigned to a field, and read from it.
    BaseCharField = models.CharField[str, str]
    BaseTextField = models.TextField[str, str]
    BaseEmailField = models.EmailField[str, str]
    BaseDateField = models.DateField[Any, Any]
    BaseDecimalField = models.DecimalField[Decimal, Decimal]
else:
    BaseCharField, BaseTextField = models.CharField, models.TextField
    BaseEmailField, BaseDateField = models.EmailField, models.DateField
    BaseDecimalField = models.DecimalField

MIN_YEAR = 1900


class ComputedDecimalField(BaseDecimalField):
    """The type of a number that a query computes. It has `decimal_places` on SQLite too."""

    def from_db_value(
        self, value: Decimal | None, _expression: Any, _connection: Any
    ) -> Decimal | None:
        return None if value is None else value.quantize(Decimal(1).scaleb(-self.decimal_places))


class CodePointOrderMixin:
    """Every database sorts the values by code points: on PostgreSQL in the collation "C".

    The order of a database's own collation would depend on how the database was created.
    """

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)  # type: ignore[misc]
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class CleanFormField(forms.CharField):
    """A text of one line, cleaned before it is validated."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(clean_line(value) if isinstance(value, str) else value)


class CleanEmailFormField(forms.EmailField):
    """An email address, cleaned before it is validated."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(clean_email(value.strip()) if isinstance(value, str) else value)


class NormalizedFormField(forms.CharField):
    """A text in Unicode's normalization form C."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(normalize(value) if isinstance(value, str) else value)


class CleanCharField(CodePointOrderMixin, BaseCharField):
    """A text of one line without invisible characters, in normalization form C."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return clean_line(text) if isinstance(text, str) else text

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": CleanFormField, **kwargs})


class NormalizedTextField(BaseTextField):
    """A text of several lines in normalization form C."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return normalize(text) if isinstance(text, str) else text

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": NormalizedFormField, **kwargs})

    def deconstruct(self) -> Any:
        name, _path, *rest = super().deconstruct()
        return name, "django.db.models.TextField", *rest


class SchoolDateField(BaseDateField):
    """A date of 1900 or later: a year such as 0026 is a year that was typed with two digits."""

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        if value and value.year < MIN_YEAR:
            raise ValidationError(
                _("The year has four digits and is 1900 or later."), code="invalid"
            )

    def deconstruct(self) -> Any:
        name, _path, *rest = super().deconstruct()
        return name, "django.db.models.DateField", *rest


class ListField(models.JSONField):
    """A list in JSON."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        # Most are empty, and parsing "[]" would take as long as reading all other columns.
        return [] if value == "[]" else super().from_db_value(value, expression, connection)

    def deconstruct(self) -> Any:
        name, _path, *rest = super().deconstruct()
        return name, "django.db.models.JSONField", *rest


class EmailField(CodePointOrderMixin, BaseEmailField):
    """An email address in one spelling. Its mailbox is ASCII, which databases compare without
    case.
    """

    def to_python(self, value: Any) -> Any:
        address = super().to_python(value)
        return clean_email(address) if isinstance(address, str) else address

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": CleanEmailFormField, **kwargs})
