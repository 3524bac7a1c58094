"""Uses and removes second factors, with limits and records."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from accounts.backends import HAS_SECOND_FACTOR, SINGLE_SIGN_ON
from accounts.events import record_event
from accounts.models import Detail, Event
from accounts.second_factor import passkeys, recovery_codes, totp
from accounts.second_factor.models import AuthenticatorApp, Passkey, RecoveryCode
from accounts.sign_in_limits import count_attempt, limits_of_code, take_back_attempt


def has_second_factor(user: User) -> bool:
    return User.objects.filter(HAS_SECOND_FACTOR, pk=user.pk).exists()


def is_second_factor_needed(user: User, backend: str) -> bool:
    """Return whether a user whom `backend` has verified must send a second factor too."""
    if backend == SINGLE_SIGN_ON and settings.OIDC_HAS_SECOND_FACTOR:
        return False
    return has_second_factor(user)


def use_second_factor(
    request: HttpRequest, user: User, *, code: str = "", passkey: str = ""
) -> bool:
    """Return whether the code, or the response of a passkey, is right. Each works once.

    Over the limit nothing is verified, and `request.sign_in_refused_seconds` is set.
    """
    limits = limits_of_code(request, user)
    if seconds := count_attempt(limits):
        request.sign_in_refused_seconds = seconds  # type: ignore[attr-defined]
        return False
    name = user.get_username()
    used = find_used_factor(request, user, code.replace(" ", ""), passkey)
    if used is None:
        record_event(Event.FACTOR_FAILED, name, request, who=name)
        return False
    take_back_attempt(limits)
    record_event(Event.FACTOR_USED, name, request, who=name, detail=used)
    return True


def find_used_factor(request: HttpRequest, user: User, code: str, passkey: str) -> Detail | None:
    """Return the kind of factor that was used, None if none is right."""
    if passkey:
        return Detail.PASSKEY if passkeys.use_passkey(request, user, passkey) else None
    if totp.use_code(user, code):
        return Detail.APP
    return Detail.RECOVERY_CODE if recovery_codes.use_code(user, code) else None


@transaction.atomic
def remove_app(request: HttpRequest, user: User) -> bool:
    removed, _rows = AuthenticatorApp.objects.filter(user=user).delete()
    return finish_removal(request, user, Detail.APP, removed)


@transaction.atomic
def remove_passkey(request: HttpRequest, user: User, pk: int) -> bool:
    removed, _rows = Passkey.objects.filter(user=user, pk=pk).delete()
    return finish_removal(request, user, Detail.PASSKEY, removed)


@transaction.atomic
def remove_all(request: HttpRequest | None, user: User) -> bool:
    """Remove all second factors of the user. Return whether there were any."""
    removed, _rows = AuthenticatorApp.objects.filter(user=user).delete()
    more, _rows = Passkey.objects.filter(user=user).delete()
    return finish_removal(request, user, Detail.ALL, removed + more)


def finish_removal(request: HttpRequest | None, user: User, detail: Detail, removed: int) -> bool:
    """Record that factors were removed, if any were. With the last one the codes go too."""
    if not removed:
        return False
    record_event(Event.FACTOR_REMOVED, user.get_username(), request, detail=detail)
    if not has_second_factor(user):
        RecoveryCode.objects.filter(user=user).delete()
    return True
