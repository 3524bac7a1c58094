"""Records of sign-ins, second factors, exports and views: in AccessEvent and in the log."""

import logging
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from accounts.backends import SINGLE_SIGN_ON
from accounts.models import AccessEvent, Detail, Event
from accounts.sign_in_limits import client_address

logger = logging.getLogger("school.access")


def record_event(event: Event, name: str, request: HttpRequest | None, **fields: Any) -> None:
    """Record `event`. `name` is the user or object concerned; `fields` are other fields."""
    # PostgreSQL stores no NUL character, and the name of a failed sign-in is any text.
    name = name.replace("\0", "")[:150]
    address = client_address(request) if request else ""
    record = AccessEvent(event=event, name=name, address=address[:45], **fields)
    record.save()
    logger.info(
        "%s name=%r who=%r door=%s address=%s detail=%r",
        event.value,
        name,
        record.who,
        record.door,
        record.address,
        record.detail,
    )


def record_sign_in(request: HttpRequest, user: AbstractBaseUser, **_kwargs: Any) -> None:
    is_single_sign_on = request.session[BACKEND_SESSION_KEY] == SINGLE_SIGN_ON
    name = user.get_username()
    detail = Detail.SINGLE_SIGN_ON if is_single_sign_on else ""
    record_event(Event.SIGN_IN, name, request, who=name, detail=detail)


def record_failed_sign_in(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any
) -> None:
    # Refused attempts are not recorded, so that nobody can fill the table with them.
    if not getattr(request, "sign_in_refused_seconds", 0):
        name = credentials.get("username") or credentials.get("email") or ""
        record_event(Event.SIGN_IN_FAILED, str(name), request)


def record_sign_out(request: HttpRequest, user: AbstractBaseUser | None, **_kwargs: Any) -> None:
    if user is not None:
        record_event(Event.SIGN_OUT, user.get_username(), request, who=user.get_username())
