"""Reading settings from environment variables and from the env file.

The env file has one `NAME=value` in a line. It is `.env` in the project's directory, or the file
that the variable SCHOOL_ENV_FILE names (a relative path is relative to the project's directory).
The server and the management commands both read it, so that they use the same database. A variable
that is set in the environment wins over the file.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from environ import Env

T = TypeVar("T")
BOOLEANS = {
    "1": True,
    "true": True,
    "on": True,
    "yes": True,
    "0": False,
    "false": False,
    "off": False,
    "no": False,
}
env = Env()


def read_env_file(project_dir: Path) -> None:
    """Add the variables of the env file to the environment.

    Raises ImproperlyConfigured if SCHOOL_ENV_FILE names a file that cannot be read.
    """
    name = env.str("SCHOOL_ENV_FILE", default="").strip()
    path = project_dir / (name or ".env")
    if name:
        try:
            path.open().close()
        except OSError as error:
            raise ImproperlyConfigured(
                f"SCHOOL_ENV_FILE must be a file that can be read, not {name!r}: {error.strerror}."
            ) from error
    if path.exists():
        Env.read_env(path)


def setting(
    name: str,
    parse: Callable[[str], T],
    default: T,
    *,
    is_valid: Callable[[T], object] = lambda _value: True,
    expected: str,
    secret: bool = False,
) -> T:
    """Return the environment variable `name`, parsed, or `default` if it is unset or blank.

    `parse` may raise ValueError, KeyError or OSError. `expected` completes "NAME must be ...".
    Raises ImproperlyConfigured if the value cannot be parsed or is not valid. The message names the
    variable, and its value unless that is `secret`.
    """
    text = env.str(name, default="").strip()
    if not text:
        return default
    try:
        value = parse(text)
        if is_valid(value):
            return value
    except (ValueError, KeyError, OSError):
        pass
    message = f"{name} must be {expected}"
    raise ImproperlyConfigured(f"{message}." if secret else f"{message}, not {text!r}.")


def csv(text: str) -> list[str]:
    """Return the values of a list that is separated by commas, without blank ones."""
    values = [value.strip() for value in text.split(",")]
    return [value for value in values if value]


def boolean(text: str) -> bool:
    """Return the truth value of `text`. Raises KeyError if it is not one of BOOLEANS."""
    return BOOLEANS[text.lower()]


def persisted_secret(path: Path) -> str:
    """Return the secret in the file `path`. Create the file, readable by its owner, if missing."""
    with suppress(FileExistsError):
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()
