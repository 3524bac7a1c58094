"""Sign-ins whose password was right and whose second factor is still to come.

They are in the session of somebody who is not signed in.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.sign_in_limits import take_back_attempt_of

PENDING = "pending_sign_in"
LIFETIME = timedelta(minutes=10)


class PendingSignIn(NamedTuple):
    """`backend` has verified the user; `address` is the page to show after the sign-in."""

    user: User
    backend: str
    address: str


def start_pending(request: HttpRequest, user: User, backend: str, address: str) -> None:
    # A new key: somebody who has set the cookie in this browser must not get the sign-in.
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "since": timezone.now().isoformat(),
        "backend": backend,
        "address": address,
    }
    take_back_attempt_of(request)


def read_pending(request: HttpRequest) -> PendingSignIn | None:
    """Return the pending sign-in of the session.

    None if there is none, if it is too old, or if the user has become inactive or got a new
    password.
    """
    stored = request.session.get(PENDING)
    if stored is None:
        return None
    user = User.objects.filter(pk=stored["user"], is_active=True).first()
    is_recent = timezone.now() - datetime.fromisoformat(stored["since"]) < LIFETIME
    if user is None or not is_recent:
        return None
    if not constant_time_compare(stored["hash"], user.get_session_auth_hash()):
        return None
    return PendingSignIn(user, stored["backend"], stored["address"])


def end_pending(request: HttpRequest) -> None:
    request.session.pop(PENDING, None)
