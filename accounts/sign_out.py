"""The sign-out at the identity provider, which is offered after signing out here."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.backends import SINGLE_SIGN_ON

# The key in the session of the address at the provider.
SIGN_OUT_ADDRESS = "single_sign_on_sign_out"


def offer_sign_out(request: HttpRequest, **_kwargs: Any) -> None:
    """Link to the provider's sign-out when a session ends that single sign-on has made.

    A link and no redirect: the policy of content lets the form that signs out lead to no other
    site.
    """
    address = request.session.get(SIGN_OUT_ADDRESS)
    if not address or request.session.get(BACKEND_SESSION_KEY) != SINGLE_SIGN_ON:
        return
    text = _("You are signed out here, but not at %(name)s.") % {"name": settings.OIDC_NAME}
    link = _("Sign out there too")
    messages.info(request, format_html('{} <a href="{}">{}</a>', text, address, link))
