"""The bridge from ASGI to WSGI: bodies are read before a thread is taken, and answers are whole."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, TypeVar
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from django.core.exceptions import RequestDataTooBig

from core.asgi import HASHING_NICENESS, BufferedWSGI

T = TypeVar("T")
LIMIT = 200_000


def answer_with_body(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers what it read of the request: its length as declared, and its bytes."""
    start_response("200 OK", [("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [environ["wsgi.input"].read()]


def scope_of(path: str = "/", **values: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"a=1",
        "headers": [],
        "client": ("10.1.2.3", 4567),
        "server": ("127.0.0.1", 8000),
        "extensions": {},
        **values,
    }


def chunks(*parts: bytes) -> list[dict[str, Any]]:
    """The events of a body that arrives in these parts."""
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of `coroutine`, run in a thread: a browser test leaves a loop in the main one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()


async def call(
    application: BufferedWSGI, scope: dict[str, Any], events: list[dict[str, Any]]
) -> list[Any]:
    """What the application sends. After the last of `events` the client sends no more."""
    sent: list[Any] = []
    waiting = iter(events)

    async def receive() -> Any:
        for event in waiting:
            return event
        return await asyncio.Event().wait()

    async def send(event: Any) -> None:
        sent.append(event)

    await application(scope, receive, send)  # type: ignore[arg-type]
    return sent


def make(view: Any = answer_with_body, **options: Any) -> BufferedWSGI:
    defaults = {"threads": 1, "body_limit": LIMIT, "body_seconds": 20}
    return BufferedWSGI(view, **{**defaults, **options})


def send_request(
    headers: list[tuple[bytes, bytes]], events: list[dict[str, Any]], **options: Any
) -> list[Any]:
    return run_async(call(make(**options), scope_of(headers=headers), events))


class TestBody:
    @pytest.mark.parametrize(
        "headers", [[(b"content-length", b"9")], [(b"transfer-encoding", b"chunked")]]
    )
    def test_arrives_in_parts(self, headers: list[tuple[bytes, bytes]]) -> None:
        start, body = send_request(headers, chunks(b"name=", b"ann", b"a"))

        assert (start["status"], body["body"]) == (200, b"name=anna")
        assert dict(start["headers"])[b"X-Length"] == b"9"

    def test_larger_than_what_is_kept_in_memory(self) -> None:
        parts = [bytes([number]) * 50_000 for number in range(3)]
        _start, body = send_request([(b"content-length", b"150000")], chunks(*parts))

        assert body["body"] == b"".join(parts)

    def test_none(self) -> None:
        start, body = send_request([], [])

        assert (dict(start["headers"])[b"X-Length"], body["body"]) == (b"none", b"")

    def test_that_is_too_large_is_read_to_its_end_and_refused_when_it_is_used(self) -> None:
        events = chunks(*[b"x" * 100_000] * 5)
        seen: list[str] = []

        def view(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            seen.append(environ["CONTENT_LENGTH"])
            with pytest.raises(RequestDataTooBig):
                environ["wsgi.input"].read(10)
            start_response("413 Content Too Large", [])
            return []

        start, _body = send_request([(b"content-length", b"500000")], events, view=view)
        assert (start["status"], seen) == (413, ["500000"])

    def test_that_stays_away_is_dropped(self) -> None:
        start, body = send_request(
            [(b"content-length", b"9")], chunks(b"name=", b"")[:1], body_seconds=0.05
        )

        assert start["status"] == 408
        assert (b"connection", b"close") in start["headers"]
        assert body["body"] == b"The body took too long to arrive.\n"

    def test_that_breaks_off_reaches_nobody(self) -> None:
        def view(*_args: Any) -> Iterable[bytes]:
            raise AssertionError("A part of a body was taken for all of it.")

        events = [*chunks(b"name=", b"")[:1], {"type": "http.disconnect"}]
        assert send_request([(b"transfer-encoding", b"chunked")], events, view=view) == []

    def test_for_which_the_disk_has_no_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**_options: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("core.asgi.SpooledTemporaryFile", fail)
        start, _body = send_request([(b"content-length", b"4")], chunks(b"body"))
        assert start["status"] == 503


def test_slow_bodies_take_no_thread_from_others() -> None:
    application = make(threads=1)

    async def work() -> list[Any]:
        slow = [
            asyncio.create_task(
                call(
                    application,
                    scope_of(headers=[(b"content-length", b"9")]),
                    chunks(b"n", b"")[:1],
                )
            )
            for _number in range(50)
        ]
        await asyncio.sleep(0)
        sent = await asyncio.wait_for(call(application, scope_of(method="GET"), []), 10)
        for task in slow:
            assert not task.done()
            task.cancel()
        return sent

    start, _body = run_async(work())
    assert start["status"] == 200


def test_sign_ins_take_no_thread_from_other_pages() -> None:
    """One sign-in runs and the others wait, while a page is answered."""
    release, running = Event(), []

    def view(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/login/" and environ["REQUEST_METHOD"] == "POST":
            running.append(1)
            release.wait(10)
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    async def work() -> None:
        application = make(view, threads=1, hashing_paths={"/login/"})
        guesses = [
            asyncio.create_task(call(application, scope_of("/login/"), [])) for _number in range(16)
        ]
        for path, method in [("/healthz", "GET"), ("/login/", "GET"), ("/other/", "POST")]:
            _start, body = await asyncio.wait_for(
                call(application, scope_of(path, method=method), []), 10
            )
            assert body["body"] == path.encode()
        assert len(running) <= 1
        release.set()
        await asyncio.gather(*guesses)
        assert len(running) == 16

    run_async(work())


@pytest.mark.skipif(sys.platform != "linux", reason="Threads have a priority on Linux alone.")
def test_sign_ins_run_with_a_low_priority() -> None:
    found: list[int] = []

    def view(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        start_response("200 OK", [])
        return []

    application = make(view, hashing_paths={"/login/"})
    for path in ("/login/", "/"):
        run_async(call(application, scope_of(path), []))
    assert found[0] - found[1] == HASHING_NICENESS


class TestEnviron:
    @pytest.fixture
    def environ_of(self) -> Callable[..., WSGIEnvironment]:
        def read(**values: Any) -> WSGIEnvironment:
            seen: list[WSGIEnvironment] = []

            def view(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
                seen.append(environ)
                start_response("204 No Content", [])
                return []

            run_async(call(make(view), scope_of(**values), chunks(b"")))
            return seen[0]

        return read

    def test_names_request_client_and_server(
        self, environ_of: Callable[..., WSGIEnvironment]
    ) -> None:
        environ = environ_of(path="/a b", raw_path=b"/a%20b%ff", scheme="https")

        assert environ["PATH_INFO"].encode("latin-1") == b"/a b\xff"
        assert (environ["QUERY_STRING"], environ["REQUEST_METHOD"]) == ("a=1", "POST")
        assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("10.1.2.3", "8000")
        assert (environ["wsgi.url_scheme"], environ["SERVER_PROTOCOL"]) == ("https", "HTTP/1.1")

    def test_has_the_headers(self, environ_of: Callable[..., WSGIEnvironment]) -> None:
        environ = environ_of(
            headers=[
                (b"content-type", b"text/plain"),
                (b"cookie", b"a=1"),
                (b"x-twice", b"1"),
                (b"x-twice", b"\xe4"),
                (b"transfer-encoding", b"chunked"),
            ]
        )

        assert (environ["CONTENT_TYPE"], environ["HTTP_COOKIE"]) == ("text/plain", "a=1")
        assert environ["HTTP_X_TWICE"] == "1,\xe4"
        assert not {"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_TYPE"} & environ.keys()

    def test_leaves_out_headers_that_look_like_those_of_a_proxy(
        self, environ_of: Callable[..., WSGIEnvironment]
    ) -> None:
        environ = environ_of(headers=[(b"x_forwarded_proto", b"https")])

        assert "HTTP_X_FORWARDED_PROTO" not in environ


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "page.css"
        path.write_bytes(b"0123456789")
        return path

    def send(self, path: Path, offset: int = 0, **values: Any) -> list[Any]:
        def view(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            file = path.open("rb")
            file.seek(offset)
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
            return wrapped

        return run_async(call(make(view), scope_of(**values), []))

    def test_is_sent_by_the_server(self, path: Path) -> None:
        _start, sent = self.send(path, extensions={"http.response.pathsend": {}})

        assert sent == {"type": "http.response.pathsend", "path": str(path)}

    def test_is_read_where_the_server_cannot_send_it(self, path: Path) -> None:
        _start, sent = self.send(path)

        assert sent["body"] == b"0123456789"

    def test_is_read_where_only_a_part_of_it_is_sent(self, path: Path) -> None:
        _start, sent = self.send(path, offset=4, extensions={"http.response.pathsend": {}})

        assert sent["body"] == b"456789"


def test_a_broken_application_closes_what_it_read() -> None:
    def view(*_args: Any) -> Iterable[bytes]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        send_request([(b"content-length", b"4")], chunks(b"body"), view=view)


def test_only_http_is_served() -> None:
    with pytest.raises(NotImplementedError, match="lifespan"):
        run_async(call(make(), {"type": "lifespan"}, []))
