"""A new password by a link that is sent by mail."""

from threading import Thread
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from accounts.confirmation import PasswordRequiredMixin
from accounts.events import record_event
from accounts.models import Event
from accounts.sign_in_limits import Limit, client_address, count_attempt, digest_of
from core.pages.kept_forms import only_shows_form

# The links that are sent in PERIOD_SECONDS to one email address, and for one client.
LIMIT_OF_EMAIL, LIMIT_OF_CLIENT = 3, 20


class ResetForm(PasswordResetForm):
    """Sends the link to every active user with the address, also to those without a password.

    If `recipient` is set, only this user gets it.
    """

    recipient: User | None = None

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send the mail in another thread.

        Otherwise the time of the response would show whether a user has the address. Errors are
        logged by Django.
        """
        language = get_language()

        def send() -> None:
            with override(language):
                super(ResetForm, self).send_mail(*args, **kwargs)

        if settings.EMAIL_IN_THREAD:
            Thread(target=send).start()
        else:
            send()

    def get_users(self, email: str) -> Any:
        if self.recipient:
            return [self.recipient]
        users = User.objects.filter(email__iexact=email, is_active=True)
        # Unicode has letters that are equal without case to an ASCII letter. The link must not go
        # to an address that only looks the same.
        return [user for user in users if user.email.casefold() == email.casefold()]


class ResetRequestView(PasswordRequiredMixin, views.PasswordResetView):
    """Asks for an email address. The response is the same whether a user has it or not."""

    form_class = ResetForm
    template_name = "accounts/reset.html"
    email_template_name = "accounts/reset_mail.txt"
    subject_template_name = "accounts/reset_subject.txt"
    success_url = reverse_lazy("reset_sent")
    extra_context = {"form_id": "page-form"}
    shows_sent_form = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if only_shows_form(request):
            form = self.form_class(initial=request.POST.dict())
            return self.render_to_response(self.get_context_data(form=form))
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Send the link, unless too many were requested. The response does not show which."""
        email = form.cleaned_data["email"]
        client = client_address(self.request)
        limits = [
            Limit(f"reset:{digest_of(email)}", LIMIT_OF_EMAIL, "resets for one email address"),
            Limit(f"reset-from:{client}", LIMIT_OF_CLIENT, f"resets from {client}"),
        ]
        if count_attempt(limits):
            return redirect(self.get_success_url())
        record_event(Event.RESET_REQUESTED, email, self.request)
        return super().form_valid(form)


class ResetSentView(PasswordRequiredMixin, views.PasswordResetDoneView):
    template_name = "accounts/reset_sent.html"


class ResetConfirmView(PasswordRequiredMixin, views.PasswordResetConfirmView):
    """Sets the new password. A link works once, and for PASSWORD_RESET_TIMEOUT seconds."""

    template_name = "accounts/reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        record_event(Event.RESET_DONE, form.user.get_username(), self.request)
        messages.success(self.request, _("Your password was set. You can sign in with it now."))
        return response


def send_reset_link(user: User, request: HttpRequest) -> bool:
    """Send a link to set the password, as an administrator.

    Return False if the user has no address or is not active, or if nobody signs in by password.
    """
    form = ResetForm({"email": user.email})
    form.recipient = user
    if not (settings.PASSWORD_SIGN_IN and user.email and user.is_active and form.is_valid()):
        return False
    form.save(
        request=request,
        use_https=request.is_secure(),
        email_template_name=ResetRequestView.email_template_name,
        subject_template_name=ResetRequestView.subject_template_name,
    )
    record_event(Event.RESET_REQUESTED, user.get_username(), request)
    return True
