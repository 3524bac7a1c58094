"""The person or program that makes the current changes, for the history records of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.text import normalize


class Door(models.TextChoices):
    """A way in: an interface through which changes are made."""

    API = "api", _("API")
    STAFF = "staff", _("staff pages")
    ADMIN = "admin", _("admin")
    IMPORT = "import", _("import")
    COMMAND = "command", _("command")


@dataclass(frozen=True)
class Actor:
    """The author of changes, their door and their reason.

    The request is stored in place of its user, because the API authenticates the user later.
    """

    door: Door
    request: HttpRequest | None = None
    reason: str = ""

    @property
    def user(self) -> AbstractUser | None:
        """The signed-in user; None for anonymous requests and for commands."""
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None


_actor: ContextVar[Actor] = ContextVar("actor", default=Actor(Door.COMMAND))  # noqa: B039 (frozen)


@contextmanager
def record_changes_as(
    door: Door, request: HttpRequest | None = None, reason: str = ""
) -> Iterator[None]:
    """Record all changes inside the block with this door, the user of `request` and `reason`."""
    token = _actor.set(Actor(door, request, normalize(reason)))
    try:
        yield
    finally:
        _actor.reset(token)


def current_door() -> str:
    return _actor.get().door.value


def current_user(**_kwargs: Any) -> AbstractUser | None:
    """The signed-in user. simple-history passes the changed instance and the request; see Actor."""
    return _actor.get().user


def current_username() -> str:
    """The name of the signed-in user; empty if there is none."""
    user = current_user()
    return user.get_username() if user else ""


def current_reason() -> str:
    return _actor.get().reason
