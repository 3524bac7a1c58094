"""Errors of the database that are not faults of the program, and the state of the database."""

import os
import shutil
from enum import Enum
from pathlib import Path

from django.core.cache import caches
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection

# SQLSTATE of PostgreSQL, and the beginning of sqlite3's error names.
READ_ONLY_CODES = ("25006", "SQLITE_READONLY")
DISK_FULL_CODES = ("53100", "SQLITE_FULL")
# With less than this, the next changes can fill the disk.
FREE_BYTES = 16 * 1024 * 1024
REMEMBER_SECONDS = 60


class Obstacle(Enum):
    """Why the database takes no changes, in words for /readyz and the log."""

    READ_ONLY = "The database is read-only."
    DISK_FULL = "The disk of the database is full."


def is_temporary(error: BaseException | None) -> bool:
    """Whether the same request may succeed later: the database is away, busy or takes no changes.

    An IntegrityError counts too. Forms and rules find duplicates before the database does, except
    where somebody else has inserted or deleted a row since they looked.
    """
    if isinstance(error, OperationalError | InterfaceError | IntegrityError):
        return True
    return isinstance(error, DatabaseError) and find_obstacle(error) is not None


def find_obstacle(error: BaseException | None) -> Obstacle | None:
    """What the database's own error, the cause of Django's, says about its state."""
    cause = error.__cause__ if error else None
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    if code.startswith(READ_ONLY_CODES):
        return Obstacle.READ_ONLY
    if code.startswith("SQLITE_IOERR"):
        # Where the disk is full, SQLite cannot even connect: it needs a small file of its own.
        return sqlite_obstacle(str(connection.settings_dict["NAME"]))
    if code.startswith(DISK_FULL_CODES):
        # Only a write finds out that the disk of PostgreSQL is full.
        caches["default"].set("disk_full", value=True, timeout=REMEMBER_SECONDS)
        return Obstacle.DISK_FULL
    return None


def current_obstacle() -> Obstacle | None:
    """Why the database takes no changes now, None if it does. Writes nothing."""
    if connection.vendor == "sqlite":
        return sqlite_obstacle(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        [is_read_only] = cursor.fetchone()
    if is_read_only == "on":
        return Obstacle.READ_ONLY
    return Obstacle.DISK_FULL if caches["default"].get("disk_full") else None


def sqlite_obstacle(name: str) -> Obstacle | None:
    """The same for the database file `name`. SQLite also writes files beside it."""
    path = Path(name)
    if not path.exists():
        return None
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return Obstacle.READ_ONLY
    return Obstacle.DISK_FULL if shutil.disk_usage(path.parent).free < FREE_BYTES else None
