"""Sessions with an idle limit and an absolute limit, which their user can list and end.

This module is the setting SESSION_ENGINE.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.http import HttpRequest
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import SignInSession
from accounts.sign_in_limits import client_address

# The time between two writes of `last_seen_at`. So the idle limit is up to this much shorter.
SEEN_INTERVAL = timedelta(minutes=5)
# The keys in the session's data. Times are texts in ISO 8601.
SIGNED_IN_AT, LAST_SEEN_AT = "signed_in_at", "last_seen_at"
ADDRESS, USER_AGENT = "address", "user_agent"
# When the user proved who it is, by a sign-in or by the password: see accounts.confirmation.
CONFIRMED_AT = "confirmed_at"


class SessionStore(DatabaseSessionStore):
    """Django's database sessions in the table of SignInSession."""

    @classmethod
    def get_model_class(cls) -> type[SignInSession]:
        return SignInSession

    def create_model_instance(self, data: dict[str, Any]) -> SignInSession:
        row = super().create_model_instance(data)
        assert isinstance(row, SignInSession)
        if SESSION_KEY in data and SIGNED_IN_AT in data:
            row.user_id = int(data[SESSION_KEY])
            row.signed_in_at = datetime.fromisoformat(data[SIGNED_IN_AT])
            row.last_seen_at = datetime.fromisoformat(data[LAST_SEEN_AT])
            row.address, row.user_agent = data[ADDRESS], data[USER_AGENT]
            latest = row.signed_in_at + timedelta(hours=settings.SESSION_MAX_HOURS)
            row.expire_date = min(row.expire_date, latest)
        return row


def start_session(request: HttpRequest, **_kwargs: Any) -> None:
    """Store in the session since when and from where it is used.

    Receives the signal `user_logged_in`. Each sign-in gets a new key.
    """
    if SIGNED_IN_AT in request.session:
        # Django keeps the key if the same user signs in again.
        request.session.cycle_key()
    now = timezone.now().isoformat()
    request.session[SIGNED_IN_AT] = request.session[LAST_SEEN_AT] = now
    request.session[CONFIRMED_AT] = now
    request.session[ADDRESS] = client_address(request)[:45]
    request.session[USER_AGENT] = request.META.get("HTTP_USER_AGENT", "")[:300]


def extend_session(session: SessionBase) -> bool:
    """Mark a used session as seen now, at most once in SEEN_INTERVAL. Return whether it was."""
    if not session.accessed or LAST_SEEN_AT not in session:
        return False
    is_due = timezone.now() - datetime.fromisoformat(session[LAST_SEEN_AT]) >= SEEN_INTERVAL
    if is_due:
        session[LAST_SEEN_AT] = timezone.now().isoformat()
    return is_due


def end_sessions(user_id: int, *, except_key: str | None = None) -> int:
    """Sign the user out everywhere but in the session `except_key`. Return the number of ends."""
    sessions = SignInSession.objects.filter(user=user_id).exclude(session_key=except_key)
    ended, _rows = sessions.delete()
    return int(ended)


def revoke_tokens(user_id: int) -> int:
    """Delete all API tokens of the user. Each leaves a record. Return their number."""
    tokens = AuthToken.objects.filter(user=user_id)
    number: int = tokens.count()
    tokens.delete()
    return number
