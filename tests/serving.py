"""A server of two processes on the test's database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_connection, socket
from time import sleep
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


@contextmanager
def serve(application: str = "school.asgi:application", **environment: str) -> Iterator[str]:
    """Run `application` and return its address. `environment` has more variables."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url, name = urlsplit(os.environ.get("DATABASE_URL", "")), connection.settings_dict["NAME"]
    database = (
        url._replace(path=f"/{name}").geturl()
        if connection.vendor == "postgresql"
        else f"sqlite:///{name}"
    )
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--no-log"]
    server = subprocess.Popen(
        [*command, "--port", port, "--workers", "2", application],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": database,
            "SECRET_KEY": settings.SECRET_KEY,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            **environment,
        },
    )
    try:
        _wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: str) -> None:
    for _ in range(300):
        try:
            create_connection(("127.0.0.1", int(port))).close()
        except OSError:
            sleep(0.2)
        else:
            return
    raise TimeoutError("The server did not start.")
