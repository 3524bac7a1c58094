"""The command line of `manage.py`."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.management import execute_from_command_line
from django.db import OperationalError
from django.utils.translation import gettext

# Commands that write to the database. They name it first on standard error, because a command that
# runs with other settings than the server would change another database without an error.
WRITING_COMMANDS = {
    "add_user",
    "changepassword",
    "createsuperuser",
    "demo",
    "flush",
    "import_csv",
    "loaddata",
    "migrate",
}
QUIET_OPTIONS = ("--verbosity 0", "--verbosity=0", "-v 0", "-v0", "--help", "-h")


def main(arguments: Sequence[str]) -> None:
    """Run the command of `arguments`, which are those of sys.argv."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")
    is_writing = len(arguments) > 1 and arguments[1] in WRITING_COMMANDS
    options = " ".join(arguments[2:])
    if is_writing and not any(option in options for option in QUIET_OPTIONS):
        from django.conf import settings

        database = describe_database(settings.DATABASES["default"])
        print(f"Database: {database}", file=sys.stderr)  # noqa: T201
    try:
        execute_from_command_line(list(arguments))
    except KeyboardInterrupt:
        sys.exit(_fail(_("Interrupted. Unfinished changes are undone."), 130))
    except OperationalError as error:
        sys.exit(_fail(_("The database is away or busy: %s") % str(error).strip(), 1))


def _(message: str) -> str:
    """Translate `message`, unless the error came before the apps are ready."""
    return gettext(message) if apps.ready else message


def _fail(message: str, status: int) -> int:
    """Print `message` on standard error; returns the exit status."""
    print(message, file=sys.stderr)  # noqa: T201
    return status


def describe_database(config: dict[str, Any]) -> str:
    """Return the type and place of a database of the setting DATABASES, without its password."""
    if config["ENGINE"].endswith("sqlite3"):
        return f"SQLite {config['NAME']}"
    host = config.get("HOST") or "local socket"
    port = f":{config['PORT']}" if config.get("PORT") else ""
    return f"PostgreSQL {config['NAME']} at {host}{port}"
