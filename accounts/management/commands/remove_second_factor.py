"""`manage.py remove_second_factor`: for a user who has lost the phone or the passkey."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.second_factor.service import remove_all
from accounts.sessions import end_sessions


class Command(BaseCommand):
    help = (
        "Removes the second factors of a user and ends the user's sessions. Administrators can do "
        "it in the admin too; this is for the only one of them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name to sign in with")

    def handle(self, *, name: str, **_options: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None or not remove_all(None, user):
            text = _("Nothing was removed: %(name)s has no second factor.") % {"name": name}
            raise CommandError(text)
        end_sessions(user.pk)
        self.stdout.write(_("The second factor of %(name)s was removed.") % {"name": name})
