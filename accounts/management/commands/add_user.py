"""`manage.py add_user`: create a user, or change the role, email, password or token of a user."""

import os
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from knox.models import AuthToken

from accounts.roles import ROLES, assign_role


class Command(BaseCommand):
    help = (
        "Makes a user with a role, or changes one. "
        "The password is read from SCHOOL_PASSWORD, or asked for; a user who exists keeps it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name to sign in with")
        parser.add_argument("--role", choices=ROLES, required=True)
        parser.add_argument("--email")
        parser.add_argument(
            "--token",
            action="store_true",
            help="make a token for the API and print it on the last line",
        )

    def handle(
        self, *, name: str, role: str, email: str | None, token: bool, **_options: Any
    ) -> None:
        """Raises CommandError, and changes nothing, if the name, email or password is not valid."""
        user = User.objects.filter(username=name).first() or User(username=name)
        if email is not None:
            user.email = email
        try:
            user.full_clean(exclude=["password"])
            password = os.environ.get("SCHOOL_PASSWORD")
            if not password and not user.pk:
                password = _prompt_for_password()
            if password:
                validate_password(password, user)
                user.set_password(password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        with transaction.atomic():
            try:
                assign_role(user, role)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
            self.stdout.write(_("%(name)s is a %(role)s.") % {"name": name, "role": role})
            if token:
                _token, secret = AuthToken.objects.create(user)
                self.stdout.write(secret)


def _prompt_for_password() -> str:
    """Return a password that was typed twice. Raises CommandError if there is no terminal."""
    if not sys.stdin.isatty():
        raise CommandError(_("There is no terminal to ask for a password. Set SCHOOL_PASSWORD."))
    password = getpass(_("Password: "))
    if password != getpass(_("Password again: ")):
        raise CommandError(_("The two passwords differ. Nothing was changed."))
    return password
