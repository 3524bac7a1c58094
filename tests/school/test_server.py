"""The server itself, as `make serve` starts it, with one thread."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HALF_FORM = (
    b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername="
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('server')}/school.sqlite3",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "THREADS": "1",
    }
    granian = str(Path(sys.executable).with_name("granian"))
    command = [granian, "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--no-ws", "--no-log", "school.asgi:application"], env=environ, cwd=ROOT
    )
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def status_of(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> int:
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, body or None, headers)
    response = connection.getresponse()
    response.read()
    return response.status


def test_half_sent_bodies_hold_up_nobody(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _number in range(16)]
    for connection in slow:
        connection.sendall(HALF_FORM)
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as page:
            assert status_of(page, "GET", "/healthz", b"") == 200
    finally:
        for connection in slow:
            connection.close()


def test_a_refused_body_leaves_its_connection_open(port: int) -> None:
    """A body that comes without a token, and one that is too large, for an unknown path."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.connect()
        first_socket = connection.sock
        for _round in range(20):
            assert status_of(connection, "POST", "/api/v1/enrollments", b"x" * 100_000) == 401
            assert status_of(connection, "POST", "/api/v1/nothing", b"x" * 2_000_000) == 404
        assert connection.sock is first_socket
