"""Query parameters of the API: unknown and repeated ones are errors."""

from collections.abc import Iterable

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

PAGE_PARAMETERS = {"limit", "cursor", "count"}


class InvalidParameter(ValidationError):
    """A query parameter is unknown or invalid. The detail has messages by parameter."""


def refuse_parameters(names: Iterable[str]) -> None:
    """Raises InvalidParameter for these names, which the path does not have."""
    if errors := {name: [_("There is no such parameter here.")] for name in sorted(names)}:
        raise InvalidParameter(errors, code="unknown_parameter")


def refuse_repeated_parameters(params: QueryDict) -> None:
    """Raises InvalidParameter for parameters that are given twice: only one would be read."""
    repeated = [name for name, values in params.lists() if len(values) > 1]
    if errors := {name: [_("This parameter is given more than once.")] for name in repeated}:
        raise InvalidParameter(errors, code="repeated_parameter")
