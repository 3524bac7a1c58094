"""Errors become HTTP answers here and nowhere else: problem+json (RFC 9457) under /api, a page of ours elsewhere."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    BadRequest,
    PermissionDenied,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView, set_rollback

from core.api.filters import InvalidParameter
from core.conflicts import RecordGone
from students.api.serializers import serialize_outcomes, serialize_refusal
from students.enrollment.rules import Refusal
from students.enrollment.transitions import EnrollmentChange, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
# Fields of a form that are not shown again: a password, and the token of the form that was sent.
SECRET = re.compile("password|csrfmiddlewaretoken", re.IGNORECASE)
Text = str | Promise


class Problem(NamedTuple):
    """What a code stands for: its HTTP status, a title, and what to do about it."""

    status: int
    title: Text
    explanation: Text


PROBLEMS: dict[str, Problem] = {
    "malformed": Problem(
        400,
        _("The request cannot be read"),
        _("The body is not JSON. Check it with a JSON validator."),
    ),
    "invalid": Problem(
        400,
        _("Something in the request is wrong"),
        _("`errors` says what and where: `pointer` into the body, or `parameter` of the query."),
    ),
    "not_found": Problem(
        404,
        _("There is no such thing"),
        _("In the path: 404. In the body: 400, and `pointer` shows the id that is unknown."),
    ),
    "not_authenticated": Problem(
        401,
        _("Nobody is signed in"),
        _("Send `Authorization: Bearer TOKEN`. Tokens are made on the page /tokens/."),
    ),
    "authentication_failed": Problem(
        401,
        _("The token is not good"),
        _(
            "It is unknown, revoked or expired, or its user was switched off. Make a new one on the page /tokens/."
        ),
    ),
    "permission_denied": Problem(
        403, _("Not allowed"), _("The role of this user does not allow this. Ask an administrator.")
    ),
    "method_not_allowed": Problem(
        405, _("This method is not for this path"), _("The header `Allow` names those that are.")
    ),
    "not_acceptable": Problem(406, _("No such format"), _("Answers are application/json.")),
    "protected": Problem(
        409,
        _("It is in use"),
        _("What has ever been used is kept. A student can be made inactive, a course closed."),
    ),
    "invalid_status": Problem(
        409,
        _("No way from this status to that one"),
        _(
            "Active becomes completed or withdrawn; waitlisted becomes active or withdrawn; withdrawn becomes active; completed becomes withdrawn."
        ),
    ),
    "stale": Problem(
        412,
        _("It was changed since you read it"),
        _("Read it again, and send your change with the new ETag in `If-Match`."),
    ),
    "too_large": Problem(413, _("The body is too large"), _("Send it in several requests.")),
    "unsupported_media_type": Problem(
        415, _("No such format"), _("Send `Content-Type: application/json`.")
    ),
    "throttled": Problem(
        429, _("Too many requests"), _("Wait as many seconds as `Retry-After` says.")
    ),
    "server_error": Problem(
        500,
        _("Something broke here"),
        _("It is not your fault and was logged. Nothing was half done."),
    ),
    "unavailable": Problem(
        503,
        _("Not at this moment"),
        _(
            "The database is away or busy, or somebody else changed the same. Nothing was done; send it again after `Retry-After` seconds."
        ),
    ),
    Refusal.STUDENT_INACTIVE: Problem(
        409, _("The student is not active"), _("Make the student active first.")
    ),
    Refusal.COURSE_CLOSED: Problem(
        409,
        _("The course is closed"),
        _("A closed course takes no new students. Open it, or choose another."),
    ),
    Refusal.WINDOW_NOT_OPEN: Problem(
        409,
        _("Enrollment has not begun"),
        _(
            "The term's first day to enroll is still to come (days count in the school's time zone)."
        ),
    ),
    Refusal.WINDOW_CLOSED: Problem(
        409,
        _("Enrollment is over"),
        _("The term's last day to enroll has passed (days count in the school's time zone)."),
    ),
    Refusal.PREREQUISITE_MISSING: Problem(
        409,
        _("A prerequisite is missing"),
        _(
            "The course asks for other courses to be completed first, in any term: `params.missing` names them."
        ),
    ),
    Refusal.COURSE_FULL: Problem(
        409,
        _("The course is full"),
        _("Active enrollments have reached the capacity. Wait (`on_full`), or raise the capacity."),
    ),
}

logger = logging.getLogger(__name__)

# The database is away, a lock was not had in time, or somebody else has taken away meanwhile what the change refers to, which
# PostgreSQL says at the end of the transaction. Sent again, it is answered with what is so by then.
LATER = OperationalError | InterfaceError | IntegrityError

# Errors of Django that say nothing more; the last is a value that the database cannot hold, such as text with a NUL in it.
PLAIN: dict[type[Exception], str] = {
    Http404: "not_found",
    PermissionDenied: "permission_denied",
    DataError: "invalid",
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook: the problem that stands for `error`, or None for one that nobody foresaw (a 500)."""
    set_rollback()
    for kind, code in PLAIN.items():
        if isinstance(error, kind):
            return problem(code)
    match error:
        case Refused():
            return _refused(error)
        case InvalidParameter():
            return _invalid(
                [
                    {"parameter": item.pop("pointer")[1:].partition("/")[0], **item}
                    for item in _flatten(error.detail)
                ]
            )
        case ValidationError():
            return _invalid(list(_flatten(as_serializer_error(error))))
        case exceptions.ValidationError():
            return _invalid(list(_flatten(error.detail)))
        case ProtectedError():
            return problem("protected", error.args[0])
        case OperationalError() | InterfaceError() | IntegrityError():
            logger.error("What was asked could not be done now.", exc_info=error)
            return problem("unavailable", headers={"Retry-After": RETRY_SECONDS})
        case exceptions.APIException():
            return _http(error)
    return None


