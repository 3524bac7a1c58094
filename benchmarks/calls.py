"""Shared by the races: calls to a running server, a school for one run, and measured times.

Only the standard library is needed.
"""

import http.client
import json
import secrets
import sys
import time
from collections import Counter
from threading import local
from urllib.parse import urlsplit


class Client:
    """Calls the API over one persistent connection for each thread."""

    def __init__(self, base: str, token: str) -> None:
        self.host = urlsplit(base).netloc
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.kept = local()

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        for attempt in (1, 2):
            if not hasattr(self.kept, "connection"):
                self.kept.connection = http.client.HTTPConnection(self.host, timeout=60)
            try:
                self.kept.connection.request(
                    method, f"/api/v1{path}", json.dumps(body), self.headers
                )
                answer = self.kept.connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (http.client.HTTPException, ConnectionError):
                # The server may close an idle connection. Every write may be sent again.
                del self.kept.connection
                if attempt == 2:
                    raise
        raise AssertionError


class School:
    """A term, students and courses made for one run."""

    def __init__(self, call: Client, students: int) -> None:
        self.call, self.run, self.courses = call, secrets.token_hex(4), 0
        self.term = self._made(
            "/terms",
            {
                "code": f"R-{self.run}",
                "name": "Race",
                "starts_on": "2026-01-01",
                "ends_on": "2030-01-01",
            },
        )["code"]
        self.students = [self._student(number) for number in range(students)]

    def course(self, capacity: int | None) -> int:
        self.courses += 1
        return self._made(
            "/courses",
            {"code": f"R{self.courses}", "title": "Race", "term": self.term, "capacity": capacity},
        )["id"]

    def _student(self, number: int) -> int:
        email = f"r{number}-{self.run}@school.example"
        return self._made(
            "/students",
            {
                "number": f"R-{self.run}-{number}",
                "first_name": "Race",
                "last_name": str(number),
                "email": email,
            },
        )["id"]

    def _made(self, path: str, body: dict) -> dict:
        status, answer = self.call("POST", path, body)
        if status != 201:
            sys.exit(f"POST {path}: {status} {answer}")
        return answer


class Times:
    """The durations of calls, in seconds."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, call: Client, *args: object) -> tuple[int, dict]:
        began = time.perf_counter()
        answer = call(*args)
        self.taken.append(time.perf_counter() - began)
        return answer

    def __str__(self) -> str:
        taken = sorted(self.taken)
        quick, slow = (taken[int(len(taken) * share)] * 1000 for share in (0.5, 0.99))
        return f"median {quick:.0f} ms, p99 {slow:.0f} ms, p99/median {slow / quick:.1f}"


def tell(what: str, rounds: int, wrong: int, statuses: Counter, times: Times) -> None:
    print(
        f"{what}, {rounds} rounds: {wrong} wrong; "
        f"answers {dict(sorted(statuses.items()))}; {times}",
        flush=True,
    )
