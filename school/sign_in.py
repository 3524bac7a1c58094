"""Signing in, and the switch of languages, without losing a form that was typed before."""

import json
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters
from django.views.i18n import set_language

from accounts.second_factor.passkeys import begin_use
from accounts.second_factor.pending import end_pending, read_pending, start_pending
from accounts.second_factor.service import is_second_factor_needed, use_second_factor
from core.pages.addresses import get_local_address
from core.pages.kept_forms import (
    get_form_address,
    get_sent_fields,
    is_local_address,
    only_shows_form,
    render_kept_form,
)

KEPT_FIELDS = ("kept", "kept_address")


class LoginView(views.LoginView):
    """Django's sign-in, followed by the second factor of users who have one.

    A form that was sent after the sign-in had ended is offered afterwards.
    """

    shows_sent_form = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        # Django forbids to store any answer. Which ones Back needs is decided in
        # `school.middleware.set_cache_control`.
        del response["Cache-Control"]
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = get_sign_in_context(self.get_success_url())
        return super().get_context_data(**context, **get_kept_fields(self.request), **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated and get_kept_fields(request)["kept"]:
            # Signed in by the provider, in another tab.
            return respond_after_sign_in(request, self.get_success_url())
        if not settings.PASSWORD_SIGN_IN:
            return self.get(request)
        if only_shows_form(request):
            form = AuthenticationForm(request, initial={"username": request.POST.get("username")})
            return self.render_to_response(self.get_context_data(form=form))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        return sign_in(self.request, user, self.get_success_url())


class SecondFactorForm(forms.Form):
    """A code of an app or on paper, or the response of a passkey."""

    one_time_code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=50,
        required=False,
        help_text=gettext_lazy("From your authenticator app, or a recovery code."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )
    passkey = forms.CharField(widget=forms.HiddenInput, required=False)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class LoginSecondFactorView(View):
    """The second step of a sign-in, for somebody whose password was right."""

    def get(self, request: HttpRequest) -> HttpResponse:
        pending = read_pending(request)
        if pending is None:
            return redirect("login")
        return render_second_factor(request, pending.user, SecondFactorForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        pending = read_pending(request)
        if pending is None:
            messages.warning(request, _("That took too long. Please sign in again."))
            return render_sign_in(request, **get_kept_fields(request))
        form = SecondFactorForm(request.POST)
        if form.is_valid():
            code, passkey = form.cleaned_data["one_time_code"], form.cleaned_data["passkey"]
            if use_second_factor(request, pending.user, code=code, passkey=passkey):
                end_pending(request)
                login(request, pending.user, pending.backend)
                return respond_after_sign_in(request, pending.address)
            form.add_error(None, _("This is wrong, or was used already."))
        return render_second_factor(request, pending.user, form, status=422)


def sign_in(request: HttpRequest, user: User, address: str) -> HttpResponse:
    """Sign in a user who was authenticated, or ask for the second factor first.

    `address` is the page to show afterwards.
    """
    if is_second_factor_needed(user, user.backend):
        start_pending(request, user, user.backend, address)
        return render_second_factor(request, user, SecondFactorForm())
    login(request, user)
    return respond_after_sign_in(request, address)


def render_second_factor(
    request: HttpRequest, user: User, form: SecondFactorForm, *, status: int = 200
) -> HttpResponse:
    options = begin_use(request, user)
    context = {
        "form": form,
        "page_id": reverse("login_second_factor"),
        "passkey_options": json.dumps(options) if options else "",
        **get_kept_fields(request),
    }
    return render(request, "accounts/login_second_factor.html", context, status=status)


def respond_after_sign_in(request: HttpRequest, address: str) -> HttpResponse:
    """Redirect to `address`, or offer the form that was sent after the sign-in had ended."""
    kept = get_kept_fields(request)
    fields = QueryDict(kept["kept"])
    if not fields or not is_local_address(kept["kept_address"]):
        return redirect(address)
    return render_kept_form(
        request,
        fields,
        kept["kept_address"],
        title=_("You are signed in. Send it now?"),
        detail=_("Your sign-in had ended before this form came."),
    )


def get_kept_fields(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in KEPT_FIELDS}


def is_sign_in_redirect(response: HttpResponse) -> bool:
    """Return whether a view sent somebody who is not signed in to the sign-in page."""
    if response.status_code != 302:
        return False
    address = urlsplit(response.headers["Location"])
    is_sign_in = address.path in (reverse("login"), reverse("admin:login"))
    return is_sign_in and "next=" in address.query


def render_sign_in(request: HttpRequest, *, kept: str, kept_address: str) -> HttpResponse:
    """Render the sign-in page with a form that was sent to `kept_address`, urlencoded in `kept`.

    Its own address stays, so the form of the page names the address that signs in.
    """
    context = {
        "form": AuthenticationForm(request),
        "page_id": reverse("login"),
        "kept": kept,
        "kept_address": kept_address,
        "switch_address": reverse("login"),
        **get_sign_in_context(""),
    }
    return render(request, "registration/login.html", context)


def get_sign_in_context(address: str) -> dict[str, Any]:
    """Return what the sign-in page shows by the settings. `address` is the page to show next."""
    return {
        "success_address": address,
        "form_id": "page-form",
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
    }


def keep_sent_form(request: HttpRequest) -> HttpResponse:
    """Render the sign-in page with the form that was sent to this address."""
    fields = get_sent_fields(request) or QueryDict()
    return render_sign_in(request, kept=fields.urlencode(), kept_address=request.get_full_path())


def switch_language(request: HttpRequest) -> HttpResponse:
    """Django's switch. Called by the button of a form, it leads back to the form as filled in.

    Such a button has the language and the address of the form in the query string. A form that
    cannot be shown filled in is kept on a page that offers to send it.
    """
    language = request.GET.get("language", "")
    address = request.GET.get("next", "")
    if request.method != "POST" or language not in dict(settings.LANGUAGES):
        return set_language(request)
    address = get_local_address(address, "/")
    if form_address := get_form_address(address):
        # The browser sends the fields again, to the form.
        response: HttpResponse = HttpResponseRedirect(form_address, preserve_request=True)
    else:
        with override(language):
            response = render_kept_form(
                request,
                get_sent_fields(request) or QueryDict(),
                address,
                title=_("The language was changed"),
                detail=_("Nothing was sent."),
            )
        response.headers["Content-Language"] = language
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return response
