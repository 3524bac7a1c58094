"""ETag and If-Match (RFC 9110): nobody overwrites what they have not seen."""

from hashlib import sha256
from typing import Any

from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from core.json import dumps


class PreconditionFailed(APIException):
    """It was changed since it was read."""

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
    """Whether the request says which representation it means."""
    return "HTTP_IF_MATCH" in request.META


def check_if_match(request: Request, data: Any) -> None:
    """Raises Stale unless `data`, the representation now, is one that the request's If-Match names. Call it under the lock."""
    wanted = parse_etags(request.META.get("HTTP_IF_MATCH", "*"))
    if "*" not in wanted and compute_etag(data) not in wanted:
        raise PreconditionFailed
