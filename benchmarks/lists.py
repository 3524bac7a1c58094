#!/usr/bin/env python3
"""Sends lists of courses at the same time to a running server: no deadlock, no list half done.

    python benchmarks/lists.py http://127.0.0.1:8000 TOKEN
        [--rounds 300] [--clients 32] [--seats 12] [--database postgresql://...]

Each client sends 5 of 8 courses of its own student, shuffled, in one request. Some wait where a
course is full, some accept partial success, and half of them withdraw two courses at the same time.
The token is a registrar's. With the server's database, the deadlocks that PostgreSQL counted are
printed (this needs psycopg). The exit status is 1 if something went wrong.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from threading import Barrier

from calls import Client, School, Times, tell

COURSES, CHOSEN, GIVEN_BACK = 8, 5, 2


@dataclass
class Turn:
    """The requests and results of one client in one round."""

    statuses: list[int]
    # The student's courses according to the responses, with the outcome of each.
    told: dict[int, str]
    is_half: bool


def main() -> int:
    opt = _options()
    call, times, deadlocks = Client(opt.base, opt.token), Times(), _deadlocks(opt.database)
    school = School(call, opt.clients)
    courses = [school.course(opt.seats) for _ in range(COURSES)]
    start, statuses, wrong = Barrier(opt.clients), Counter(), []

    def turn(job: tuple[int, int]) -> Turn:
        number, student = job
        start.wait(120)
        return _turn(call, times, Random(number * 1000 + student), student, courses)

    def leave(student: int) -> int:
        return call("PUT", f"/students/{student}/courses", {"course_ids": []})[0]

    with ThreadPoolExecutor(opt.clients) as pool:
        for number in range(opt.rounds):
            jobs = [(number, student) for student in school.students]
            turns = dict(zip(school.students, pool.map(turn, jobs), strict=True))
            wrong += _wrongs(call, turns, courses, opt.seats)
            left = list(pool.map(leave, school.students))
            statuses.update(status for one in turns.values() for status in one.statuses)
            statuses.update(left)
    failed = sum(number for status, number in statuses.items() if status not in (200, 201, 409))
    tell(
        f"{opt.clients} students for {CHOSEN} of {COURSES} courses of {opt.seats} seats",
        opt.rounds,
        len(wrong) + failed,
        statuses,
        times,
    )
    print(*wrong[:20], sep="\n")
    found = _deadlocks(opt.database) - deadlocks
    print(f"deadlocks: {found}" if opt.database else "")
    return int(bool(wrong or failed or found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("token")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seats", type=int, default=12)
    parser.add_argument("--database")
    return parser.parse_args()


def _turn(call: Client, times: Times, random: Random, student: int, courses: list[int]) -> Turn:
    atomic, on_full = random.random() < 0.7, random.choice(["refuse", "waitlist"])
    body = {"course_ids": random.sample(courses, CHOSEN), "on_full": on_full, "atomic": atomic}
    status, answer = times(call, "POST", f"/students/{student}/courses", body)
    outcomes = answer["outcomes"] if status < 400 else []
    told = {item["course_id"]: item["outcome"] for item in outcomes if item["outcome"] != "refused"}
    turn = Turn([status], told, is_half=atomic and len(told) not in (0, CHOSEN))
    if told and random.random() < 0.5:
        back = list(told)[:GIVEN_BACK]
        turn.statuses.append(call("PATCH", f"/students/{student}/courses", {"remove": back})[0])
        turn.told = {course: outcome for course, outcome in told.items() if course not in back}
    return turn


def _wrongs(call: Client, turns: dict[int, Turn], courses: list[int], seats: int) -> list[str]:
    """Return the errors of a round: seats sold twice, free seats with waiters, half-done lists."""
    found: list[str] = []
    held: dict[int, dict[int, str]] = {student: {} for student in turns}
    for course in courses:
        roster = call("GET", f"/courses/{course}/students?limit=200")[1]["results"]
        for row in roster:
            held[row["id"]][course] = row["status"]
        taken = sum(row["status"] == "active" for row in roster)
        if taken > seats or taken < min(seats, len(roster)):
            found.append(
                f"course {course}: {taken} of {seats} seats are taken, {len(roster) - taken} wait"
            )
    for student, turn in turns.items():
        seated = {course for course, outcome in turn.told.items() if outcome != "waitlisted"}
        kept = {course for course, status in held[student].items() if status == "active"}
        if turn.is_half or held[student].keys() != turn.told.keys() or not seated <= kept:
            found.append(f"student {student} was told {turn.told} and has {held[student]}")
    return found


def _deadlocks(database: str | None) -> int:
    """Return the number of deadlocks that PostgreSQL has counted."""
    if not database:
        return 0
    import psycopg

    # PostgreSQL publishes its statistics within a second.
    time.sleep(2)
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()[0]


if __name__ == "__main__":
    sys.exit(main())
