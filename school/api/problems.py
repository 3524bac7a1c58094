"""The API's error responses: `application/problem+json`, as RFC 9457 defines it.

`PROBLEMS` lists the codes. `exception_handler` turns the exceptions of views into problems. Errors
outside a view of DRF, and the HTML pages of errors, are in `school/error_pages.py`.
"""

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import DataError
from django.db.models import ProtectedError
from django.http import Http404
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

from core.api.parameters import InvalidParameter
from core.api.viewsets import StrictParametersMixin
from core.db.errors import Obstacle, find_obstacle, is_temporary
from core.json import dumps
from students.api.serializers import serialize_outcomes, serialize_refusal
from students.enrollment.rules import PairError, Refusal
from students.enrollment.transitions import EnrollmentChange, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
Text = str | Promise


class Problem(NamedTuple):
    """The HTTP status of a code, its title, and an explanation of how to solve the problem."""

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
        _("In the path: 404. In the body: 400, and `pointer` shows the unknown id or key."),
    ),
    "ambiguous": Problem(
        400,
        _("The key has several courses"),
        _("The course is offered in several sections: name one of `params.sections` in the key."),
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
            "It is unknown, revoked or expired, or its user was switched off. "
            "Make a new one on the page /tokens/."
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
            "Active becomes completed or withdrawn; waitlisted becomes active or withdrawn; "
            "withdrawn becomes active; completed becomes withdrawn."
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
            "The database is away or busy, or somebody else changed the same. "
            "Nothing was done; send it again after `Retry-After` seconds."
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
            "The term's first day to enroll is still to come "
            "(days count in the school's time zone)."
        ),
    ),
    Refusal.WINDOW_CLOSED: Problem(
        409,
        _("Enrollment is over"),
        _("The term's last day to enroll has passed (days count in the school's time zone)."),
    ),
    Refusal.TERM_OVER: Problem(
        409,
        _("The course is over"),
        _(
            "The last day of the course, its own or that of its term, has passed "
            "(days count in the school's time zone)."
        ),
    ),
    Refusal.PREREQUISITE_MISSING: Problem(
        409,
        _("A prerequisite is missing"),
        _(
            "The course asks for other courses to be completed first, in any term: "
            "`params.missing` names them for people, `params.unmet` lists them for programs. One "
            "code of each requirement is enough; with `concurrent`, the student may also take the "
            "course at the same time."
        ),
    ),
    Refusal.EXCLUDED_BY: Problem(
        409,
        _("Another course excludes this one"),
        _(
            "The student takes or has completed `params.other`, and one of the two courses "
            "excludes the other."
        ),
    ),
    Refusal.ALREADY_TAKING: Problem(
        409,
        _("The student takes another section"),
        _(
            "The student is active in another section of this course, and their dates overlap: "
            "`params.other` names it. Withdraw the student from that one in the same request, "
            "or mark the course as repeatable."
        ),
    ),
    Refusal.TIME_CONFLICT: Problem(
        409,
        _("The times clash"),
        _(
            "The course meets at a time at which another course of the student meets, and their "
            "dates overlap: `params.other` names it, and `day`, `from` and `to` the first time "
            "that both need. Withdraw the student from that one in the same request."
        ),
    ),
    Refusal.CREDIT_LIMIT: Problem(
        409,
        _("Too many credits"),
        _(
            "With this course the student would take more credits in the term than the term, or "
            "the limit of this student, allows."
        ),
    ),
    Refusal.COURSE_FULL: Problem(
        409,
        _("The course is full"),
        _("Active enrollments have reached the capacity. Wait (`on_full`), or raise the capacity."),
    ),
}

logger = logging.getLogger(__name__)

OBSTACLE_DETAILS: dict[Obstacle, Text] = {
    Obstacle.READ_ONLY: _(
        "The database can only be read at this moment. Nothing was changed. Try again in a moment."
    ),
    Obstacle.DISK_FULL: _(
        "The disk of the server is full. Nothing was changed. An administrator must make room."
    ),
}

