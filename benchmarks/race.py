#!/usr/bin/env python3
"""Races for the last seats, and identical requests at the same time, on a running server.

    python benchmarks/race.py http://127.0.0.1:8000 TOKEN [--rounds 200] [--clients 60] [--seats 5]

The token is a registrar's. Only the standard library is needed. The exit status is 1 if a race went
wrong.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from calls import Client, School, Times, tell


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
    call = Client(opt.base, opt.token)
    school = School(call, max(opt.clients, opt.same))

    def at_once(pool: ThreadPoolExecutor, pairs: list[tuple[int, int]]) -> Counter:
        start = Barrier(len(pairs))

        def enroll(pair: tuple[int, int]) -> int:
            start.wait(60)
            status, _answer = times(
                call, "POST", "/enrollments", {"student_id": pair[0], "course_id": pair[1]}
            )
            return status

        return Counter(pool.map(enroll, pairs))

    wrong, statuses, times = 0, Counter(), Times()
    with ThreadPoolExecutor(opt.clients) as pool:
        for _ in range(opt.rounds):
            raced = school.course(opt.seats)
            answers = at_once(
                pool, [(student, raced) for student in school.students[: opt.clients]]
            )
            taken = call("GET", f"/courses/{raced}")[1]["seats"]["taken"]
            statuses += answers
            wrong += (answers[201], taken) != (opt.seats, opt.seats)
    tell(f"{opt.clients} students for {opt.seats} seats", opt.rounds, wrong, statuses, times)

    wrong_same, statuses, times = 0, Counter(), Times()
    with ThreadPoolExecutor(opt.same) as pool:
        for _ in range(opt.same_rounds):
            raced = school.course(None)
            answers = at_once(pool, [(school.students[0], raced)] * opt.same)
            rows = len(call("GET", f"/enrollments?course={raced}")[1]["results"])
            statuses += answers
            wrong_same += (answers, rows) != (Counter({201: 1, 200: opt.same - 1}), 1)
    tell(f"{opt.same} identical requests", opt.same_rounds, wrong_same, statuses, times)
    return int(bool(wrong or wrong_same))


if __name__ == "__main__":
    sys.exit(main())
