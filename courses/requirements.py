"""What a course requires of a student: lists of requirements, which must all be met.

In JSON a requirement is the code of a course, or several of which one is enough: `{"any": ["MAT-1",
"MAT-2"], "concurrent": true}`. With `concurrent` the other course may also be taken at the same
time. As text: `MAT-1 | MAT-2*, PHY-2`; a comma is "and", a bar is "or", a star is "concurrent".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypedDict

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from core.db.fields import ListField
from core.formatting import LocalizedValue
from core.text import clean_line

MAX_REQUIREMENTS = 50
MAX_ALTERNATIVES = 20


class Alternatives(TypedDict):
    """A requirement in JSON that is more than one code."""

    any: list[str]
    concurrent: bool


# A requirement as it is stored and as the API shows it: one code alone is only that code.
StoredRequirement = str | Alternatives


class Requirement(NamedTuple):
    """Codes of courses of which one is enough. `concurrent`: it may be taken at the same time."""

    codes: tuple[str, ...]
    concurrent: bool = False

    @classmethod
    def read(cls, value: StoredRequirement) -> Requirement:
        if isinstance(value, str):
            return cls((value,))
        return cls(tuple(value["any"]), value["concurrent"])

    def store(self) -> StoredRequirement:
        if len(self.codes) == 1 and not self.concurrent:
            return self.codes[0]
        return self.to_json()

    def to_json(self) -> Alternatives:
        """The requirement in its long form."""
        return {"any": [*self.codes], "concurrent": self.concurrent}

    def __str__(self) -> str:
        return " | ".join(self.codes) + ("*" if self.concurrent else "")


def read_requirements(values: Iterable[StoredRequirement]) -> list[Requirement]:
    return [Requirement.read(value) for value in values]


def find_codes(values: Iterable[StoredRequirement]) -> set[str]:
    """All codes that requirements name."""
    return {code for value in values for code in Requirement.read(value).codes}


def has_concurrent(values: Iterable[StoredRequirement]) -> bool:
    """Whether one of the requirements may be met at the same time."""
    return any(not isinstance(value, str) and value["concurrent"] for value in values)


def find_opening_codes(
    values: Iterable[StoredRequirement], *, accepts_in_progress: bool
) -> set[str]:
    """The codes of courses that meet a requirement while the student still takes them."""
    return {
        code
        for requirement in read_requirements(values)
        if accepts_in_progress or requirement.concurrent
        for code in requirement.codes
    }


class RequirementsField(ListField):
    """A list of requirements in one form, without duplicates. It is also assigned as text."""

    description = _("Requirements")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"default": list, "db_default": [], "blank": True}
        super().__init__(*args, **{**defaults, **kwargs})

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, form_class=RequirementsFormField, **kwargs)

    def to_python(self, value: Any) -> Any:
        """Raises ValidationError."""
        return parse_requirements(value) if isinstance(value, str) else clean_requirements(value)

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 (Django's)
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def display(self, value: list[StoredRequirement]) -> str:
        """The value as text."""
        return format_requirements(value)


class RequirementsFormField(forms.CharField):
    """Requirements as text. Below the box, a sentence shows how the text in it was read."""

    def display(self, value: Any) -> Any:
        return self.prepare_value(value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "size": 80}

    def prepare_value(self, value: Any) -> Any:
        return format_requirements(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return parse_requirements(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        bound = super().get_bound_field(form, field_name)
        try:
            values = self.to_python(bound.value())
        except ValidationError:
            return bound
        if values:
            sentence = describe_requirements(values)
            bound.help_text = format_html("{} {}", bound.help_text, sentence)
        return bound


def parse_requirements(text: str) -> list[StoredRequirement]:
    """The requirements in a text. Raises ValidationError that names what is wrong."""
    parts = [clean_line(part.strip()) for part in text.split(",")]
    return _store(_parse_requirement(part) for part in parts if part)


def _parse_requirement(text: str) -> Requirement:
    alternatives = text.removesuffix("*")
    if "*" in alternatives:
        raise _error(
            _("“%(value)s” is not read. A star comes once, after the last alternative."), value=text
        )
    codes = [code.strip() for code in alternatives.split("|")]
    if not all(codes):
        raise _error(
            _("“%(value)s” is not read. A code is missing. Write requirements as %(example)s."),
            value=text,
            example="MAT-1 | MAT-2*, PHY-2",
        )
    return Requirement(tuple(codes), concurrent=text.endswith("*"))


def format_requirements(values: Iterable[StoredRequirement]) -> str:
    """The requirements as text."""
    return ", ".join(map(str, read_requirements(values)))


def describe_requirements(values: Iterable[StoredRequirement]) -> str:
    """The requirements in a sentence, in the language of the reader."""
    parts = []
    for requirement in read_requirements(values):
        first = gettext("%(codes)s completed first")
        both = gettext("%(codes)s completed first or taken at the same time")
        text = both if requirement.concurrent else first
        parts.append(text % {"codes": join_alternatives(requirement.codes)})
    return gettext("Needed: %(requirements)s.") % {"requirements": gettext("; and ").join(parts)}


def join_alternatives(codes: Iterable[str]) -> str:
    return gettext(" or ").join(codes)


def localize_requirements(requirements: Iterable[Requirement]) -> LocalizedValue:
    """The requirements as a parameter of a message: "MAT-1 or MAT-2, PHY-2"."""
    requirements = [*requirements]
    with override("en"):
        value = _name_requirements(requirements)
    return LocalizedValue(value, lazy(_name_requirements, str)(requirements))


def _name_requirements(requirements: Iterable[Requirement]) -> str:
    return ", ".join(map(name_requirement, requirements))


def name_requirement(requirement: Requirement) -> str:
    """The requirement in words, in the language of the reader."""
    name = join_alternatives(requirement.codes)
    if requirement.concurrent:
        return gettext("%(codes)s (may be taken at the same time)") % {"codes": name}
    return name


def clean_requirements(value: Any) -> list[StoredRequirement]:
    """The requirements of a value as in JSON, in one form, without duplicates.

    Raises ValidationError that names what is wrong.
    """
    if not isinstance(value, list | tuple):
        raise _error(_("These must be requirements: a list."))
    return _store(map(_clean_requirement, value))


def _clean_requirement(value: Any) -> Requirement:
    if isinstance(value, str):
        return Requirement((clean_line(value.strip()),))
    if not isinstance(value, Mapping):
        raise _error(_("A requirement is a code, or an object with codes as “any”."))
    if unknown := sorted(map(str, set(value) - {"any", "concurrent"})):
        raise _error(_("A requirement has no %(names)s."), names=", ".join(unknown))
    codes, concurrent = value.get("any"), value.get("concurrent", False)
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise _error(_("“any” must be a list of codes."))
    if not codes:
        raise _error(_("A requirement needs at least one code."))
    if not isinstance(concurrent, bool):
        raise _error(_("“concurrent” must be true or false."))
    return Requirement(tuple(clean_line(code.strip()) for code in codes), concurrent)


def _store(requirements: Iterable[Requirement]) -> list[StoredRequirement]:
    """The requirements as they are stored, each code and each requirement once."""
    unique = dict.fromkeys(
        Requirement(tuple(dict.fromkeys(codes)), concurrent) for codes, concurrent in requirements
    )
    return [requirement.store() for requirement in unique]


def check_size(values: Iterable[StoredRequirement], field: str) -> None:
    """Raises ValidationError for `field` if it has too many values, or too many codes in one."""
    requirements = read_requirements(values)
    if len(requirements) > MAX_REQUIREMENTS:
        message = _("There are at most %(number)s of these.")
        raise ValidationError({field: _error(message, "max_length", number=MAX_REQUIREMENTS)})
    for requirement in requirements:
        if len(requirement.codes) > MAX_ALTERNATIVES:
            message = _("“%(value)s” has more than %(number)s alternatives.")
            error = _error(message, "max_length", value=str(requirement), number=MAX_ALTERNATIVES)
            raise ValidationError({field: error})


def _error(message: Any, code: str = "invalid", **params: Any) -> ValidationError:
    return ValidationError(message, code=code, params=params)
