"""Constraints of the database that are validated without a query."""

from collections.abc import Collection, Container
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import CheckConstraint, Model, Q


class FieldsConstraint(CheckConstraint):
    """A constraint on fields of one row. A subclass says which, and whether the row meets it.

    In migrations it is Django's CheckConstraint, whose validation would run a query.
    """

    def deconstruct(self) -> Any:
        _path, *rest = super().deconstruct()
        return "django.db.models.CheckConstraint", *rest

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Container[str] | None = None,
        using: str = "default",
    ) -> None:
        if not self.is_met(instance, exclude or ()):
            raise ValidationError(
                self.get_violation_error_message(), code=self.violation_error_code
            )

    def is_met(self, instance: Model, exclude: Container[str]) -> bool:
        """Whether the row meets the constraint. `exclude` are fields that are not validated."""
        raise NotImplementedError


class NotAllEmpty(FieldsConstraint):
    """At least one of the text fields in `condition` is not empty."""

    def is_met(self, instance: Model, exclude: Container[str]) -> bool:
        fields: Collection[str] = Q(self.condition).referenced_base_fields
        return any(getattr(instance, name) for name in fields)


class DatesInOrder(FieldsConstraint):
    """A date is not before another one, and either may be empty.

    `condition` is Q(last__gte=F(first)).
    """

    def is_met(self, instance: Model, exclude: Container[str]) -> bool:
        condition: Any = self.condition
        [(lookup, first_field)] = condition.children
        names = lookup.removesuffix("__gte"), first_field.name
        if any(name in exclude for name in names):
            return True
        last, first = (getattr(instance, name) for name in names)
        return not (last and first and last < first)
