"""The prerequisites of a course: the model field for their codes, and the checks of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.db.fields import ListField
from core.text import clean_line


class CodesFormField(forms.CharField):
    """Course codes separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else parse_codes(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return parse_codes(self.prepare_value(initial) or "") != parse_codes(
            self.prepare_value(data) or ""
        )


class CodesField(ListField):
    """A list of course codes without duplicates."""

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, form_class=CodesFormField, **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return parse_codes(value)
        if isinstance(value, list) and all(isinstance(code, str) for code in value):
            return list(dict.fromkeys(map(clean_line, value)))
        return value

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        if not isinstance(value, list) or any(not isinstance(code, str) for code in value):
            raise ValidationError(_("These must be codes of courses."), code="invalid")


def parse_codes(text: str) -> list[str]:
    """The codes in `text`, which are separated by commas, without duplicates."""
    codes = [clean_line(part.strip()) for part in text.split(",")]
    return list(dict.fromkeys(code for code in codes if code))


def check_known(prerequisites: Iterable[str], known: Collection[str]) -> None:
    """Raises ValidationError if one of the `prerequisites` is not among the `known` codes."""
    if unknown := sorted(set(prerequisites) - set(known)):
        _refuse(
            _("There is no course with the code %(codes)s."), "not_found", codes=", ".join(unknown)
        )


def check_cycle(code: str, prerequisites: Mapping[str, Iterable[str]]) -> None:
    """Raises ValidationError if the course `code` is its own prerequisite through others.

    `prerequisites` has the prerequisites of each course, by code.
    """
    if cycle := find_cycle(code, prerequisites):
        _refuse(
            _("A course cannot come before itself: %(way)s."), "circular", way=" → ".join(cycle)
        )


def _refuse(message: Any, code: str, **params: str) -> NoReturn:
    raise ValidationError({"prerequisites": ValidationError(message, code=code, params=params)})


def lock_prerequisites() -> None:
    """Prevent other transactions from changing prerequisites until the end of this one.

    Two transactions may each write one half of a cycle, and neither sees the other's rows. So a
    transaction that has written prerequisites takes this lock and checks for cycles once more;
    an import does so after all its rows. It is always the last lock, after those of students and
    courses, so its holder waits for nobody and deadlocks are impossible. SQLite has one writer
    and needs no lock.
    """
    # A row that always exists. With `no_key`, foreign keys to it can still be written, for
    # example by the admin's log.
    content_type = ContentType.objects.select_for_update(no_key=True).filter(
        app_label="courses", model="course"
    )
    content_type.first()


def find_cycle(start: str, prerequisites: Mapping[str, Iterable[str]]) -> Sequence[str]:
    """A path of prerequisites from the course `start` back to itself, with both ends.

    Empty if there is none. `prerequisites` has the prerequisites of each course, by code.
    """
    paths = [[start]]
    visited: set[str] = set()
    while paths:
        path = paths.pop()
        for code in prerequisites.get(path[-1], ()):
            if code == start:
                return [*path, code]
            if code not in visited:
                visited.add(code)
                paths.append([*path, code])
    return []
