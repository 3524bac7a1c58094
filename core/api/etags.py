"""ETag, If-Match and If-None-Match (RFC 9110, 8.8.3 and 13.1), against lost updates."""

import re
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from core.json import dumps

# Our ETag between what proxies add.
PROXY_CHANGES = re.compile(r'\A(?:W/)?("[0-9a-f]{32})(?:[-;:+](?:gzip|br|zstd|deflate))?(?=")')


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


def add_etag(response: Response, request: Request | None = None) -> Response:
    """Set the header ETag. For a GET `request` whose If-None-Match names it, return a 304."""
    etag = compute_etag(response.data)
    if request is not None and request.method in ("GET", "HEAD"):
        known = read_etags(request, "HTTP_IF_NONE_MATCH")
        if "*" in known or etag in known:
            response = Response(status=HTTPStatus.NOT_MODIFIED)
    response["ETag"] = etag
    return response


def has_precondition(request: Request) -> bool:
    """Whether the request depends on the current state: If-Match, or a write's If-None-Match."""
    meta = request.META
    is_read = request.method in ("GET", "HEAD")
    return "HTTP_IF_MATCH" in meta or ("HTTP_IF_NONE_MATCH" in meta and not is_read)


def check_preconditions(request: Request, data: Any) -> None:
    """Compare the headers with `data`, the current representation. Raises PreconditionFailed.

    For a write, the row must be locked. The If-None-Match of a read is for `add_etag()`.
    """
    etag = compute_etag(data)
    if "HTTP_IF_MATCH" in request.META:
        wanted = read_etags(request, "HTTP_IF_MATCH")
        if "*" not in wanted and etag not in wanted:
            raise PreconditionFailed
    if request.method not in ("GET", "HEAD"):
        unwanted = read_etags(request, "HTTP_IF_NONE_MATCH")
        if "*" in unwanted or etag in unwanted:
            raise PreconditionFailed


def read_etags(request: Request, header: str) -> set[str]:
    """The ETags in a header, as this server sent them; "*" stands for any.

    Proxies that compress the response change its ETag: nginx makes it weak, Apache appends "-gzip",
    others ";gzip" or ":br". A changed one stands for ours.
    """
    return {PROXY_CHANGES.sub(r"\1", tag) for tag in parse_etags(request.META.get(header, ""))}
