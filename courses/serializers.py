"""Serializers of terms and courses."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import ModelSerializer, StrictCharField
from courses.models import Course, Term


class TermCodeField(serializers.SlugRelatedField[Term]):
    """A term, written and read as its code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="code", queryset=Term.objects.all(), **kwargs)

    def to_internal_value(self, data: Any) -> Term:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            # PostgreSQL refuses texts with a NUL.
            return super().to_internal_value(data.replace("\0", "\ufffd"))
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
        ]


class SeatsSerializer(serializers.Serializer[Course]):
    """The seats of a course. `left` is null if they are unlimited."""

    capacity = serializers.IntegerField(allow_null=True, read_only=True)
    taken = serializers.IntegerField(read_only=True)
    left = serializers.IntegerField(allow_null=True, read_only=True)
    waiting = serializers.IntegerField(read_only=True)


class CourseSerializer(ModelSerializer[Course]):
    term = TermCodeField()
    prerequisites = serializers.ListField(
        child=StrictCharField(max_length=20), max_length=50, required=False
    )
    seats = SeatsSerializer(source="*", read_only=True)

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
            "capacity",
            "prerequisites",
            "is_open",
            "repeatable",
            "seats",
        ]

    def validate_prerequisites(self, codes: list[str]) -> list[str]:
        return list(dict.fromkeys(codes))
