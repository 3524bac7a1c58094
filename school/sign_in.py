"""Signing in, and the switch of languages, without losing a form that was typed before."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.i18n import set_language

from core.pages.addresses import get_local_address
from core.pages.kept_forms import (
    get_form_address,
    get_sent_fields,
    is_local_address,
    render_kept_form,
)

KEPT_FIELDS = ("kept", "kept_address")


class LoginView(views.LoginView):
    """Django's sign-in. A form that was sent after the sign-in had ended is offered afterwards."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kept = {name: self.request.POST.get(name, "") for name in KEPT_FIELDS}
        return super().get_context_data(**kept, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        fields = QueryDict(self.request.POST.get("kept", ""))
        address = self.request.POST.get("kept_address", "")
        if not fields or not is_local_address(address):
            return response
        return render_kept_form(
            self.request,
            fields,
            address,
            title=_("You are signed in. Send it now?"),
            detail=_("Your sign-in had ended before this form came."),
        )


def is_sign_in_redirect(response: HttpResponse) -> bool:
    """Return whether a view sent somebody who is not signed in to the sign-in page."""
    if response.status_code != 302:
        return False
    address = urlsplit(response.headers["Location"])
    is_sign_in = address.path in (reverse("login"), reverse("admin:login"))
    return is_sign_in and "next=" in address.query


def render_sign_in(request: HttpRequest) -> HttpResponse:
    """Render the sign-in page with the form that was sent to this address.

    Its own address stays, so the form of the page names the address that signs in.
    """
    context = {
        "form": AuthenticationForm(request),
        "page_id": reverse("login"),
        "kept": (get_sent_fields(request) or QueryDict()).urlencode(),
        "kept_address": request.get_full_path(),
        "is_kept": True,
    }
    return render(request, "registration/login.html", context)


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
