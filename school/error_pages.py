"""Responses to errors that no view handled: a page for people, a problem under /api.

These are Django's error views, named in `school/urls.py` and in the setting CSRF_FAILURE_VIEW.
"""

import sys
from math import ceil
from typing import Any

from django.db import DatabaseError, DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.conflicts import RecordGone
from core.db.errors import is_temporary
from core.pages.kept_forms import get_kept_context, get_sent_fields, is_same_origin
from school.api.problems import MEDIA_TYPE, RETRY_SECONDS, Text, log_temporary_error, problem_body


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error_response(
        request,
        "malformed",
        _("The request is not one that a browser or a program in order would send."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error_response(request, "permission_denied", keep_form=True)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the valid token; one of this site can be sent again with a new one.

    The fields of a form of another site must not be offered: a click would send them.
    """
    if is_same_origin(request):
        detail = _("You have signed in anew since this form was opened. Nothing was done yet.")
        return _error_response(request, "permission_denied", detail, keep_form=True)
    return _error_response(
        request,
        "permission_denied",
        _(
            "This form is too old, or did not come from here. "
            "Go back, load the page again and send it once more."
        ),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    is_gone = isinstance(exception, RecordGone)
    detail = str(exception) if is_gone else _("There is nothing at this address.")
    return _error_response(request, "not_found", detail, keep_form=is_gone)


def too_many_sign_ins(request: HttpRequest, seconds: int) -> HttpResponse:
    """Answer an attempt to sign in that is over a limit, with the seconds to wait."""
    minutes = ceil(seconds / 60)
    text = ngettext(
        "Too many sign-ins that failed. Try again in %(minutes)d minute.",
        "Too many sign-ins that failed. Try again in %(minutes)d minutes.",
        minutes,
    )
    response = _error_response(request, "throttled", text % {"minutes": minutes})
    response["Retry-After"] = str(seconds)
    return response


def second_factor_missing(request: HttpRequest) -> HttpResponse:
    """Answer a user who must set up a second factor first. A sent form can be sent again."""
    detail = _("Your role needs a second factor. Set one up on the page of your account first.")
    return _error_response(request, "permission_denied", detail, keep_form=True)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an exception that no view caught, by its type.

    503 if the database is away, busy or takes no changes, 400 for a value that it cannot store,
    500 otherwise.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DataError):
        return _error_response(
            request,
            "malformed",
            _(
                "Something that was sent can be neither kept nor looked for, "
                "such as a character that is none."
            ),
            keep_form=True,
        )
    if error is None or not is_temporary(error):
        return _error_response(request, "server_error", keep_form=True)
    detail = log_temporary_error(error)
    if detail or request.path_info.startswith("/api/"):
        return _error_response(request, "unavailable", detail, keep_form=True)
    return _error_response(
        request,
        "unavailable",
        _(
            "The database is away or busy, or somebody else changed the same. "
            "Nothing was done. Try again in a moment."
        ),
        keep_form=True,
    )


def _error_response(
    request: HttpRequest, code: str, detail: Text = "", *, keep_form: bool = False
) -> HttpResponse:
    body = problem_body(code, detail)
    if request.path_info.startswith("/api/"):
        response: HttpResponse = JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)
    else:
        context: dict[str, Any] = {"problem": body}
        fields = get_sent_fields(request) if keep_form and request.method == "POST" else None
        if fields is not None:
            context |= get_kept_context(request, fields, request.get_full_path())
        response = HttpResponse(_render_problem(request, context), status=body["status"])
    if code == "unavailable":
        response["Retry-After"] = RETRY_SECONDS
    return response


def _render_problem(request: HttpRequest, context: dict[str, Any]) -> str:
    """Render the page with the menu of the user; with the whole menu if the user cannot be read."""
    try:
        return render_to_string("school/problem.html", context, request)
    except DatabaseError:
        return render_to_string("school/problem.html", {**context, "has_whole_menu": True})