# The code of exceptions that carry no details. PostgreSQL raises DataError for a value that it
# cannot store, such as a text with a NUL character.
CODES: dict[type[Exception], str] = {
    Http404: "not_found",
    PermissionDenied: "permission_denied",
    DataError: "invalid",
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the problem for an exception of a view, or None for an unexpected one (a 500).

    DRF calls this, as its setting EXCEPTION_HANDLER.
    """
    set_rollback()
    for exception_type, code in CODES.items():
        if isinstance(error, exception_type):
            return problem(code)
    # Before temporary errors, because ProtectedError is an IntegrityError.
    if isinstance(error, ProtectedError):
        return problem("protected", error.args[0])
    if is_temporary(error):
        detail = log_temporary_error(error)
        return problem("unavailable", detail, headers={"Retry-After": RETRY_SECONDS})
    return _detailed_problem(error)


def log_temporary_error(error: BaseException) -> Text:
    """Log the error. Returns what to say about it beyond the usual, empty if there is nothing."""
    obstacle = find_obstacle(error)
    if obstacle is None:
        logger.error("The database could not do this now.", exc_info=error)
        return ""
    logger.error("%s %s", obstacle.value, str(error).strip())
    return OBSTACLE_DETAILS[obstacle]


def _detailed_problem(error: Exception) -> Response | None:
    match error:
        case Refused():
            return _refused(error)
        case InvalidParameter():
            errors = list(_flatten(error.detail))
            for item in errors:
                # The first step of the pointer is the name of the query parameter.
                item["parameter"] = item.pop("pointer").split("/")[1]
            return _invalid(errors)
        case ValidationError():
            return _invalid(list(_flatten(as_serializer_error(error))))
        case exceptions.ValidationError():
            return _invalid(list(_flatten(error.detail)))
        case exceptions.APIException():
            return _api_exception(error)
    return None


class ProblemResponse(Response):
    """A problem, in JSON whatever renderers its view has and whatever the client accepts."""

    @property
    def rendered_content(self) -> Any:
        self["Content-Type"] = MEDIA_TYPE
        return dumps(self.data)


def problem(
    code: str,
    detail: Text = "",
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return the response for `code`, a key of PROBLEMS. See `problem_body` for the parameters."""
    body = problem_body(code, detail, status=status, **members)
    return ProblemResponse(body, status=body["status"], headers=dict(headers or {}))


def problem_body(
    code: str, detail: Text = "", *, status: int | None = None, **members: Any
) -> dict[str, Any]:
    """Return the members of the problem `code`, a key of PROBLEMS.

    `detail` and `status` replace the explanation and the status of that code. `members` are further
    members, such as `errors`.
    """
    known = PROBLEMS[code]
    return {
        "type": _type_url(code),
        "title": str(known.title),
        "status": status or known.status,
        "detail": str(detail or known.explanation),
        "code": code,
        **members,
    }


@cache
def _type_url(code: str) -> str:
    return reverse("problem", args=[code])


def _refused(error: Refused) -> Response:
    errors = []
    for result in error.results:
        errors += [_refusal_error(reason, result.change) for reason in result.refusals]
    mistakes = [item for item in errors if item["code"] in ("not_found", "ambiguous")]
    # An unknown id or key is a mistake in the request (400). It is reported before refusals (409).
    first = mistakes[0] if mistakes else errors[0]
    return problem(
        first["code"],
        first["detail"],
        status=HTTPStatus.BAD_REQUEST if mistakes else None,
        errors=errors,
        outcomes=serialize_outcomes(error.results, written=False),
    )


def _refusal_error(reason: PairError, change: EnrollmentChange) -> dict[str, Any]:
    """Return an item of `errors`, with the JSON pointer to the id that the reason is about."""
    return {"pointer": change.get_pointer(reason.field), **serialize_refusal(reason)}


def _invalid(errors: list[dict[str, Any]]) -> Response:
    code = "not_found" if errors[0]["code"] == "not_found" else "invalid"
    return problem(code, errors[0]["detail"], status=HTTPStatus.BAD_REQUEST, errors=errors)


def _flatten(detail: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """Yield the errors of DRF's nested `detail`, each with its JSON pointer (RFC 6901)."""
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


def _api_exception(error: exceptions.APIException) -> Response:
    code = "malformed" if isinstance(error, exceptions.ParseError) else error.default_code
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if seconds := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(seconds))
    return problem(code, str(error.detail), status=error.status_code, headers=headers)


@extend_schema(exclude=True)
class ProblemView(StrictParametersMixin):
    """Explains a code. The `type` of a problem is the address of this view."""

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
class UnknownPathView(APIView):
    """Answers 404 with a problem for every path under /api that has no other view."""

    permission_classes = [AllowAny]
    authentication_classes = ()
    throttle_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound
