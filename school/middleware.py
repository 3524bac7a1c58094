"""Middleware of all requests. `MIDDLEWARE` in the settings gives the order."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import get_language_from_request, override

from accounts.backends import must_set_up_second_factor
from accounts.events import record_event
from accounts.models import Event
from accounts.sessions import extend_session
from accounts.sign_in_limits import remember_browser
from core.db.connections import without_waiting
from core.history.actor import Door, record_changes_as
from core.pages.kept_forms import get_sent_fields
from school.error_pages import second_factor_missing, too_many_sign_ins
from school.health import healthz, readyz
from school.sign_in import is_sign_in_redirect, keep_sent_form
from students.messages import announce_promotions

GetResponse = Callable[[HttpRequest], HttpResponse]
# Paths that only programs read: their responses are not translated.
PROGRAM_PATHS = ("/api/", "/healthz", "/readyz")
# Responses of these paths are the same for everybody.
PUBLIC_PATHS = (
    "/healthz",
    "/readyz",
    "/api/schema",
    "/api/docs",
    "/api/v1/problems/",
    "/admin/jsi18n/",
)
# Only resources of this server, no inline scripts or styles, no frames. Style sheets of the admin
# contain images as data: URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

# The events of views by the name of their URL. The record names the id in the URL.
DOWNLOADS = {
    "course_roster": Event.ROSTER_DOWNLOADED,
    "roster_sheet": Event.ROSTER_PRINTED,
}
STUDENT_VIEWS = {
    "student",
    "student_edit",
    "student_courses",
    "student-detail",
    "admin:students_student_change",
    "admin:students_student_history",
}

# What a user can do who must set up a second factor.
SET_UP_VIEWS = {
    "second_factor",
    "second_factor_app",
    "second_factor_image",
    "second_factor_passkey",
    "confirm",
    "login",
    "login_second_factor",
    "single_sign_on",
    "single_sign_on_callback",
    "logout",
    "admin:logout",
    "set_language",
}


class SkipBearerRequestsMixin(MiddlewareMixin):
    """Skips a middleware for API requests with a bearer token, which need no session."""

    def __call__(self, request: HttpRequest) -> Any:
        has_token = (
            request.path_info.startswith("/api/")
            and request.META.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        )
        return self.get_response(request) if has_token else super().__call__(request)


class PageSessionMiddleware(SkipBearerRequestsMixin, SessionMiddleware):
    """Django's sessions, except for requests with a bearer token. Use extends a session."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        was_modified = request.session.modified
        if extend_session(request.session) and not was_modified:
            # A page that only reads does not wait for somebody who writes: the next one extends
            # the session.
            with suppress(OperationalError, SessionInterrupted), without_waiting():
                return super().process_response(request, response)
            request.session.modified = False
        return super().process_response(request, response)


class PageAuthenticationMiddleware(SkipBearerRequestsMixin, AuthenticationMiddleware):
    """Django's authentication by session. DRF authenticates requests with a bearer token."""


class PageMessageMiddleware(SkipBearerRequestsMixin, MessageMiddleware):
    """Django's messages, except for requests with a bearer token."""


