"""Additions to the OpenAPI schema that drf-spectacular generates from the views."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

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


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "school.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: SpectacularSchema) -> dict[str, Any]:
        return build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106 (the scheme's name)
        )
