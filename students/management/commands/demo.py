"""manage.py demo: fill an empty database with the demo school, and make users for it."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from accounts.roles import ROLES, assign_role
from students import demo

# The address marks the demo's own users, whose passwords may be changed.
ADDRESSES = {name: f"{name}@demo.example" for name in ("admin", *ROLES)}


class Command(BaseCommand):
    help = (
        "Fills an empty school with made-up people and makes users to look at it, "
        "with a new password each time."
    )

    def handle(self, **_options: Any) -> None:
        """Raises CommandError, with nothing changed, where there are users of somebody else."""
        if User.objects.exclude(email__in=ADDRESSES.values()).exists():
            raise CommandError(
                _("This school has users of its own, so it is no demo. Nothing was changed.")
            )
        with transaction.atomic():
            if demo.is_empty():
                demo.fill(timezone.localdate())
            password = os.environ.get("SCHOOL_PASSWORD") or secrets.token_urlsafe(9)
            hashed = make_password(password)
            users = {name: _set_up_user(name, hashed) for name in ADDRESSES}
            AuthToken.objects.filter(user=users["registrar"]).delete()
            _token, secret = AuthToken.objects.create(users["registrar"])
        self.stdout.write(_guide(password, secret))


def _set_up_user(name: str, hashed: str) -> User:
    """Create or update the demo's user `name` with a hashed password."""
    user, _created = User.objects.get_or_create(username=name, defaults={"email": ADDRESSES[name]})
    user.password, user.is_active = hashed, True
    if name in ROLES:
        assign_role(user, name)
    else:
        user.is_staff = user.is_superuser = True
        user.save()
    return user


def _guide(password: str, secret: str) -> str:
    address = f"http://127.0.0.1:{settings.PORT}"
    return _("""
  The school       %(address)s/
  Its admin        %(address)s/admin/
  Its API          %(address)s/api/docs/

  Sign in as       %(names)s
  with password    %(password)s

  Ask the API      curl -H "Authorization: Bearer %(secret)s" "%(address)s/api/v1/students?limit=3"

  Ctrl-C stops it.
""") % {"address": address, "names": ", ".join(ADDRESSES), "password": password, "secret": secret}
