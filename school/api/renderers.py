"""The parser and the renderer of JSON, both by orjson, and content negotiation."""

from collections.abc import Iterable, Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.api.parameters import refuse_parameters
from core.json import dumps


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = _("The body is larger than 1 MiB. Send it in several requests.")


class JSONParser(BaseParser):
    """Parses a JSON body. Raises ParseError if it is no JSON, TooLarge above BODY_LIMIT bytes."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(settings.BODY_LIMIT + 1)
        if len(body) > settings.BODY_LIMIT:
            raise TooLarge
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(_("The body is not JSON: %s.") % error) from error


class JSONRenderer(BaseRenderer):
    """Renders JSON in UTF-8."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


class Negotiation(DefaultContentNegotiation):
    """DRF's negotiation, with a shortcut for `Accept: */*`, which most programs send."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of the response and its media type.

        Raises NotAcceptable, and InvalidParameter for `format` where there is one format only.
        """
        renderers = list(renderers)
        if "format" in request.query_params and len(renderers) == 1:
            refuse_parameters(["format"])
        if (
            request.META.get("HTTP_ACCEPT", "*/*") != "*/*"
            or format_suffix
            or "format" in request.query_params
        ):
            selected: tuple[BaseRenderer, str] = super().select_renderer(
                request, renderers, format_suffix
            )
            return selected
        first = next(iter(renderers))
        return first, str(first.media_type)
