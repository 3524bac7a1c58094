"""The page that asks for the password, or another sign-in at the provider, once more."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from accounts.confirmation import confirm_password
from accounts.pages.account import user_of
from core.pages.kept_forms import is_local_address


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(*args)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not confirm_password(self.request, user_of(self.request), password):
            raise forms.ValidationError(_("The password is wrong."))
        return password


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ConfirmView(LoginRequiredMixin, View):
    """Asks who it is, and then shows the page `next` of this site."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, ConfirmForm(request), request.GET.get("next", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConfirmForm(request, request.POST)
        address = request.POST.get("next", "")
        if not form.is_valid():
            return self.render(request, form, address, status=422)
        return redirect(address if is_local_address(address) else "account")

    def render(
        self, request: HttpRequest, form: ConfirmForm, address: str, *, status: int = 200
    ) -> HttpResponse:
        context = {
            "form": form,
            "next": address,
            "has_password": settings.PASSWORD_SIGN_IN and user_of(request).has_usable_password(),
            "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        }
        return render(request, "accounts/confirm.html", context, status=status)
