"""Fields of request bodies that name students and courses by id or by the school's own key."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import CleanLineField, IdField, RequestSerializer
from core.ids import MAX_ID
from courses.models import Course, Term
from students.enrollment.keys import CourseKey, Key, StudentKey
from students.models import Student

MAX_ITEMS = 1_000
Reference = int | Key
# The fields for keys, each with the field for ids that it may replace.
KEY_FIELDS = {
    "student": "student_id",
    "course": "course_id",
    "students": "student_ids",
    "courses": "course_ids",
}


class StudentKeySerializer(RequestSerializer):
    """The school's own key of a student."""

    number = CleanLineField(max_length=Student._meta.get_field("number").max_length)

    def to_internal_value(self, data: Any) -> Any:
        return StudentKey(**super().to_internal_value(data))


class CourseKeySerializer(RequestSerializer):
    """The school's own key of a course."""

    term = CleanLineField(max_length=Term._meta.get_field("code").max_length, help_text="Its code.")
    code = CleanLineField(max_length=Course._meta.get_field("code").max_length)
    section = CleanLineField(
        max_length=Course._meta.get_field("section").max_length,
        allow_blank=True,
        required=False,
        help_text="Empty: the course without a section. Left out: the only course with this code.",
    )

    def to_internal_value(self, data: Any) -> Any:
        return CourseKey(**super().to_internal_value(data))


class ReferenceField(serializers.Field[Any, Any, Any, Any]):
    """An id, or a key in the form of the serializer `key`."""

    default_error_messages = {"invalid": _("This must be an id (a whole number) or a key.")}

    def __init__(self, key: type[RequestSerializer], **kwargs: Any) -> None:
        self.id_field = IdField()
        self.key_serializer = key()
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            return self.key_serializer.run_validation(data)
        if not isinstance(data, int):
            self.fail("invalid")
        return self.id_field.run_validation(data)


class IdListField(serializers.ListField):
    """A list of ids."""

    child = IdField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_ITEMS, **kwargs)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        # For a valid list: DRF's check of each item takes five times as long as writing it.
        if all(type(item) is int and 1 <= item <= MAX_ID for item in data):
            return data
        found: list[Any] = super().run_child_validation(data)
        return found


class ReferenceListField(IdListField):
    """A list of ids and keys, mixed as wished."""

    def __init__(self, key: type[RequestSerializer], **kwargs: Any) -> None:
        super().__init__(child=ReferenceField(key), **kwargs)


def find_keys(value: Any) -> Iterator[Key]:
    """The keys in a validated body, or in a part of it."""
    if isinstance(value, StudentKey | CourseKey):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from find_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from find_keys(item)


def check_references(body: Mapping[str, Any], required: Iterable[str] = ()) -> None:
    """Raises ValidationError where `body` has both the id and the key, or neither though required.

    `required` are names of fields for ids.
    """
    given = {KEY_FIELDS.get(name, name) for name in body}
    if errors := {
        name: [_("Give either this or %s.") % id_field]
        for name, id_field in KEY_FIELDS.items()
        if name in body and id_field in body
    }:
        raise serializers.ValidationError(errors, code="contradiction")
    missing: dict[str, list[Any]] = {
        name: [serializers.Field.default_error_messages["required"]]
        for name in required
        if name not in given
    }
    if missing:
        raise serializers.ValidationError(missing, code="required")


class ReferencesSerializer(RequestSerializer):
    """A body that names students or courses, each in a field for ids or in the one for keys.

    `required_references` are the fields for ids of those that it must name.
    """

    required_references: tuple[str, ...] = ()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_references(attrs, self.required_references)
        return attrs


def iterate_references(body: Mapping[str, Any], *names: str) -> Iterator[tuple[Reference, str]]:
    """The ids and keys in those of the fields `names` that are given, each with its pointer."""
    for name in names:
        value = body.get(name)
        if isinstance(value, list):
            yield from ((item, f"/{name}/{index}") for index, item in enumerate(value))
        elif value is not None:
            yield value, f"/{name}"
