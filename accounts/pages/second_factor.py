"""The pages on which users set up and remove their own second factors."""

import json
from io import BytesIO
from typing import Any

import pyotp
import segno
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import cache_control

from accounts.backends import must_set_up_second_factor
from accounts.confirmation import ConfirmedRequiredMixin
from accounts.events import record_event
from accounts.models import Detail, Event
from accounts.pages.account import user_of
from accounts.second_factor import passkeys, recovery_codes, service, totp
from accounts.second_factor.encryption import decrypt, encrypt
from accounts.second_factor.models import AuthenticatorApp, Passkey
from core.pages.kept_forms import only_shows_form

# The key of the encrypted secret in the session, until a code has proved that an app has it.
NEW_SECRET = "new_authenticator_secret"  # noqa: S105 (the name of a key)


class AppForm(forms.Form):
    one_time_code = forms.CharField(
        label=gettext_lazy("The code that the app shows"),
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("To tell it from others, such as “Laptop” or “Key ring”."),
    )
    passkey = forms.CharField(widget=forms.HiddenInput)


@method_decorator(cache_control(no_store=True), name="dispatch")
class SecondFactorPage(ConfirmedRequiredMixin, View):
    """A page about the second factors of the user. It may show a secret."""

    return_to = "second_factor"

    def finish(self, request: HttpRequest, added: Detail) -> HttpResponse:
        """Record an added factor. With the first one, show recovery codes."""
        user = user_of(request)
        record_event(Event.FACTOR_ADDED, user.get_username(), request, detail=added)
        messages.success(request, _("The second factor was added."))
        if recovery_codes.count_unused(user):
            return redirect("second_factor")
        return render_new_codes(request)


class SecondFactorView(SecondFactorPage):
    """Lists the second factors of the user."""

    def get(self, request: HttpRequest) -> HttpResponse:
        user = user_of(request)
        context = {
            "app": AuthenticatorApp.objects.filter(user=user).first(),
            "passkeys": Passkey.objects.filter(user=user),
            "codes_left": recovery_codes.count_unused(user),
            "must_set_up": must_set_up_second_factor(user),
        }
        return render(request, "accounts/second_factor.html", context)


class AppView(SecondFactorPage):
    """Adds an authenticator app, by a QR code or by typing the secret."""

    return_to = "second_factor_app"

    def get(self, request: HttpRequest) -> HttpResponse:
        if AuthenticatorApp.objects.filter(user=user_of(request)).exists():
            return redirect("second_factor")
        return self.render(request, AppForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AppForm(request.POST)
        if NEW_SECRET not in request.session:
            return redirect("second_factor")
        if form.is_valid():
            code = form.cleaned_data["one_time_code"].replace(" ", "")
            if totp.add_app(user_of(request), read_secret(request), code):
                del request.session[NEW_SECRET]
                return self.finish(request, Detail.APP)
            form.add_error("one_time_code", _("This code is wrong, or too old by now."))
        return self.render(request, form, status=422)

    def render(self, request: HttpRequest, form: AppForm, *, status: int = 200) -> HttpResponse:
        secret = read_secret(request)
        groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        context = {"form": form, "secret": groups}
        return render(request, "accounts/second_factor_app.html", context, status=status)


class AppImageView(SecondFactorPage):
    """The QR code of the secret that is being set up."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if NEW_SECRET not in request.session:
            raise Http404
        uri = pyotp.TOTP(read_secret(request)).provisioning_uri(
            name=user_of(request).get_username(), issuer_name=request.get_host()
        )
        image = BytesIO()
        segno.make(uri, error="m").save(image, kind="svg", scale=5, dark="#000", light="#fff")
        return HttpResponse(image.getvalue(), content_type="image/svg+xml")


class AppRemoveView(SecondFactorPage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if service.remove_app(request, user_of(request)):
            messages.success(request, _("The authenticator app was removed."))
        return redirect("second_factor")


class PasskeyView(SecondFactorPage):
    """Adds a passkey. The browser makes it by a script."""

    return_to = "second_factor_passkey"
    shows_sent_form = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, PasskeyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if only_shows_form(request):
            return self.render(request, PasskeyForm(initial={"name": request.POST.get("name")}))
        form = PasskeyForm(request.POST)
        if form.is_valid():
            sent = form.cleaned_data
            if passkeys.add_passkey(request, user_of(request), sent["name"], sent["passkey"]):
                return self.finish(request, Detail.PASSKEY)
            form.add_error(None, _("The passkey was not accepted. Please try again."))
        return self.render(request, form, status=422)

    def render(self, request: HttpRequest, form: PasskeyForm, *, status: int = 200) -> HttpResponse:
        options = passkeys.begin_registration(request, user_of(request))
        context = {
            "form": form,
            "form_id": "page-form",
            "passkey_options": json.dumps(options),
        }
        return render(request, "accounts/second_factor_passkey.html", context, status=status)


class PasskeyRemoveView(SecondFactorPage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not service.remove_passkey(request, user_of(request), pk):
            raise Http404
        messages.success(request, _("The passkey was removed."))
        return redirect("second_factor")


class CodesView(SecondFactorPage):
    """Makes new recovery codes. The earlier ones are void."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        user = user_of(request)
        if not service.has_second_factor(user):
            return redirect("second_factor")
        record_event(Event.FACTOR_ADDED, user.get_username(), request, detail=Detail.RECOVERY_CODE)
        return render_new_codes(request)


def render_new_codes(request: HttpRequest) -> HttpResponse:
    """Make recovery codes and show them. Only this response has them."""
    context = {
        "codes": recovery_codes.make_codes(user_of(request)),
        "page_id": reverse("second_factor_codes"),
    }
    return render(request, "accounts/recovery_codes.html", context)


def read_secret(request: HttpRequest) -> str:
    """Return the new secret of the session. One is made if there is none."""
    stored: Any = request.session.get(NEW_SECRET)
    if stored is None:
        stored = request.session[NEW_SECRET] = encrypt(pyotp.random_base32())
    return decrypt(stored)
