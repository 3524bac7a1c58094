"""The checks of prerequisites, their codes as rows, and the model field for codes of courses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.db.fields import CleanCharField, ListField
from core.text import clean_line
from courses.requirements import Requirement, StoredRequirement, read_requirements

# The requirements of each offering of each course, by code.
Catalogue = Mapping[str, Sequence[Sequence[Requirement]]]


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


def check_known(codes: Iterable[str], known: Collection[str], field: str) -> None:
    """Raises ValidationError for `field` if one of `codes` is not among the `known` ones."""
    if unknown := sorted(set(codes) - set(known)):
        message = _("There is no course with the code %(codes)s.")
        params = {"codes": ", ".join(unknown)}
        raise ValidationError({field: ValidationError(message, code="not_found", params=params)})


def check_reachable(code: str, catalogue: Catalogue) -> None:
    """Raises ValidationError if nobody could ever meet the prerequisites of the course `code`."""
    needed = _find_needed(code, catalogue)
    unreachable = find_unreachable({name: catalogue[name] for name in needed})
    if code in unreachable:
        raise circular_error(code, catalogue, unreachable)


def circular_error(code: str, catalogue: Catalogue, unreachable: Set[str]) -> ValidationError:
    """The error of a course that is `unreachable`, with the circle that makes it so."""
    way = find_circle(code, catalogue, unreachable)
    message = _("A course cannot come before itself: %(way)s.")
    params = {"way": " → ".join(way)}
    return ValidationError(
        {"prerequisites": ValidationError(message, code="circular", params=params)}
    )


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


def find_unreachable(catalogue: Catalogue) -> set[str]:
    """The codes of courses that nobody could ever take, because they require each other.

    A course can be taken if one of its offerings can, and an offering if each requirement has an
    alternative that can be taken. A code of no course counts as one that can be taken. Courses that
    may be taken at the same time are taken together.
    """
    unreachable = set(catalogue)
    while group := _find_next_group(catalogue, unreachable):
        unreachable -= group
    return unreachable


def _find_next_group(catalogue: Catalogue, unreachable: Collection[str]) -> set[str]:
    """Those of `unreachable` that can be taken together after all courses outside of it."""
    group = set(unreachable)

    def can_be_taken(code: str) -> bool:
        return any(
            all(
                any(
                    other not in unreachable
                    or (requirement.concurrent and other in group and other != code)
                    for other in requirement.codes
                )
                for requirement in offering
            )
            for offering in catalogue[code]
        )

    while stuck := {code for code in group if not can_be_taken(code)}:
        group -= stuck
    return group


def find_circle(code: str, catalogue: Catalogue, unreachable: Set[str]) -> list[str]:
    """A way from an unreachable course over courses that it requires, to the first one met again.

    A requirement that may be met at the same time is followed only where there is no other.
    """
    way = [code]
    while way[-1] not in way[:-1]:
        obstacles = [
            requirement
            for offering in catalogue[way[-1]]
            for requirement in offering
            if unreachable >= set(requirement.codes)
        ]
        way.append(min(obstacles, key=lambda requirement: requirement.concurrent).codes[0])
    return way


def _find_needed(code: str, catalogue: Catalogue) -> set[str]:
    """The code and those of `catalogue` that it requires, directly or through others."""
    needed: set[str] = set()
    left = [code]
    while left:
        name = left.pop()
        if name in catalogue and name not in needed:
            needed.add(name)
            for offering in catalogue[name]:
                left.extend(other for requirement in offering for other in requirement.codes)
    return needed


class PrerequisiteCode(models.Model):
    """A code that meets a requirement of a course: Course.prerequisites as rows, for queries."""

    # No index of its own: the index of the unique constraint begins with the course.
    course = models.ForeignKey(
        "courses.Course",
        models.CASCADE,
        related_name="prerequisite_codes",
        verbose_name=_("course"),
        db_index=False,
    )
    requirement = models.PositiveSmallIntegerField(
        _("requirement"), help_text=_("Its place in the prerequisites of the course, from 0.")
    )
    code = CleanCharField(_("code"), max_length=20)

    class Meta:
        verbose_name = _("code of a prerequisite")
        verbose_name_plural = _("codes of prerequisites")
        # Written with the course.
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                name="prerequisite_code_once", fields=["course", "requirement", "code"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requirement}: {self.code}"


def write_prerequisite_codes(
    prerequisites_by_course: Mapping[int, Iterable[StoredRequirement]],
) -> None:
    """Make the rows of these courses, by id, those of their prerequisites."""
    wanted = {
        (course, number, code)
        for course, values in prerequisites_by_course.items()
        for number, requirement in enumerate(read_requirements(values))
        for code in requirement.codes
    }
    rows = PrerequisiteCode.objects.filter(course__in=prerequisites_by_course)
    present = {
        tuple(key): pk for pk, *key in rows.values_list("pk", "course", "requirement", "code")
    }
    if gone := [pk for key, pk in present.items() if key not in wanted]:
        PrerequisiteCode.objects.filter(pk__in=gone).delete()
    PrerequisiteCode.objects.bulk_create(
        PrerequisiteCode(course_id=course, requirement=number, code=code)
        for course, number, code in sorted(wanted - present.keys())
    )
