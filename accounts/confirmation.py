"""A recent sign-in, or the password once more, before something that guards the account changes."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views import View

from accounts.sessions import CONFIRMED_AT
from accounts.sign_in_limits import take_back_attempt_of

RECENT = timedelta(minutes=10)


def confirm_password(request: HttpRequest, user: User, password: str) -> bool:
    """Return whether this is the user's password. Attempts are limited like those to sign in.

    Over the limit `request.sign_in_refused_seconds` is set.
    """
    if authenticate(request, username=user.get_username(), password=password) is None:
        return False
    take_back_attempt_of(request)
    request.session[CONFIRMED_AT] = timezone.now().isoformat()
    return True


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the user has signed in, or sent the password, a short time ago."""
    confirmed_at: str | None = request.session.get(CONFIRMED_AT)
    if confirmed_at is None:
        return False
    return timezone.now() - datetime.fromisoformat(confirmed_at) < RECENT


class PasswordRequiredMixin(View):
    """A page that does not exist while the setting PASSWORD_SIGN_IN is off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.PASSWORD_SIGN_IN:
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class ConfirmedRequiredMixin(LoginRequiredMixin):
    """A view for users who have just proved who they are. Others are sent to the form for it.

    `return_to` is the name of the page that is shown afterwards.
    """

    return_to: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not is_confirmed(request):
            query = urlencode({"next": reverse(self.return_to)})
            return redirect(f"{reverse('confirm')}?{query}")
        return super().dispatch(request, *args, **kwargs)
