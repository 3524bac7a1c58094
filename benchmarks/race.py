#!/usr/bin/env python3
"""Races against a running server: last seats, and the same wish many times at once.

    python benchmarks/race.py http://127.0.0.1:8000 TOKEN [--rounds 200] [--clients 60] [--seats 5]

The token is a registrar's. Standard library only. Exit status 1 when a race went wrong.
"""

import argparse
import http.client
import json
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from urllib.parse import urlsplit


class Client:
    """Calls the API, one kept connection for each thread."""

    def __init__(self, base: str, token: str) -> None:
        self.host = urlsplit(base).netloc
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.kept = local()

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        for attempt in (1, 2):
            if not hasattr(self.kept, "connection"):
                self.kept.connection = http.client.HTTPConnection(self.host, timeout=60)
            try:
                self.kept.connection.request(method, f"/api/v1{path}", json.dumps(body), self.headers)
                answer = self.kept.connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (http.client.HTTPException, ConnectionError):
                # The server may close a kept connection at any time; every write may be sent again.
                del self.kept.connection
                if attempt == 2:
                    raise
        raise AssertionError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("token")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--seats", type=int, default=5)
    parser.add_argument("--same", type=int, default=32, help="clients with the same wish")
    parser.add_argument("--same-rounds", type=int, default=100)
    opt = parser.parse_args()
    call, run = Client(opt.base, opt.token), secrets.token_hex(4)

    def made(path: str, body: dict) -> dict:
        status, answer = call("POST", path, body)
        if status != 201:
            sys.exit(f"POST {path}: {status} {answer}")
        return answer

    term = made("/terms", {"code": f"R-{run}", "name": "Race", "starts_on": "2026-01-01", "ends_on": "2030-01-01"})["code"]
    students = [
        made("/students", {"number": f"R-{run}-{n}", "first_name": "Race", "last_name": str(n), "email": f"r{n}-{run}@school.example"})["id"]
        for n in range(max(opt.clients, opt.same))
    ]

    def course(number: int, capacity: int | None) -> int:
        return made("/courses", {"code": f"R{number}", "title": "Race", "term": term, "capacity": capacity})["id"]

    def at_once(pool: ThreadPoolExecutor, pairs: list[tuple[int, int]]) -> Counter:
        start = Barrier(len(pairs))

        def enroll(pair: tuple[int, int]) -> tuple[int, float]:
            start.wait(60)
            began = time.perf_counter()
            status, _answer = call("POST", "/enrollments", {"student_id": pair[0], "course_id": pair[1]})
            times.append(time.perf_counter() - began)
            return status

        return Counter(pool.map(enroll, pairs))

    wrong, statuses, times = 0, Counter(), []
    with ThreadPoolExecutor(opt.clients) as pool:
        for number in range(opt.rounds):
            raced = course(number, opt.seats)
            answers = at_once(pool, [(student, raced) for student in students[: opt.clients]])
            taken = call("GET", f"/courses/{raced}")[1]["seats"]["taken"]
            statuses += answers
            wrong += (answers[201], taken) != (opt.seats, opt.seats)
    _tell(f"{opt.clients} students for {opt.seats} seats", opt.rounds, wrong, statuses, times)

    wrong_same, statuses, times = 0, Counter(), []
    with ThreadPoolExecutor(opt.same) as pool:
        for number in range(opt.same_rounds):
            raced = course(opt.rounds + number, None)
            answers = at_once(pool, [(students[0], raced)] * opt.same)
            rows = len(call("GET", f"/enrollments?course={raced}")[1]["results"])
            statuses += answers
            wrong_same += (answers, rows) != (Counter({201: 1, 200: opt.same - 1}), 1)
    _tell(f"{opt.same} identical requests", opt.same_rounds, wrong_same, statuses, times)
    return int(bool(wrong or wrong_same))


def _tell(what: str, rounds: int, wrong: int, statuses: Counter, times: list[float]) -> None:
    times.sort()
    quick, slow = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99)) if times else (0, 0)
    print(f"{what}, {rounds} rounds: {wrong} wrong; answers {dict(sorted(statuses.items()))}; median {quick:.0f} ms, p99 {slow:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
