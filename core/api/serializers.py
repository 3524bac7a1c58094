"""The strictness that all serializers share, and rows shown as they are read."""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.utils.serializer_helpers import BindingDict
from rest_framework.validators import UniqueValidator

from core.db.fields import CleanCharField
from core.ids import MAX_ID
from core.text import clean_email, clean_line, normalize

M = TypeVar("M", bound=Model)


class StrictCharField(serializers.CharField):
    """Text only: a number is not text."""

    default_error_messages = {"invalid": _("This must be text.")}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(normalize(data))


class CleanLineField(StrictCharField):
    """A text of one line, cleaned before it is validated."""

    def to_internal_value(self, data: Any) -> str:
        return clean_line(super().to_internal_value(data))


class StrictBooleanField(serializers.BooleanField):
    """true or false only."""

    default_error_messages = {"invalid": _("This must be true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictIntegerField(serializers.IntegerField):
    """A whole JSON number only."""

    default_error_messages = {"invalid": _("This must be a whole number of at most 64 bits.")}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictEmailField(StrictCharField, serializers.EmailField):
    """An email address, cleaned before it is validated."""

    def to_internal_value(self, data: Any) -> str:
        return clean_email(super().to_internal_value(data))


class IdField(StrictIntegerField):
    """The id of a row. Whether there is such a row is for the writer to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


# Fields whose values JSON can have as the database returns them.
COLUMN_FIELDS = (
    *(serializers.BooleanField, serializers.CharField, serializers.ChoiceField),
    *(serializers.DateField, serializers.DateTimeField, serializers.TimeField),
    *(serializers.IntegerField, serializers.BigIntegerField, serializers.FloatField),
    *(serializers.DecimalField, serializers.UUIDField, serializers.ListField),
)


class ColumnSerializer(serializers.Serializer[M]):
    """Represents columns as the database returns them, of a row of `columns()` or of an instance.

    Times are in UTC. The fields are those of COLUMN_FIELDS, and lists of related rows.
    """

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Return the column of each field that can be read, without lists of related rows.

        Raises TypeError if a field needs to convert the value of its column.
        """
        columns = {}
        for name, field in cls().fields.items():
            if field.write_only or isinstance(field, serializers.ListSerializer):
                continue
            if not _is_column(field):
                raise TypeError(
                    f"{cls.__name__}.{name} is a {type(field).__name__}. A ColumnSerializer shows "
                    "only columns that need no conversion; COLUMN_FIELDS lists the fields."
                )
            columns[name] = str(field.source).replace(".", "__")
        return columns

    @classmethod
    @cache
    def related_fields(cls) -> list[str]:
        """Return the names of the lists of related rows."""
        fields = cls().fields.items()
        return [name for name, field in fields if isinstance(field, serializers.ListSerializer)]

    @classmethod
    @cache
    def column_getters(cls) -> list[tuple[str, Callable[[Any], Any]]]:
        return [
            (name, attrgetter(column.replace("__", "."))) for name, column in cls.columns().items()
        ]

    @classmethod
    def serialize_instance(cls, instance: M) -> dict[str, Any]:
        """Return the columns of `instance`, without the cost of a serializer object."""
        return {name: get(instance) for name, get in cls.column_getters()}

    def to_representation(self, instance: M) -> dict[str, Any]:
        data = self.serialize_instance(instance)
        for name in self.related_fields():
            field = self.fields[name]
            data[name] = field.to_representation(field.get_attribute(instance))
        return data


def _is_column(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    """Whether `field` represents a value as it is, except for its form in JSON."""
    options = vars(field)
    is_decimal = isinstance(field, serializers.DecimalField)
    return (
        type(field).to_representation in {kind.to_representation for kind in COLUMN_FIELDS}
        and type(field).get_attribute is serializers.Field.get_attribute
        # DRF sets these where they are given.
        and "format" not in options
        and options.get("uuid_format", "hex_verbose") == "hex_verbose"
        and options.get("coerce_to_string", is_decimal) == is_decimal
    )


class StrictSerializer(serializers.Serializer[M]):
    """Refuses fields that it does not have, so that a misspelt one is not passed over."""

    default_error_messages = {
        "unknown": _("There is no such field here."),
        "read_only": _("This field cannot be written."),
        "invalid": _("This must be an object."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            # A PUT may send back the read-only fields of what was read; a new row has none.
            readable = {name for name, field in self.fields.items() if field.read_only}
            errors = {
                name: self._error("read_only")
                for name in data
                if name in readable and self.instance is None
            }
            errors |= {name: self._error("unknown") for name in data if name not in self.fields}
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def _error(self, key: str) -> list[serializers.ErrorDetail]:
        return [serializers.ErrorDetail(str(self.error_messages[key]), code=f"{key}_field")]


class RequestSerializer(StrictSerializer[Any]):
    """The body of a request that is not a row of a model.

    Its fields are built once. DRF would copy them for each request.
    """

    @property
    def fields(self) -> BindingDict:
        return _fields_of(type(self))


@cache
def _fields_of(body: type[RequestSerializer]) -> BindingDict:
    fields = BindingDict(body())
    for name, field in body().get_fields().items():
        fields[name] = field
    return fields


class ModelSerializer(StrictSerializer[M], serializers.ModelSerializer[M]):
    """Checks types and existence; the rules are those of the model, asked through `full_clean`."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        model_field: strict
        for model_field, field in serializers.ModelSerializer.serializer_field_mapping.items()
        for loose, strict in (
            (serializers.CharField, StrictCharField),
            (serializers.EmailField, StrictEmailField),
            (serializers.BooleanField, StrictBooleanField),
            (serializers.IntegerField, StrictIntegerField),
        )
        if field is loose
    }
    serializer_field_mapping |= {CleanCharField: CleanLineField}

    def build_standard_field(
        self, field_name: str, model_field: Any
    ) -> tuple[type[serializers.Field[Any, Any, Any, Any]], dict[str, Any]]:
        cls, kwargs = super().build_standard_field(field_name, model_field)
        # The model checks uniqueness itself; asking twice would be a query more.
        kwargs["validators"] = [
            check
            for check in kwargs.get("validators", [])
            if not isinstance(check, UniqueValidator)
        ]
        return cls, kwargs

    def get_unique_together_constraints(self, model: Any) -> Any:
        return iter(())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: type[Model] = self.Meta.model
        kept = (
            {
                field.attname: getattr(self.instance, field.attname)
                for field in model._meta.concrete_fields
            }
            if self.instance
            else {}
        )
        row = model(**kept)
        row._state.adding = self.instance is None
        for name, value in attrs.items():
            setattr(row, name, value)
        row.full_clean()
        # As the model has cleaned them.
        return {name: getattr(row, name) for name in attrs}

    def update(self, instance: M, validated_data: dict[str, Any]) -> M:
        changed = [
            name for name, value in validated_data.items() if getattr(instance, name) != value
        ]
        for name in changed:
            setattr(instance, name, validated_data[name])
        if changed:
            instance.save(update_fields=changed)
        return instance
