"""The way to the identity provider and back."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.views import View

from accounts import single_sign_on
from accounts.events import record_event
from accounts.models import Detail, Event
from accounts.sign_in_limits import (
    LIMIT_OF_ADDRESS,
    Limit,
    client_address,
    count_attempt,
    take_back_attempt,
)
from core.pages.kept_forms import is_local_address
from school.sign_in import sign_in

# The key in the session of the page to show after the sign-in.
ADDRESS = "single_sign_on_address"


class SingleSignOnView(View):
    """Leads to the provider. A link and no form: the policy of content lets no form go there."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        # Each start is stored in a session, and may be recorded as a failure.
        if seconds := count_attempt(limits_of_starts(request)):
            request.sign_in_refused_seconds = seconds  # type: ignore[attr-defined]
            return redirect("login")
        address = request.GET.get("next", "")
        request.session[ADDRESS] = address if is_local_address(address) else ""
        callback = request.build_absolute_uri(reverse("single_sign_on_callback"))
        try:
            return single_sign_on.begin(request, callback)
        except single_sign_on.SignInRefused as refused:
            return refuse(request, refused)


class SingleSignOnCallbackView(View):
    """Signs in the user whom the provider has sent back."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        try:
            user = single_sign_on.complete(request)
        except single_sign_on.SignInRefused as refused:
            return refuse(request, refused)
        take_back_attempt(limits_of_starts(request))
        address = request.session.pop(ADDRESS, "") or resolve_url(settings.LOGIN_REDIRECT_URL)
        return sign_in(request, user, address)


def refuse(request: HttpRequest, refused: single_sign_on.SignInRefused) -> HttpResponse:
    """Show why. On record is one failure of each start, so that nobody can fill the table."""
    if request.session.pop(ADDRESS, None) is not None:
        record_event(Event.SIGN_IN_FAILED, refused.name, request, detail=Detail.SINGLE_SIGN_ON)
    messages.error(request, str(refused))
    return redirect("login")


def limits_of_starts(request: HttpRequest) -> list[Limit]:
    address = client_address(request)
    key = f"single-sign-on:{address}"
    return [Limit(key, LIMIT_OF_ADDRESS, f"starts of single sign-on from {address}")]
