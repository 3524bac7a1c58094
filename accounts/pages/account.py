"""The account page: the own password, sessions, tokens and language."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from knox.models import AuthToken

from accounts.confirmation import PasswordRequiredMixin, confirm_password
from accounts.events import record_event
from accounts.models import Event, SignInSession
from accounts.second_factor.service import has_second_factor
from accounts.sessions import end_sessions, revoke_tokens


class PasswordForm(PasswordChangeForm):
    """Changes the own password, with the old one, and may revoke the own tokens.

    Wrong old passwords are limited like those of a sign-in.
    """

    revoke_tokens = forms.BooleanField(
        label=gettext_lazy("Revoke my API tokens too"),
        required=False,
        help_text=gettext_lazy("If somebody else may know the password or a token."),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(user_of(request), *args)
        self.request = request

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not confirm_password(self.request, self.user, password):
            raise forms.ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return password


@method_decorator(never_cache, name="dispatch")
class AccountView(LoginRequiredMixin, View):
    """Shows who is signed in, with which roles, sessions and tokens."""

    def get(self, request: HttpRequest) -> HttpResponse:
        sessions = SignInSession.objects.filter(user=request.user.pk).order_by("-last_seen_at")
        context = {
            "roles": request.user.groups.order_by("name"),
            "sessions": sessions,
            "session_key": request.session.session_key,
            "password_sign_in": settings.PASSWORD_SIGN_IN,
            "has_second_factor": has_second_factor(user_of(request)),
            "token_count": AuthToken.objects.filter(user=request.user.pk).count(),
        }
        return render(request, "accounts/account.html", context)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PasswordView(PasswordRequiredMixin, LoginRequiredMixin, View):
    """Changes the own password. All other sessions of the user end."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, PasswordForm(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PasswordForm(request, request.POST)
        if not form.is_valid():
            return self.render(request, form, status=422)
        revoked = 0
        with transaction.atomic():
            user = form.save()
            if form.cleaned_data["revoke_tokens"]:
                revoked = revoke_tokens(user.pk)
            # The save has ended all sessions. This makes a new one for this browser.
            update_session_auth_hash(request, user)
        messages.success(request, _("Your password was changed. Other sessions have ended."))
        if revoked:
            text = ngettext("%d token was revoked.", "%d tokens were revoked.", revoked)
            messages.success(request, text % revoked)
        return redirect("account")

    def render(
        self, request: HttpRequest, form: PasswordForm, *, status: int = 200
    ) -> HttpResponse:
        return render(request, "accounts/password.html", {"form": form}, status=status)


class SessionEndView(LoginRequiredMixin, View):
    """Ends one session of the user, which `public_id` names."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        for session in SignInSession.objects.filter(user=request.user.pk):
            if session.public_id == public_id:
                break
        else:
            raise Http404
        session.delete()
        record_event(Event.SESSIONS_ENDED, request.user.get_username(), request)
        messages.success(request, _("The session has ended."))
        return redirect("account")


class OtherSessionsEndView(LoginRequiredMixin, View):
    """Ends all sessions of the user but this one."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        end_sessions(user_of(request).pk, except_key=request.session.session_key)
        record_event(Event.SESSIONS_ENDED, request.user.get_username(), request)
        messages.success(request, _("All other sessions have ended."))
        return redirect("account")


def user_of(request: HttpRequest) -> User:
    """The user of a request that LoginRequiredMixin let pass."""
    assert isinstance(request.user, User)
    return request.user
