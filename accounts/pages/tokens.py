"""The page on which users make and revoke their own API tokens."""

from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from knox.models import AuthToken

from accounts.models import TokenDetails
from core.pages.kept_forms import only_shows_form

# The session key for the id of the form that made the last token. The response shows the secret, so
# it cannot be a redirect; reloading it sends the same form again, which must not make a token.
FORM_ID_KEY = "token_form"
EXPIRY_DAYS = (7, 30, 90, 365)
READ_ONLY, FULL = "read", "full"


class TokenForm(forms.Form):
    """The options of a new token. Each may be missing: then it has full access for TOKEN_DAYS."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Which program will use it."),
    )
    access = forms.ChoiceField(
        label=gettext_lazy("Access"),
        choices=[(FULL, gettext_lazy("All that I may do")), (READ_ONLY, gettext_lazy("Only read"))],
        required=False,
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"), coerce=int, empty_value=None, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = settings.TOKEN_DAYS
        choices = [days for days in EXPIRY_DAYS if days < longest] + [longest]
        self.fields["days"].choices = [  # type: ignore[attr-defined]
            (days, ngettext("%d day", "%d days", days) % days) for days in choices
        ]
        self.fields["days"].initial = longest


class TokenListView(LoginRequiredMixin, View):
    """Lists the tokens of the user. `POST` makes one; only its response shows the secret."""

    shows_sent_form = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, TokenForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if only_shows_form(request):
            return self.render(request, TokenForm(initial=request.POST.dict()))
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self.render(request, form, status=422)
        secret = self.create_token(request, form.cleaned_data, request.POST.get("once"))
        if secret is None:
            messages.warning(
                request,
                _(
                    "This form had made a token already, so it made no other. "
                    "If you have not kept its secret, revoke it and make a new one."
                ),
            )
            return redirect("tokens")
        return self.render(request, TokenForm(), secret)

    @transaction.atomic
    def create_token(
        self, request: HttpRequest, options: dict[str, Any], form_id: str | None
    ) -> str | None:
        """Return the secret of a new token, or None if the form with this id has made one."""
        # The lock makes simultaneous requests wait, so that each sees the form id of the others.
        User.objects.select_for_update(no_key=True).get(username=request.user.get_username())
        if form_id and request.session.load().get(FORM_ID_KEY) == form_id:
            return None
        days = options["days"] or settings.TOKEN_DAYS
        token, secret = AuthToken.objects.create(request.user, expiry=timedelta(days=days))
        TokenDetails.objects.create(
            token=token, name=options["name"], is_read_only=options["access"] == READ_ONLY
        )
        request.session[FORM_ID_KEY] = form_id
        request.session.save()
        return str(secret)

    def render(
        self, request: HttpRequest, form: TokenForm, secret: str = "", *, status: int = 200
    ) -> HttpResponse:
        tokens = AuthToken.objects.filter(user=request.user).select_related("details")
        context = {
            "tokens": tokens.order_by("-created", "pk"),
            "form": form,
            "form_id": "page-form",
            "secret": secret,
            "once": token_urlsafe(8),
        }
        response = render(request, "accounts/tokens.html", context, status=status)
        if secret:
            add_never_cache_headers(response)
        return response


class TokenRevokeView(LoginRequiredMixin, View):
    """Deletes a token of the user. `key` is the beginning of the token, which the list shows."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        revoked, _rows = AuthToken.objects.filter(user=request.user, token_key=key).delete()
        if not revoked:
            raise Http404
        messages.success(request, _("The token %(key)s… was revoked.") % {"key": key})
        return redirect("tokens")