def problem(
    code: str,
    detail: Text = "",
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer that tells of `code`, a key of PROBLEMS; `detail` in place of its explanation."""
    body = _body(code, detail, status=status, **more)
    return Response(
        body, status=body["status"], headers=dict(headers or {}), content_type=MEDIA_TYPE
    )


def _body(
    code: str, detail: Text = "", *, status: int | None = None, **more: Any
) -> dict[str, Any]:
    known = PROBLEMS[code]
    return {
        "type": _type_of(code),
        "title": str(known.title),
        "status": status or known.status,
        "detail": str(detail or known.explanation),
        "code": code,
        **more,
    }


@cache
def _type_of(code: str) -> str:
    return reverse("problem", args=[code])


def _refused(error: Refused) -> Response:
    errors = [
        _reason(reason, result.change) for result in error.results for reason in result.refusals
    ]
    # An id that nobody knows is a fault of the request; only a sound request is refused by the rules.
    first = next((item for item in errors if item["code"] == "not_found"), errors[0])
    status = HTTPStatus.BAD_REQUEST if first["code"] == "not_found" else None
    return problem(
        first["code"],
        first["detail"],
        status=status,
        errors=errors,
        outcomes=serialize_outcomes(error.results, written=False),
    )


def _reason(reason: ValidationError, change: EnrollmentChange) -> dict[str, Any]:
    params = reason.params or {}
    about = "student_id" if any(name.startswith("student") for name in params) else "course_id"
    return {"pointer": change.at.format(field=about), **serialize_refusal(reason)}


def _invalid(errors: list[dict[str, Any]]) -> Response:
    code = "not_found" if errors[0]["code"] == "not_found" else "invalid"
    return problem(code, errors[0]["detail"], status=HTTPStatus.BAD_REQUEST, errors=errors)


def _flatten(detail: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """DRF's nested messages as one list, each with the JSON pointer (RFC 6901) to what it is about."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from _flatten(value, pointer if key == NON_FIELD_ERRORS else f"{pointer}/{step}")
    elif isinstance(detail, list) and any(isinstance(value, Mapping) for value in detail):
        for index, value in enumerate(detail):
            yield from _flatten(value, f"{pointer}/{index}")
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, pointer)
    else:
        yield {
            "pointer": pointer,
            "code": getattr(detail, "code", "invalid"),
            "detail": str(detail),
            "params": {},
        }


def _http(error: exceptions.APIException) -> Response:
    code = "malformed" if isinstance(error, exceptions.ParseError) else error.default_code
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return problem(code, str(error.detail), status=error.status_code, headers=headers)


@extend_schema(exclude=True)
class ProblemView(APIView):
    """What a problem's `type` opens: the code explained."""

    permission_classes = [AllowAny]
    authentication_classes = ()
    throttle_classes = ()

    def get(self, request: Request, code: str) -> Response:
        if code not in PROBLEMS:
            return problem("not_found")
        known = PROBLEMS[code]
        return Response(
            {
                "code": code,
                "status": known.status,
                "title": str(known.title),
                "explanation": str(known.explanation),
            }
        )


@extend_schema(exclude=True)
class NoSuchPath(APIView):
    """Every path under /api that is not in the map."""

    permission_classes = [AllowAny]
    authentication_classes = ()
    throttle_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(
        request,
        "malformed",
        _("The request is not one that a browser or a program in order would send."),
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "permission_denied")


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The answer to a form without the token that guards it."""
    return _page(
        request,
        "permission_denied",
        _(
            "This form is too old, or did not come from here. Go back, load the page again and send it once more."
        ),
    )


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(
        request,
        "not_found",
        str(exception)
        if isinstance(exception, RecordGone)
        else _("There is nothing at this address."),
    )


def broken(request: HttpRequest) -> HttpResponse:
    """The answer to an error that no view caught: 503 where the database is away or busy, 400 for a value that it cannot hold, else 500."""
    error = sys.exc_info()[1]
    if isinstance(error, DataError):
        return _page(
            request,
            "malformed",
            _(
                "Something that was sent can be neither kept nor looked for, such as a character that is none."
            ),
        )
    away = isinstance(error, LATER)
    if away and not request.path_info.startswith("/api/"):
        return _page(
            request,
            "unavailable",
            _(
                "The database is away or busy, or somebody else changed the same. Nothing was done. Try again in a moment."
            ),
        )
    return _page(request, "unavailable" if away else "server_error")


def _page(request: HttpRequest, code: str, detail: Text = "") -> HttpResponse:
    body = _body(code, detail)
    if request.path_info.startswith("/api/"):
        response: HttpResponse = JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)
    else:
        # No context processors: they might need the very database that is away.
        kept = _kept(request) if code == "unavailable" and request.method == "POST" else {}
        response = HttpResponse(
            render_to_string("school/problem.html", {"problem": body, **kept}),
            status=body["status"],
        )
    if code == "unavailable":
        response["Retry-After"] = RETRY_SECONDS
    return response


def _kept(request: HttpRequest) -> dict[str, Any]:
    """What was typed, for a page that can send it once more: all but passwords, which no page repeats."""
    try:
        sent = request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, OSError):
        return {}
    fields = [
        (name, value)
        for name, values in sent.lists()
        for value in values
        if not SECRET.search(name)
    ]
    return {"fields": fields, "address": request.get_full_path(), "csrf_token": get_token(request)}
