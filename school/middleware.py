"""What happens around every request."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import get_language_from_request, override

from core.history.actor import Door, record_changes_as
from students.messages import announce_promotions

View = Callable[[HttpRequest], HttpResponse]
# What people do not read.
PROGRAMS = ("/api/", "/healthz", "/readyz")
# Everything from here, nothing within the page, in nobody's frame. Pictures in stylesheets may be written out there.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


class ForBrowsers(MiddlewareMixin):
    """A middleware of Django that is passed over where a program comes with its token: it has no session, and nothing of one."""

    def __call__(self, request: HttpRequest) -> Any:
        has_token = (
            request.path_info.startswith("/api/")
            and request.META.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        )
        return self.get_response(request) if has_token else super().__call__(request)


class Sessions(ForBrowsers, SessionMiddleware):
    """Who has a session."""


class SignedIn(ForBrowsers, AuthenticationMiddleware):
    """Who is signed in by it. DRF finds the user of a token by itself."""


class Messages(ForBrowsers, MessageMiddleware):
    """What the next page is to tell."""


def content_security_policy(view: View) -> View:
    """Tell browsers to take scripts, styles and all else from this server alone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = view(request)
        # Django's own pages for those who debug need more.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response["Content-Security-Policy"] = POLICY
        return response

    return middleware


def api_slash(view: View) -> View:
    """Serve every path of the API with a trailing slash as the one without, for every method."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/v1/") and request.path_info.endswith("/"):
            request.path_info = request.path_info.rstrip("/")
        return view(request)

    return middleware


def language(view: View) -> View:
    """Answer people in the language that they chose, or that their browser asks for. Programs are answered in English, whoever runs them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PROGRAMS):
            return view(request)
        chosen = get_language_from_request(request)
        # Django's own middleware leaves the language to the next request of the thread.
        with override(chosen, deactivate=True):
            response = view(request)
        response.headers.setdefault("Content-Language", chosen)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    return middleware


def record_door(view: View) -> View:
    """Record what the request changes as done by its user through the door it came in by."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with record_changes_as(door_of(request.path_info), request):
            return view(request)

    return middleware


def tell_promotions(view: View) -> View:
    """Tell the user of a page who moved up from a waitlist by what the request changed."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or door_of(request.path_info) == Door.API:
            return view(request)
        with announce_promotions(request):
            return view(request)

    return middleware


def door_of(path: str) -> Door:
    if path.startswith("/api/"):
        return Door.API
    return Door.ADMIN if path.startswith("/admin/") else Door.STAFF
