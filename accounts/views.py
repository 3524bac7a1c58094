"""The page of one's own API tokens: made, shown once, revoked."""

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

# Of the session: the mark of the form that made the last token. The answer cannot be a redirect, for the secret is nowhere
# else; so whoever reloads it sends the form again.
ONCE = "token_form"


class TokenListView(LoginRequiredMixin, View):
    """The tokens of the one who is signed in. `POST` makes one; its secret stands in that answer alone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        secret = self.make(request, request.POST.get("once"))
        if secret is None:
            messages.warning(
                request,
                _(
                    "This form had made a token already, so it made no other. If you have not kept its secret, revoke it and make a new one."
                ),
            )
            return redirect("tokens")
        return self.page(request, secret)

    @transaction.atomic
    def make(self, request: HttpRequest, once: str | None) -> str | None:
        """The secret of a new token; None where the form with this mark has made one."""
        # Forms that are sent in the same instant come one after the other, and see what those before them have kept.
        User.objects.select_for_update(no_key=True).get(username=request.user.get_username())
        if once and request.session.load().get(ONCE) == once:
            return None
        _token, secret = AuthToken.objects.create(request.user)
        request.session[ONCE] = once
        request.session.save()
        return str(secret)

    def page(self, request: HttpRequest, secret: str = "") -> HttpResponse:
        tokens = AuthToken.objects.filter(user=request.user).order_by("-created", "pk")
        response = render(
            request,
            "accounts/tokens.html",
            {"tokens": tokens, "secret": secret, "once": token_urlsafe(8)},
        )
        add_never_cache_headers(response)
        return response


class TokenRevokeView(LoginRequiredMixin, View):
    """Ends one token of the one who is signed in, known by the beginning that the list shows."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        revoked, _rows = AuthToken.objects.filter(user=request.user, token_key=key).delete()
        if not revoked:
            raise Http404
        messages.success(request, _("The token %(key)s… was revoked.") % {"key": key})
        return redirect("tokens")
