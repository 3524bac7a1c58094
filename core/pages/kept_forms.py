"""Pages that keep what was typed into a form that could not be sent, and offer to send it again."""

import re
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.http import url_has_allowed_host_and_scheme

# Form fields that a page never repeats: passwords, codes of a second factor, and the CSRF token of
# the form that was sent.
SECRET_FIELDS = re.compile("password|one_time_code|passkey|csrfmiddlewaretoken", re.IGNORECASE)
# Hidden fields that Django's forms send along, which nobody typed.
BOOKKEEPING_FIELDS = re.compile(r"^initial-|-(TOTAL|INITIAL|MIN_NUM|MAX_NUM)_FORMS$|^_")


def get_sent_fields(request: HttpRequest) -> QueryDict | None:
    """Return the fields of the sent form, except SECRET_FIELDS.

    None if the body of the request cannot be read.
    """
    fields = QueryDict(mutable=True)
    try:
        sent = request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, OSError):
        return None
    for name, values in sent.lists():
        if not SECRET_FIELDS.search(name):
            fields.setlist(name, values)
    return fields


def get_kept_context(request: HttpRequest, fields: QueryDict, address: str) -> dict[str, Any]:
    """Return the context of a form that sends `fields` to `address` again."""
    return {
        "fields": [(name, value) for name, values in fields.lists() for value in values],
        "typed": [
            value
            for name, values in fields.lists()
            for value in values
            if value and not BOOKKEEPING_FIELDS.search(name)
        ],
        "address": address,
        "form_id": "kept-form",
        "form_address": get_form_address(address),
        "csrf_token": get_token(request),
    }


def get_form_address(address: str) -> str:
    """Return the address that shows the form of `address` filled in; empty if there is none."""
    path, _mark, query = address.partition("?")
    try:
        match = resolve(path)
    except Resolver404:
        return ""
    if not _shows_sent_form(match):
        return ""
    parameters = QueryDict(query, mutable=True)
    parameters["do"] = "check"
    return f"{path}?{parameters.urlencode()}"


def _shows_sent_form(match: ResolverMatch) -> bool:
    """Return whether the view is a page, or a form of the admin, that has `shows_sent_form`."""
    if model_admin := getattr(match.func, "model_admin", None):
        is_form = str(match.url_name).endswith(("_add", "_change"))
        return is_form and getattr(model_admin, "shows_sent_form", False)
    return getattr(getattr(match.func, "view_class", None), "shows_sent_form", False)


def only_shows_form(request: HttpRequest) -> bool:
    """Return whether a sent form is to be shown again as it is, and nothing saved."""
    return request.method == "POST" and request.GET.get("do") == "check"


def render_kept_form(
    request: HttpRequest, fields: QueryDict, address: str, **problem: Any
) -> HttpResponse:
    """Render the page that offers to send `fields`. `problem` has its title and detail."""
    context = {"problem": problem, **get_kept_context(request, fields, address)}
    return render(request, "school/problem.html", {**context, "is_ready": True})


def is_local_address(address: str) -> bool:
    return address.startswith("/") and url_has_allowed_host_and_scheme(address, None)


def is_same_origin(request: HttpRequest) -> bool:
    """Return whether the browser says that the form is from this site."""
    return request.headers.get("origin") == f"{request.scheme}://{request.get_host()}"