class SecondFactorMiddleware(MiddlewareMixin):
    """Leads users whose role requires a second factor, and who have none, to its page.

    Until then they can use nothing else, neither the admin nor the API with their session.
    """

    def process_view(
        self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        # Requests with a bearer token have no user yet.
        user = getattr(request, "user", None)
        match = request.resolver_match
        if user is None or match is None or request.path_info.startswith(PUBLIC_PATHS):
            return None
        if match.view_name in SET_UP_VIEWS or not must_set_up_second_factor(user):
            return None
        if request.method == "GET" and door_of_path(request.path_info) != Door.API:
            return redirect("second_factor")
        return second_factor_missing(request)


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Set the header Content-Security-Policy."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # Django's debug pages have inline styles and scripts.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return middleware


def set_cache_control(get_response: GetResponse) -> GetResponse:
    """Forbid to store private responses, but for what the Back button needs.

    Everything but PUBLIC_PATHS is private: no proxy stores it, and Back shows none of it after
    signing out. A GET page is loaded again. A page that answered a POST cannot be: without a
    stored copy, Back would show an error of the browser, and what was typed would be lost. So the
    browser may keep it, for the cookies that it was sent for (`Vary`), until the session ends.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if is_form_answer(request, response):
            response["Cache-Control"] = "private, no-cache"
        elif not request.path_info.startswith(PUBLIC_PATHS):
            response["Cache-Control"] = "no-store"
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not cookie.value:
            response["Clear-Site-Data"] = '"cache"'
        return response

    return middleware


def is_form_answer(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether this is a page that answered a POST and shows no secret."""
    door = door_of_path(request.path_info)
    is_page = (
        request.method == "POST"
        and door != Door.API
        and response.headers.get("Content-Type", "").startswith("text/html")
        and not 300 <= response.status_code < 400
    )
    # Views that show a secret set no-store. Django does so for all pages of its admin.
    is_secret = door != Door.ADMIN and "no-store" in response.headers.get("Cache-Control", "")
    return is_page and not is_secret


def answer_health_checks(get_response: GetResponse) -> GetResponse:
    """Answer /healthz and /readyz whatever the Host, as load balancers ask by address.

    So is /alive, which the scripts of pages request, without a query and a longer session.
    """
    views = {"/healthz": healthz, "/alive": healthz, "/readyz": readyz}

    def middleware(request: HttpRequest) -> HttpResponse:
        view = views.get(request.path_info, get_response)
        return view(request)

    return middleware


def strip_api_slash(get_response: GetResponse) -> GetResponse:
    """Serve each path of the API with a trailing slash like the path without, for all methods.

    A slash that is percent-encoded (%2F) is not removed: the number of a student may end with one.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith("/api/v1/") and path.endswith("/"):
            # Servers name the undecoded path differently, or do not pass it.
            raw_uri = request.META.get("REQUEST_URI") or request.META.get("RAW_URI", path)
            raw_path = raw_uri.partition("?")[0]
            slashes = len(raw_path) - len(raw_path.rstrip("/"))
            request.path_info = path[: len(path) - slashes]
        return get_response(request)

    return middleware


def select_language(get_response: GetResponse) -> GetResponse:
    """Activate the language of the user's cookie or browser, but not for PROGRAM_PATHS."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PROGRAM_PATHS):
            return get_response(request)
        language = get_language_from_request(request)
        # Django's LocaleMiddleware leaves the language active for the next request of the thread.
        with override(language, deactivate=True):
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    return middleware


def record_request_changes(get_response: GetResponse) -> GetResponse:
    """Record the changes of a request in the history, with its user and its door."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with record_changes_as(door_of_path(request.path_info), request):
            return get_response(request)

    return middleware


def show_promotions(get_response: GetResponse) -> GetResponse:
    """Add messages that name the students whom a form's request moved up from a waitlist."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or door_of_path(request.path_info) == Door.API:
            return get_response(request)
        with announce_promotions(request):
            return get_response(request)

    return middleware


def limit_sign_ins(get_response: GetResponse) -> GetResponse:
    """Answer 429 to a refused sign-in, and set the cookie of a browser after a sign-in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if seconds := getattr(request, "sign_in_refused_seconds", 0):
            return too_many_sign_ins(request, seconds)
        remember_browser(request, response)
        return response

    return middleware


def record_reads(get_response: GetResponse) -> GetResponse:
    """Record downloads of rosters, and views of students if the setting RECORD_VIEWS is on."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match = request.resolver_match
        if match is None or request.method != "GET" or response.status_code != 200:
            return response
        event = DOWNLOADS.get(match.view_name)
        if event is None and settings.RECORD_VIEWS and match.view_name in STUDENT_VIEWS:
            event = Event.STUDENT_VIEWED
        if event:
            row_id = next(iter(match.kwargs.values()))
            record_event(event, str(row_id), request)
        return response

    return middleware


def keep_sent_forms(get_response: GetResponse) -> GetResponse:
    """Answer a form that came after the sign-in ended with a sign-in page that keeps the form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_lost = request.method == "POST" and is_sign_in_redirect(response)
        return keep_sent_form(request) if is_lost and get_sent_fields(request) else response

    return middleware


def door_of_path(path: str) -> Door:
    if path.startswith("/api/"):
        return Door.API
    return Door.ADMIN if path.startswith("/admin/") else Door.STAFF
