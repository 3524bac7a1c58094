"""Serializers of terms, courses and teachers."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import (
    CleanLineField,
    IdField,
    ModelSerializer,
    StrictBooleanField,
    StrictCharField,
    StrictSerializer,
)
from core.text import without_nul
from courses.meetings import (
    DAYS,
    MAX_MEETINGS,
    MAX_ROOM_LENGTH,
    Meeting,
    check_order,
    clean_room,
    clean_time,
)
from courses.models import Course, Teacher, Teaching, Term
from courses.requirements import MAX_ALTERNATIVES, Alternatives, StoredRequirement
from courses.teaching import Assignment

CODE_LENGTH = Course._meta.get_field("code").max_length
MAX_TEACHERS = 100


class TermCodeField(serializers.SlugRelatedField[Term]):
    """A term, written and read as its code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="code", queryset=Term.objects.all(), **kwargs)

    def to_internal_value(self, data: Any) -> Term:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return super().to_internal_value(without_nul(data))
        except serializers.ValidationError as error:
            message = _("There is no term with the code “%(code)s”.") % {"code": data[:30]}
            raise serializers.ValidationError(message, code="not_found") from error


class TermSerializer(ModelSerializer[Term]):
    class Meta:
        model = Term
        fields = [
            "code",
            "name",
            "starts_on",
            "ends_on",
            "enrollment_opens_on",
            "enrollment_closes_on",
            "max_credits",
            "accepts_in_progress",
        ]


class SeatsSerializer(serializers.Serializer[Course]):
    """The seats of a course. `left` is null if they are unlimited."""

    capacity = serializers.IntegerField(allow_null=True, read_only=True)
    taken = serializers.IntegerField(read_only=True)
    left = serializers.IntegerField(allow_null=True, read_only=True)
    waiting = serializers.IntegerField(read_only=True)


class TeacherOfCourseSerializer(serializers.Serializer[Teaching]):
    """A teacher in the row of a course."""

    id = serializers.IntegerField(source="teacher_id", read_only=True)
    name = serializers.CharField(source="teacher.name", read_only=True)
    is_primary = serializers.BooleanField(read_only=True)


