"""Limits on wrong passwords and codes, counted in the database for all processes and servers.

Attempts are counted for fifteen minutes, from the first one, by
- user name and client address: somebody guesses the password of one user;
- client address: somebody tries many users;
- user name and browser, in place of both, if the user has signed in before from this browser. So
  nobody can lock out users from the browsers that they use by guessing at their address.

Codes of a second factor are counted by user name alone, or by user name and browser as above: they
are asked only of those who know the password.

An attempt counts before its password is verified, so that attempts at the same time cannot pass the
limit together. A sign-in takes its own attempts back.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

PERIOD_SECONDS = 15 * 60
LIMIT_OF_NAME = 5
LIMIT_OF_ADDRESS = 50
LIMIT_OF_BROWSER = 10

BROWSER_COOKIE = "known_browser"
BROWSER_COOKIE_SECONDS = 365 * 24 * 3600
# A browser remembers this many names, the latest first.
NAMES_OF_A_BROWSER = 20
# The first of the two numbers of an advisory lock of PostgreSQL; the second stands for the key.
LOCK_CLASS = 0x5147

logger = logging.getLogger(__name__)
cache = caches["throttle"]


class Limit(NamedTuple):
    """The number of attempts that `key` allows. `subject` describes the key in the log."""

    key: str
    attempts: int
    subject: str


class Browser(NamedTuple):
    """What the signed cookie of a browser says: its id, and digests of the names that signed in."""

    id: str
    names: list[str]


class SignInLimitBackend:
    """Refuses attempts to sign in that are over a limit, before a backend verifies the password.

    It is the first of AUTHENTICATION_BACKENDS, so it covers every way to sign in by password.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Count the attempt. Raises PermissionDenied, which ends `authenticate()`, over a limit.

        `request.sign_in_refused_seconds` is then the number of seconds to wait.
        """
        if request is None:
            return
        limits = limits_of_attempt(request, credentials)
        seconds = seconds_to_wait(limits)
        if not seconds:
            seconds = count_attempt(limits)
        if seconds:
            request.sign_in_refused_seconds = seconds  # type: ignore[attr-defined]
            raise PermissionDenied
        request.sign_in_limits = limits  # type: ignore[attr-defined]


def limits_of_attempt(request: HttpRequest, credentials: Mapping[str, Any]) -> list[Limit]:
    name = str(credentials.get("username") or credentials.get("email") or "")
    digest = digest_of(name)
    browser = read_browser(request)
    if browser and digest in browser.names:
        return [Limit(f"browser:{browser.id}:{digest}", LIMIT_OF_BROWSER, "a known browser")]
    address = client_address(request)
    return [
        Limit(f"name:{address}:{digest}", LIMIT_OF_NAME, f"one name from {address}"),
        Limit(f"address:{address}", LIMIT_OF_ADDRESS, f"all names from {address}"),
    ]


def limits_of_code(request: HttpRequest, user: AbstractBaseUser) -> list[Limit]:
    """The limits on wrong codes of the user's second factor."""
    digest = digest_of(user.get_username())
    browser = read_browser(request)
    if browser and digest in browser.names:
        key = f"code-browser:{browser.id}:{digest}"
        return [Limit(key, LIMIT_OF_BROWSER, "codes from a known browser")]
    return [Limit(f"code:{digest}", LIMIT_OF_NAME, "codes of one user")]


def client_address(request: HttpRequest) -> str:
    """The address of the client, of IPv6 the network of 64 bits that one customer gets.

    TRUSTED_PROXIES tells how many entries of X-Forwarded-For, from its end, were written by
    proxies of the school. The first of these is the client; whatever stands before it was sent
    by the client and may be forged. A header with fewer entries did not pass all proxies.
    """
    text: str = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(forwarded):
        text = forwarded[-settings.TRUSTED_PROXIES].strip() or text
    try:
        address = ip_address(text)
    except ValueError:
        return request.META.get("REMOTE_ADDR", "")  # type: ignore[no-any-return]
    return str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def seconds_to_wait(limits: list[Limit]) -> int:
    """Seconds until all limits allow an attempt, 0 if they do now."""
    now = time.time()
    attempts = cache.get_many([limit.key for limit in limits])
    waits = [0]
    for limit in limits:
        count, ends_at = attempts.get(limit.key, (0, now))
        if count >= limit.attempts and ends_at > now:
            waits.append(int(ends_at - now) + 1)
    return max(waits)


def count_attempt(limits: list[Limit]) -> int:
    """Add an attempt to each limit if all allow it. Returns 0, or the seconds to wait."""
    with transaction.atomic():
        lock_counters(limits[-1].key)
        if seconds := seconds_to_wait(limits):
            return seconds
        for limit in limits:
            if change_count(limit.key, 1) == limit.attempts:
                logger.warning("Sign-ins of %s are refused for some minutes.", limit.subject)
    return 0


def take_back_attempt(limits: list[Limit]) -> None:
    """After a sign-in: forget the attempts of this name, but only one of those of the address."""
    own, *shared = limits
    with transaction.atomic():
        lock_counters(limits[-1].key)
        cache.delete(own.key)
        for limit in shared:
            change_count(limit.key, -1)


def take_back_attempt_of(request: HttpRequest) -> None:
    """After the password of a request was right."""
    if limits := getattr(request, "sign_in_limits", None):
        take_back_attempt(limits)


def change_count(key: str, change: int) -> int:
    """The new number of attempts. The caller holds the lock."""
    now = time.time()
    count, ends_at = cache.get(key) or (0, 0.0)
    if ends_at <= now:
        count, ends_at = 0, now + PERIOD_SECONDS
    count = max(0, count + change)
    cache.set(key, (count, ends_at), timeout=ends_at - now)
    return int(count)


def lock_counters(key: str) -> None:
    """Wait until no other transaction changes these counters. SQLite locks all at BEGIN.

    Raises OperationalError if the database is read-only: attempts must not go uncounted.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) - 2**31
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s), current_setting('transaction_read_only')",
            [LOCK_CLASS, number],
        )
        [_lock, is_read_only] = cursor.fetchone()
    if is_read_only == "on":
        raise OperationalError("cannot count an attempt to sign in: the database is read-only")


def digest_of(name: str) -> str:
    return salted_hmac(__name__, name.casefold()).hexdigest()[:32]


def read_browser(request: HttpRequest) -> Browser | None:
    """What the cookie says, None without one or if it is not ours."""
    text = request.get_signed_cookie(BROWSER_COOKIE, "", max_age=BROWSER_COOKIE_SECONDS)
    if not text:
        return None
    identifier, *names = text.split(".")
    return Browser(identifier, names)


def handle_sign_in(request: HttpRequest, user: AbstractBaseUser, **_kwargs: Any) -> None:
    """Receives Django's signal `user_logged_in`."""
    take_back_attempt_of(request)
    request.signed_in_user = user  # type: ignore[attr-defined]


def remember_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Set the cookie in the answer to a request by which a user has signed in."""
    user = getattr(request, "signed_in_user", None)
    if user is None:
        return
    browser = read_browser(request) or Browser(secrets.token_urlsafe(9), [])
    names = [digest_of(name) for name in {user.get_username(), user.email} if name]
    others = [digest for digest in browser.names if digest not in names]
    response.set_signed_cookie(
        BROWSER_COOKIE,
        ".".join([browser.id, *[*names, *others][:NAMES_OF_A_BROWSER]]),
        max_age=BROWSER_COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
