"""Attacks a running server from this machine and prints what its other users notice.

    python benchmarks/attacks.py http://127.0.0.1:8000 slow-bodies --connections 16
    python benchmarks/attacks.py http://127.0.0.1:8000 refused-bodies --requests 10000
    python benchmarks/attacks.py http://127.0.0.1:8000 guesses --guessers 16
    python benchmarks/attacks.py http://127.0.0.1:8000 read-only --token TOKEN --database postgresql://...

Exit status 1 where a page took too long or a connection broke.
"""

import argparse
import http.client
import socket
import statistics
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

PAGES = ["/healthz", "/login/"]
TIMEOUT = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    attacks = parser.add_subparsers(dest="attack", required=True)
    slow = attacks.add_parser("slow-bodies", help="send half of a body and wait")
    slow.add_argument("--connections", type=int, default=16)
    slow.add_argument("--seconds", type=float, default=20)
    refused = attacks.add_parser("refused-bodies", help="send bodies that are refused unread")
    refused.add_argument("--requests", type=int, default=10_000)
    guesses = attacks.add_parser("guesses", help="sign in with wrong passwords, beside pages")
    guesses.add_argument("--guessers", type=int, default=16)
    guesses.add_argument("--seconds", type=float, default=15)
    guesses.add_argument("--name", help="guess the password of this user alone")
    guesses.add_argument(
        "--forge", action="store_true", help="send another X-Forwarded-For with each guess"
    )
    guesses.add_argument(
        "--addresses", action="store_true", help="guess from a local address each, 127.0.1.N"
    )
    read_only = attacks.add_parser(
        "read-only", help="make PostgreSQL read-only for some seconds, beside reads and changes"
    )
    read_only.add_argument("--token", required=True, help="of a registrar")
    read_only.add_argument("--database", required=True, help="of the server; as its superuser")
    read_only.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    address = urllib.parse.urlsplit(options.url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    if options.attack == "slow-bodies":
        return send_slow_bodies(host, port, options.connections, options.seconds)
    if options.attack == "refused-bodies":
        return send_refused_bodies(host, port, options.requests)
    if options.attack == "read-only":
        return make_read_only(host, port, options)
    return guess_passwords(host, port, options)


def send_slow_bodies(host: str, port: int, connections: int, seconds: float) -> int:
    """Half of a form on every second connection, half of a chunked JSON on the others."""
    print("before:", *time_pages(host, port, 3), sep="\n  ")
    form = (
        f"POST /login/ HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nusername="
    ).encode()
    chunks = (
        f"POST /api/v1/enrollments HTTP/1.1\r\nHost: {host}:{port}\r\n"
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"stu\r\n'
    ).encode()
    sockets = []
    for number in range(connections):
        half = socket.create_connection((host, port))
        half.sendall(chunks if number % 2 else form)
        sockets.append(half)
    started = time.monotonic()
    time.sleep(0.5)
    lines = time_pages(host, port, min(10, seconds))
    print(f"beside {connections} half-sent bodies:", *lines, sep="\n  ")
    open_for = wait_until_closed(sockets, started, seconds)
    print(f"closed by the server: {len(open_for)} of {connections}", end="")
    if open_for:
        print(f", after {min(open_for):.1f} to {max(open_for):.1f} s", end="")
    print()
    return int("no answer" in "".join(lines) or len(open_for) < connections)


def wait_until_closed(sockets: list[socket.socket], started: float, seconds: float) -> list[float]:
    """Seconds after which the server closed each connection, of those that it closed."""
    open_for = []
    for half in sockets:
        half.settimeout(max(0.01, started + seconds - time.monotonic()))
        try:
            while half.recv(4096):
                pass
            open_for.append(time.monotonic() - started)
        except TimeoutError:
            pass
        except ConnectionError:
            open_for.append(time.monotonic() - started)
        half.close()
    return open_for


def send_refused_bodies(host: str, port: int, requests: int) -> int:
    """POSTs with a body that are answered 401, 403 or 404, on one connection."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    body = b"x" * 2_000
    answers: Counter[int] = Counter()
    broken = 0
    headers = {"Content-Type": "application/json"}
    for number in range(requests):
        path = ["/api/v1/enrollments", "/login/", "/api/v1/nothing"][number % 3]
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
            answers[response.status] += 1
            if response.getheader("Connection", "").lower() == "close":
                broken += 1
        except (OSError, http.client.HTTPException):
            broken += 1
            connection.close()
    print(f"{requests} requests: answers {dict(answers)}, broken connections {broken}")
    return int(broken > 0)


def guess_passwords(host: str, port: int, options: argparse.Namespace) -> int:
    alone = time_pages(host, port, 5)
    print("before:", *alone, sep="\n  ")
    answers: Counter[int | str] = Counter()
    over = threading.Event()
    numbers = count()

    def guess(guesser: int) -> None:
        source = (f"127.0.1.{guesser + 1}", 0) if options.addresses else None
        while not over.is_set():
            number = next(numbers)
            try:
                answers[send_guess(host, port, options, number, source)] += 1
            except (OSError, http.client.HTTPException) as error:
                answers[type(error).__name__] += 1

    with running(guess, options.guessers, over):
        time.sleep(0.5)
        beside = time_pages(host, port, options.seconds)
    print(f"beside {options.guessers} guessers:", *beside, sep="\n  ")
    print("answers to the guesses:", dict(answers))
    return 0


def send_guess(
    host: str,
    port: int,
    options: argparse.Namespace,
    number: int,
    source: tuple[str, int] | None,
) -> int:
    """The status of the answer to a wrong password."""
    connection = http.client.HTTPConnection(host, port, timeout=60, source_address=source)
    name = options.name or f"guessed{number}"
    token = "a" * 32
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={token}",
    }
    if options.forge:
        headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    form = {"username": name, "password": f"wrong{number}", "csrfmiddlewaretoken": token}
    connection.request("POST", "/login/", urllib.parse.urlencode(form), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def make_read_only(host: str, port: int, options: argparse.Namespace) -> int:
    """Answers before, while and after the database is read-only, each counted."""
    import psycopg

    answers: dict[str, Counter[str]] = {}
    phase = "before"
    over = threading.Event()
    headers = {"Authorization": f"Bearer {options.token}", "Content-Type": "application/json"}

    def work(number: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        while not over.is_set():
            started = phase
            if number % 2:
                connection.request("GET", "/api/v1/students", headers=headers)
            else:
                code = f"T{time.monotonic_ns()}"
                dates = '"starts_on": "2026-01-01", "ends_on": "2026-06-30"'
                term = f'{{"code": "{code}", "name": "T", {dates}}}'
                connection.request("POST", "/api/v1/terms", term, headers)
            response = connection.getresponse()
            response.read()
            answer = f"{'read' if number % 2 else 'change'} {response.status}"
            if response.status == 503:
                answer += f", Retry-After {response.getheader('Retry-After')}"
            # An answer on the border of two phases may belong to either.
            if started == phase:
                answers.setdefault(phase, Counter())[answer] += 1

    def ready() -> str:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return f"{response.status} {response.read().decode()}"

    with psycopg.connect(options.database, autocommit=True) as database, running(work, 8, over):
        for phase, value in [("before", "off"), ("read-only", "on"), ("after", "off")]:
            database.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            database.execute("SELECT pg_reload_conf()")
            time.sleep(options.seconds)
            print(f"{phase}: /readyz {ready()}")
    for name, counts in answers.items():
        print(f"{name}: {dict(counts)}")
    return int(any("500" in answer for counts in answers.values() for answer in counts))


@contextmanager
def running(work: Callable[[int], None], threads: int, over: threading.Event) -> Iterator[None]:
    workers = [threading.Thread(target=work, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        over.set()
        for worker in workers:
            worker.join()


def time_pages(host: str, port: int, seconds: float) -> list[str]:
    """A line for each page: its median and longest time while all are loaded by turns."""
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    failures: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for page in PAGES:
            started = time.monotonic()
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
            try:
                connection.request("GET", page)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    failures[page] += 1
                times[page].append(time.monotonic() - started)
            except OSError:
                failures[page] += 1
            connection.close()
        time.sleep(0.02)
    return [describe(page, times[page], failures[page]) for page in PAGES]


def describe(page: str, times: list[float], failures: int) -> str:
    if not times:
        return f"{page}: no answer"
    middle, longest = 1000 * statistics.median(times), 1000 * max(times)
    text = f"{page}: median {middle:.1f} ms, longest {longest:.0f} ms, {len(times)} times"
    return f"{text}, no answer or not 200: {failures} times" if failures else text


if __name__ == "__main__":
    sys.exit(main())
