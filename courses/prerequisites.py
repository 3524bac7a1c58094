"""Codes of courses that are to be completed before another: a model's field for them, and the check that they lead somewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class CodesFormField(forms.CharField):
    """Codes separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else parse_codes(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return parse_codes(self.prepare_value(initial) or "") != parse_codes(
            self.prepare_value(data) or ""
        )


class CodesField(models.JSONField):
    """A list of codes, each once."""

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, form_class=CodesFormField, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        # Most courses ask for none, and reading just that takes as long as reading all their other columns.
        return [] if value == "[]" else super().from_db_value(value, expression, connection)

    def to_python(self, value: Any) -> Any:
        return parse_codes(value) if isinstance(value, str) else value

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, list) or any(not isinstance(code, str) for code in value):
            raise ValidationError(_("These must be codes of courses."), code="invalid")


def parse_codes(text: str) -> list[str]:
    """The codes in `text`, which are separated by commas, each once."""
    return list(dict.fromkeys(code for part in text.split(",") if (code := part.strip())))


def check_known(asked: Iterable[str], known: Collection[str]) -> None:
    """Raises ValidationError where one of the codes `asked` for is none of the `known` ones."""
    if unknown := sorted(set(asked) - set(known)):
        _refuse(
            _("There is no course with the code %(codes)s."), "not_found", codes=", ".join(unknown)
        )


def check_cycle(code: str, wanted: Mapping[str, Iterable[str]]) -> None:
    """Raises ValidationError where the course `code` comes before itself. `wanted` has the codes that each course asks for."""
    if way := find_cycle(code, wanted):
        _refuse(_("A course cannot come before itself: %(way)s."), "circular", way=" → ".join(way))


def _refuse(message: Any, code: str, **params: str) -> NoReturn:
    raise ValidationError({"prerequisites": ValidationError(message, code=code, params=params)})


def lock_prerequisites() -> None:
    """From here to the end of the transaction nobody else changes what any course asks for.

    Two people may each save a half of a circle, in rows of their own: neither sees the half of the other. So whoever has
    written what a course asks for takes this lock and looks once more. It is always the last lock that is taken, after
    those on students and courses: who has it waits for nobody, so it cannot be part of a deadlock. An import takes it when
    all its rows are written. (SQLite lets only one transaction write at all.)
    """
    # A row that is always there. Rows that refer to it, such as the admin's log, can still be written.
    mutex = ContentType.objects.select_for_update(no_key=True).filter(
        app_label="courses", model="course"
    )
    mutex.first()


def find_cycle(start: str, wanted: Mapping[str, Iterable[str]]) -> Sequence[str]:
    """The way by which the course `start` comes before itself, both ends named; empty where there is none.

    `wanted` has the codes that each course asks for.
    """
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for code in wanted.get(way[-1], ()):
            if code == start:
                return [*way, code]
            if code not in seen:
                seen.add(code)
                ways.append([*way, code])
    return []
