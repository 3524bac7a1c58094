"""Constraints of the database that are validated without a query."""

from collections.abc import Container
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import CheckConstraint, Model, Q


class NotAllEmpty(CheckConstraint):
    """At least one of the text fields in `condition` is not empty.

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
        fields = Q(self.condition).referenced_base_fields
        if not any(getattr(instance, name) for name in fields):
            raise ValidationError(
                self.get_violation_error_message(), code=self.violation_error_code
            )


class DatesInOrder(CheckConstraint):
    """A date is not before another one; either may be empty. `condition` is Q(last__gte=F(first)).

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
        condition: Any = self.condition
        [(lookup, first_field)] = condition.children
        names = lookup.removesuffix("__gte"), first_field.name
        if exclude and any(name in exclude for name in names):
            return
        last, first = (getattr(instance, name) for name in names)
        if last and first and last < first:
            raise ValidationError(
                self.get_violation_error_message(), code=self.violation_error_code
            )
