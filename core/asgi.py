"""Serves a WSGI application over ASGI. No request takes a thread before its body is here."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from io import BufferedReader, BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.core.exceptions import RequestDataTooBig

Headers = list[tuple[bytes, bytes]]
# A larger body goes to a temporary file, so that many at once cost little memory.
MEMORY_BYTES = 64 * 1024
# From 0, the usual priority, to 19, the lowest one.
HASHING_NICENESS = 10
SHARED_ENVIRON: WSGIEnvironment = {
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
logger = logging.getLogger(__name__)


class ClientDisconnected(Exception):
    """The client closed the connection before its request was complete."""


class BinaryFile(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self, size: int = -1, /) -> bytes: ...
    def readlines(self, hint: int = -1, /) -> list[bytes]: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class OversizedBody(BytesIO):
    """In place of a body that was too large to be kept. Reading it raises RequestDataTooBig."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise RequestDataTooBig("The body is larger than the server accepts.")


class Body(NamedTuple):
    file: BinaryFile
    size: int


class Response(NamedTuple):
    """The answer to a request. Where `path` is given, that file is sent in place of `content`."""

    status: int
    headers: Headers
    content: bytes = b""
    path: str | None = None


class BufferedWSGI:
    """Reads the body of an ASGI request and then calls a WSGI application in a thread.

    The event loop reads the bodies, so thousands of slow clients cost no thread. A body that is
    not complete after `body_seconds` is answered with 408, and its connection is closed. Of a
    body that is larger than `body_limit` bytes nothing is kept, but all of it is read, so that
    its connection can be used again.

    `threads` requests run at once; the others wait for their turn. A POST to one of
    `hashing_paths` waits for a thread that only such requests use: hashing a password takes a
    third of a second of one core, and several at once would take the threads from all pages. The
    thread has a low priority, so that pages also get the core when they need it.

    An answer is complete before it is sent, so a client that reads slowly holds no thread either.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int,
        body_limit: int,
        body_seconds: float,
        hashing_paths: Collection[str] = (),
    ) -> None:
        self.application = application
        self.body_limit = body_limit
        self.body_seconds = body_seconds
        self.hashing_paths = hashing_paths
        self.threads = ThreadPoolExecutor(threads, "request")
        self.hashing_thread = ThreadPoolExecutor(1, "hashing", initializer=lower_priority)

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await read_body(scope, receive, self.body_limit)
        except ClientDisconnected:
            return
        except TimeoutError:
            await send_response(scope, send, refusal(408, "The body took too long to arrive."))
            return
        except OSError:
            logger.exception("A body could not be written to a temporary file.")
            await send_response(scope, send, refusal(503, "Not at this moment. Try again later."))
            return
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self.choose_executor(scope), self.run, scope, body)
        await send_response(scope, send, response)

    def choose_executor(self, scope: HTTPScope) -> Executor:
        if scope["method"] == "POST" and scope["path"] in self.hashing_paths:
            return self.hashing_thread
        return self.threads

    def run(self, scope: HTTPScope, body: Body) -> Response:
        """The answer of the WSGI application to this request."""
        status = 500
        headers: Headers = []

        def start_response(
            text: str, pairs: list[tuple[str, str]], _exc_info: object = None, /
        ) -> Any:
            nonlocal status, headers
            status = int(text[:3])
            headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]

        result: Iterable[bytes] = ()
        try:
            result = self.application(make_environ(scope, body), start_response)
            path = find_file_path(result) if can_send_files(scope) else None
            content = b"" if path else b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
            body.file.close()
        return Response(status, headers, content, path)


def lower_priority() -> None:
    """Let other threads go before this one. On Linux each thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


async def read_body(scope: HTTPScope, receive: ASGIReceiveCallable, limit: int) -> Body:
    """The body of the request, in memory or in a temporary file.

    Raises ClientDisconnected, and OSError where the temporary file cannot be written.
    """
    names = {name: value for name, value in scope["headers"] if name in BODY_HEADERS}
    if not names and scope["http_version"].startswith("1"):
        return Body(BytesIO(), 0)
    expected = int(names[b"content-length"]) if b"content-length" in names else None
    size = 0
    with ExitStack() as opened:
        file = opened.enter_context(SpooledTemporaryFile(max_size=MEMORY_BYTES))
        while size != expected:
            event = await receive()
            if event["type"] != "http.request":
                raise ClientDisconnected
            chunk = event.get("body", b"")
            size += len(chunk)
            if size <= limit:
                file.write(chunk)
            if not event.get("more_body", False):
                break
        if size > limit:
            return Body(OversizedBody(), size)
        file.seek(0)
        opened.pop_all()
        return Body(file, size)


BODY_HEADERS = {b"content-length", b"transfer-encoding"}


def make_environ(scope: HTTPScope, body: Body) -> WSGIEnvironment:
    """What WSGI (PEP 3333) passes to an application: the headers as HTTP_*, bytes as Latin-1."""
    client, server = scope["client"], scope["server"]
    environ = SHARED_ENVIRON | {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope["root_path"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        # Not in PEP 3333, but other servers pass it too: the only place where / is not %2F.
        "REQUEST_URI": b"?".join(filter(None, [scope["raw_path"], scope["query_string"]])).decode(
            "latin-1"
        ),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0] if server else "",
        "SERVER_PORT": str(server[1] if server else ""),
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body.file,
    }
    for name, value in scope["headers"]:
        # X_Forwarded_For would become the same variable as X-Forwarded-For, which a proxy sets.
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    # The body is complete: its length is known, however it was sent.
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    if environ.pop("HTTP_CONTENT_LENGTH", None) or body.size:
        environ["CONTENT_LENGTH"] = str(body.size)
    return environ


def can_send_files(scope: HTTPScope) -> bool:
    """Whether the server sends a file by itself when it gets its path."""
    return "http.response.pathsend" in (scope.get("extensions") or {})


def find_file_path(result: Iterable[bytes]) -> str | None:
    """The path of the file that is the whole answer, if it is one."""
    if not isinstance(result, FileWrapper):
        return None
    file = result.filelike
    if isinstance(file, BufferedReader) and isinstance(file.name, str) and file.tell() == 0:
        return file.name
    return None


def refusal(status: int, text: str) -> Response:
    """An answer after which the server closes the connection, as the body was not read."""
    content = text.encode() + b"\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    return Response(status, headers, content)


async def send_response(scope: HTTPScope, send: ASGISendCallable, response: Response) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": response.headers,
            "trailers": False,
        }
    )
    if response.path:
        await send({"type": "http.response.pathsend", "path": response.path})  # type: ignore[arg-type]
    else:
        await send({"type": "http.response.body", "body": response.content, "more_body": False})
