"""ETag and If-Match (RFC 9110, 8.8.3 and 13.1.1), against lost updates."""

from hashlib import sha256
from typing import Any

from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from core.json import dumps


class PreconditionFailed(APIException):
    """The resource was changed since the client read it."""

    status_code = 412
    default_code = "stale"
    default_detail = _(
        "It was changed since you read it. Read it again, and send your change with the new ETag."
    )


def compute_etag(data: Any) -> str:
    """The strong ETag of a resource whose representation is `data`."""
    return quote_etag(sha256(dumps(data)).hexdigest()[:32])


def add_etag(response: Response) -> Response:
    response["ETag"] = compute_etag(response.data)
    return response


def has_if_match(request: Request) -> bool:
    return "HTTP_IF_MATCH" in request.META


def check_if_match(request: Request, data: Any) -> None:
    """Compare If-Match with `data`, the current representation. Raises PreconditionFailed.

    The row must be locked.
    """
    wanted = parse_etags(request.META.get("HTTP_IF_MATCH", "*"))
    if "*" not in wanted and compute_etag(data) not in wanted:
        raise PreconditionFailed
