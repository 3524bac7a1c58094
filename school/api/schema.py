"""Additions to the OpenAPI schema that drf-spectacular generates from the views."""

from typing import Any, Literal

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from students.api.bodies import OneOfFieldsSerializer
from students.api.references import KEY_FIELDS

PROBLEM_STATUSES = {
    "GET": (400, 401, 403, 404, 406, 429, 503),
    "POST": (400, 401, 403, 404, 406, 409, 413, 415, 429, 503),
    "PUT": (400, 401, 403, 404, 406, 409, 412, 413, 415, 429, 503),
    "PATCH": (400, 401, 403, 404, 406, 409, 412, 413, 415, 429, 503),
    "DELETE": (401, 403, 404, 406, 409, 412, 429, 503),
}


class ErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong, and where."""

    pointer = serializers.CharField(required=False, help_text="JSON pointer into the body.")
    parameter = serializers.CharField(required=False, help_text="Name of a query parameter.")
    code = serializers.CharField()
    detail = serializers.CharField()
    params = serializers.DictField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457: why a request was not done."""

    type = serializers.CharField(help_text="A path that explains the code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = ErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    outcomes = serializers.ListField(child=serializers.DictField(), required=False)


class AutoSchema(SpectacularSchema):
    """Adds the problems that an operation may respond with, and the header If-Match."""

    def get_override_parameters(self) -> list[Any]:
        if self.method not in ("PUT", "PATCH", "DELETE") or not hasattr(self.view, "retrieve"):
            return []
        description = "The ETag of what was read: 412 where it was changed since."
        return [OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=description)]

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction=direction)
        for status in PROBLEM_STATUSES[self.method]:
            code, media_types = str(status), ["application/problem+json"]
            body = self._get_response_for_code(  # type: ignore[no-untyped-call]
                OpenApiResponse(ProblemSerializer), code, media_types
            )
            bodies.setdefault(code, body)
        return bodies


class ReferenceFieldSchema(OpenApiSerializerFieldExtension):
    """An id, or a key."""

    target_class = "students.api.references.ReferenceField"

    def map_serializer_field(
        self, auto_schema: SpectacularSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        row_id = auto_schema._map_serializer_field(self.target.id_field, direction)
        key = auto_schema.resolve_serializer(self.target.key_serializer, direction)
        return {"oneOf": [row_id, key.ref]}


class MeetingsFieldSchema(OpenApiSerializerFieldExtension):
    """A list of meetings."""

    target_class = "courses.serializers.MeetingsField"

    def map_serializer_field(
        self, auto_schema: SpectacularSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        meeting = auto_schema.resolve_serializer(self.target.child, direction)
        return {"type": "array", "items": meeting.ref, "maxItems": self.target.max_length}


class RequirementFieldSchema(OpenApiSerializerFieldExtension):
    """A code of a course, or several of which one is enough."""

    target_class = "courses.serializers.RequirementField"

    def map_serializer_field(
        self, auto_schema: SpectacularSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        code = auto_schema._map_serializer_field(self.target.code, direction)
        alternatives = auto_schema.resolve_serializer(self.target.alternatives, direction)
        return {"oneOf": [code, alternatives.ref]}


class BodySchema(OpenApiSerializerExtension):
    """Says which fields of a body are given together: an id or a key, and one of its forms."""

    target_class = "students.api.references.ReferencesSerializer"
    match_subclasses = True

    def map_serializer(
        self, auto_schema: SpectacularSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        if isinstance(self.target, OneOfFieldsSerializer):
            kind = "allOf" if self.target.needs_all_fields else "anyOf"
            return schema | {
                "oneOf": [
                    {kind: [self._require(name) for name in sorted(form)]}
                    for form in self.target.forms
                ]
            }
        if required := [self._require(name) for name in self.target.required_references]:
            return schema | {"allOf": required}
        return schema

    def _require(self, id_field: str) -> dict[str, Any]:
        names = [id_field, *(name for name, other in KEY_FIELDS.items() if other == id_field)]
        choices = [{"required": [name]} for name in names if name in self.target.fields]
        return {"oneOf": choices} if len(choices) > 1 else choices[0]


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "school.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: SpectacularSchema) -> dict[str, Any]:
        return build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106 (the scheme's name)
        )
