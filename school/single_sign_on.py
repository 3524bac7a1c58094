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
from core.pages.kept_forms import is_local_address
from school.sign_in import sign_in

# The key in the session of the page to show after the sign-in.
ADDRESS = "single_sign_on_address"


class SingleSignOnView(View):
    """Leads to the provider. A link and no form: the policy of content lets no form go there."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
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
        address = request.session.pop(ADDRESS, "") or resolve_url(settings.LOGIN_REDIRECT_URL)
        return sign_in(request, user, address)


def refuse(request: HttpRequest, refused: single_sign_on.SignInRefused) -> HttpResponse:
    record_event(Event.SIGN_IN_FAILED, refused.name, request, detail=Detail.SINGLE_SIGN_ON)
    messages.error(request, str(refused))
    return redirect("login")
