"""Codes of an authenticator app: TOTP of RFC 6238, six digits, 30 seconds, SHA-1.

Other parameters are not supported by all apps.
"""

import logging
import time

import pyotp
from django.contrib.auth.models import User
from django.utils import timezone
from pyotp.utils import strings_equal

from accounts.second_factor.encryption import UnreadableSecret, decrypt, encrypt
from accounts.second_factor.models import AuthenticatorApp

PERIOD_SECONDS = 30
# A clock may be this many periods off.
TOLERANCE = 1

logger = logging.getLogger(__name__)


def find_counter(secret: str, code: str) -> int | None:
    """Return the number of the period in which `code` is valid, None if it is not valid now."""
    now = int(time.time()) // PERIOD_SECONDS
    totp = pyotp.TOTP(secret)
    for counter in range(now - TOLERANCE, now + TOLERANCE + 1):
        if strings_equal(totp.generate_otp(counter), code):
            return counter
    return None


def add_app(user: User, secret: str, code: str) -> bool:
    """Store the app if `code` proves that it has the secret. The code cannot be used again."""
    counter = find_counter(secret, code)
    if counter is None:
        return False
    values = {"secret": encrypt(secret), "last_counter": counter}
    _app, is_new = AuthenticatorApp.objects.get_or_create(user=user, defaults=values)
    return is_new


def use_code(user: User, code: str) -> bool:
    """Return whether the user's app shows this code now and it was not used before.

    The condition is part of the UPDATE, which locks the row: of simultaneous requests with one
    code, in whatever process, one succeeds.
    """
    app = AuthenticatorApp.objects.filter(user=user).first()
    if app is None:
        return False
    try:
        counter = find_counter(decrypt(app.secret), code)
    except UnreadableSecret:
        logger.error("The SECRET_KEY has changed: no authenticator app works any more.")
        return False
    if counter is None:
        return False
    unused = AuthenticatorApp.objects.filter(user=user, secret=app.secret, last_counter__lt=counter)
    return bool(unused.update(last_counter=counter, last_used_at=timezone.now()))
