"""The page on which users make and revoke their own API tokens."""

from secrets import token_urlsafe

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views import View
from knox.models import AuthToken

# The session key for the id of the form that made the last token. The response shows the secret, so
# it cannot be a redirect; reloading it sends the same form again, which must not make a token.
FORM_ID_KEY = "token_form"


class TokenListView(LoginRequiredMixin, View):
    """Lists the tokens of the user. `POST` makes one; only its response shows the secret."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        secret = self.create_token(request, request.POST.get("once"))
        if secret is None:
            messages.warning(
                request,
                _(
                    "This form had made a token already, so it made no other. "
                    "If you have not kept its secret, revoke it and make a new one."
                ),
            )
            return redirect("tokens")
        return self.render(request, secret)

    @transaction.atomic
    def create_token(self, request: HttpRequest, form_id: str | None) -> str | None:
        """Return the secret of a new token, or None if the form with this id has made one."""
        # The lock makes simultaneous requests wait, so that each sees the form id of the others.
        User.objects.select_for_update(no_key=True).get(username=request.user.get_username())
        if form_id and request.session.load().get(FORM_ID_KEY) == form_id:
            return None
        _token, secret = AuthToken.objects.create(request.user)
        request.session[FORM_ID_KEY] = form_id
        request.session.save()
        return str(secret)

    def render(self, request: HttpRequest, secret: str = "") -> HttpResponse:
        tokens = AuthToken.objects.filter(user=request.user).order_by("-created", "pk")
        response = render(
            request,
            "accounts/tokens.html",
            {"tokens": tokens, "secret": secret, "once": token_urlsafe(8)},
        )
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