class MeetingSerializer(StrictSerializer[Any]):
    """A weekly meeting of a course, at the times of the school's clocks."""

    days = serializers.ListField(child=serializers.ChoiceField(DAYS), allow_empty=False)
    room = StrictCharField(max_length=MAX_ROOM_LENGTH, allow_blank=True, default="")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        # `from` cannot be the name of an attribute.
        for name, example in (("from", "10:00"), ("to", "10:50")):
            fields[name] = StrictCharField(help_text=f"A time as {example}.")
        return {name: fields[name] for name in ("days", "from", "to", "room")}

    def validate_from(self, value: str) -> str:
        return clean_time(value)

    def validate_to(self, value: str) -> str:
        return clean_time(value)

    def validate_room(self, value: str) -> str:
        return clean_room(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            check_order(attrs["from"], attrs["to"])
        except ValidationError as error:
            raise ValidationError({"to": error}) from error
        return attrs


class MeetingsField(serializers.Field[list[Meeting], Any, list[Meeting], Any]):
    """The meetings of a course."""

    child = MeetingSerializer
    max_length = MAX_MEETINGS

    def to_internal_value(self, data: Any) -> list[Meeting]:
        # A serializer of its own: within the one of a PATCH no field would be required.
        meetings = self.child(data=data, many=True, max_length=self.max_length)  # type: ignore[call-arg]
        meetings.is_valid(raise_exception=True)
        return list(meetings.validated_data)

    def to_representation(self, value: list[Meeting]) -> list[Meeting]:
        # PostgreSQL returns the keys in another order.
        return [
            {"days": row["days"], "from": row["from"], "to": row["to"], "room": row["room"]}
            for row in value
        ]


class AlternativesSerializer(StrictSerializer[Any]):
    """A requirement: one of these codes; with `concurrent`, it may be taken at the same time."""

    any = serializers.ListField(
        child=CleanLineField(max_length=CODE_LENGTH), allow_empty=False, max_length=MAX_ALTERNATIVES
    )
    concurrent = StrictBooleanField(default=False)


class RequirementField(serializers.Field[StoredRequirement, Any, StoredRequirement, Any]):
    """A requirement: a code, or an object with alternatives."""

    code = CleanLineField(max_length=CODE_LENGTH)
    alternatives = AlternativesSerializer
    default_error_messages = {"invalid": _("This must be a code or an object.")}

    def to_internal_value(self, data: Any) -> StoredRequirement:
        if isinstance(data, str):
            code: str = self.code.run_validation(data)
            return code
        if not isinstance(data, dict):
            self.fail("invalid")
        # A serializer of its own: within the one of a PATCH no field would be required.
        serializer = self.alternatives(data=data)
        serializer.is_valid(raise_exception=True)
        alternatives: Alternatives = serializer.validated_data
        return alternatives

    def to_representation(self, value: StoredRequirement) -> StoredRequirement:
        return value


class CourseSerializer(ModelSerializer[Course]):
    term = TermCodeField()
    meetings = MeetingsField(required=False, help_text="When the course meets each week.")
    prerequisites = serializers.ListField(
        child=RequirementField(), required=False, help_text="All of them must be met."
    )
    excludes = serializers.ListField(child=CleanLineField(max_length=CODE_LENGTH), required=False)
    seats = SeatsSerializer(source="*", read_only=True)
    teachers = TeacherOfCourseSerializer(source="current_teachings", many=True, read_only=True)

    class Meta:
        model = Course
        fields = [
            "id",
            "code",
            "section",
            "title",
            "description",
            "credits",
            "term",
            "starts_on",
            "ends_on",
            "meetings",
            "capacity",
            "prerequisites",
            "excludes",
            "is_open",
            "repeatable",
            "seats",
            "teachers",
        ]


class TeacherSerializer(ModelSerializer[Teacher]):
    class Meta:
        model = Teacher
        fields = ["id", "number", "first_name", "last_name", "email", "is_active"]
        # Either may be empty, but a client that leaves one out has probably forgotten it.
        extra_kwargs = {"first_name": {"required": True}, "last_name": {"required": True}}


class AssignmentSerializer(StrictSerializer[Teaching]):
    """A teacher of one course. `name` is read only; it may be sent back."""

    teacher_id = IdField()
    name = serializers.CharField(source="teacher.name", read_only=True)
    is_primary = StrictBooleanField(default=False)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if name != "name"}
        return super().to_internal_value(data)


class CourseTeachersSerializer(StrictSerializer[Course]):
    """Exactly the teachers of one course; at most one of them is primary."""

    teachers = AssignmentSerializer(  # type: ignore[call-arg]
        source="current_teachings", many=True, max_length=MAX_TEACHERS
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        rows = attrs["current_teachings"]
        ids = [row["teacher_id"] for row in rows]
        known = set(Teacher.objects.filter(pk__in=ids).values_list("pk", flat=True))
        has_primary = False
        errors: dict[int, Any] = {}
        for index, row in enumerate(rows):
            if row["teacher_id"] not in known:
                message = _("There is no teacher with this id.")
                errors[index] = {"teacher_id": [_detail(message, "not_found")]}
            elif row["teacher_id"] in ids[:index]:
                message = _("This teacher is named twice.")
                errors[index] = {"teacher_id": [_detail(message, "repeated")]}
            elif row["is_primary"] and has_primary:
                message = _("Only one teacher of a course can be the primary one.")
                errors[index] = {"is_primary": [_detail(message, "second_primary")]}
            has_primary |= row["is_primary"]
        if errors:
            detail: Any = {"teachers": errors}
            raise serializers.ValidationError(detail)
        return attrs

    @property
    def assignments(self) -> list[Assignment]:
        return [Assignment(**row) for row in self.validated_data["current_teachings"]]


def _detail(message: Any, code: str) -> serializers.ErrorDetail:
    return serializers.ErrorDetail(str(message), code=code)
