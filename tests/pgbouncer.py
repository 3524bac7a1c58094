"""A PgBouncer of its own in front of the test database."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# Since this version, DEALLOCATE ALL of a client is supported too.
KNOWS_PREPARED_STATEMENTS = (1, 22)


def pgbouncer_version() -> tuple[int, int] | None:
    """Return the version of the PgBouncer that is installed, or None."""
    if PROGRAM is None:
        return None
    output = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"PgBouncer (\d+)\.(\d+)", output.stdout)
    assert match, output.stdout
    return int(match[1]), int(match[2])


@contextmanager
def pgbouncer(params: Mapping[str, Any], pool_mode: str, **options: object) -> Iterator[int]:
    """Run PgBouncer in front of the server of `params`. Return its port on 127.0.0.1."""
    assert PROGRAM is not None
    names = ("host", "port", "user", "password")
    target = " ".join(f"{name}={params[name]}" for name in names if params.get(name))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings: dict[str, object] = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": pool_mode,
        "default_pool_size": 4,
    }
    if os.getuid() == 0:
        # It refuses to run as root. The directory of a socket is open to its owner alone.
        host = str(params.get("host") or "")
        settings["user"] = Path(host).owner() if host.startswith("/") else "nobody"
    settings |= options
    with tempfile.TemporaryDirectory(prefix="school-pgbouncer-") as folder:
        lines = [f"{name} = {value}" for name, value in settings.items()]
        config = Path(folder) / "pgbouncer.ini"
        config.write_text("\n".join(["[databases]", f"* = {target}", "[pgbouncer]", *lines]) + "\n")
        Path(folder).chmod(0o755)
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen([PROGRAM, str(config)], stdout=log, stderr=log)
        try:
            _wait_until_open(port, process, Path(folder) / "log")
            yield port
        finally:
            process.terminate()
            process.wait()


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _attempt in range(300):
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text())
