#!/usr/bin/env python3
"""Measures imports and requests, by one client and by many, on the database of DATABASE_URL.

The database must be empty.

    DATABASE_URL=sqlite:////tmp/bench.sqlite3 python benchmarks/databases.py
    POSTGRES_SETTINGS="fsync=on synchronous_commit=on" \\
        python -m tests.with_postgres .venv/bin/python benchmarks/databases.py
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from calls import Client, Times

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
STUDENTS, COURSES, EACH = 10_000, 200, 6
PORT, SECONDS, MANY = 8765, 4, 16
ENVIRONMENT = {
    **os.environ,
    "HTTPS": "off",
    "SECRET_KEY": "only-for-the-benchmark-" * 3,
    "SCHOOL_PASSWORD": "only-for-the-benchmark",
    "LOG_LEVEL": "CRITICAL",
}


def manage(*words: str) -> str:
    return subprocess.run(
        [PYTHON, "manage.py", *words],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=True,
        text=True,
        capture_output=True,
    ).stdout


def sheets() -> Iterator[tuple[str, list[str]]]:
    yield "terms", ["code,name,starts_on,ends_on", "T,Term,2020-01-01,2040-01-01"]
    yield (
        "courses",
        [
            "term_code,code,title,capacity",
            *(
                f"T,C{course},Course {course},{'' if course % 2 else 100_000}"
                for course in range(COURSES)
            ),
        ],
    )
    people = (
        f"S{number},First{number % 300},Last{number % 4_000},s{number}@school.example"
        for number in range(STUDENTS)
    )
    yield "students", ["number,first_name,last_name,email", *people]
    pairs = (
        f"S{number},T,C{(number * 7 + course * 31) % COURSES}"
        for number in range(STUDENTS)
        for course in range(EACH)
    )
    yield "enrollments", ["student_number,term_code,course_code", *pairs]


def fill() -> None:
    manage("migrate", "-v0")
    for kind, lines in sheets():
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("\n".join(lines))
            file.flush()
            began = time.perf_counter()
            manage("import_csv", kind, file.name)
            print(f"import of {len(lines) - 1} {kind}: {time.perf_counter() - began:.1f} s")


def work(students: list[int], courses: list[int]) -> dict[str, Callable[[], tuple[object, ...]]]:
    """Return the measured requests by name: method, path and body."""
    some, student = random.sample, lambda: random.choice(students)
    return {
        "student with courses": lambda: ("GET", f"/students/{student()}"),
        "list of 50": lambda: ("GET", "/students"),
        "search": lambda: ("GET", f"/students?search=last{random.randrange(4_000)}"),
        "roster": lambda: ("GET", f"/courses/{random.choice(courses)}/students"),
        "enroll one": lambda: (
            "POST",
            "/enrollments",
            {"student_id": student(), "course_id": random.choice(courses)},
        ),
        "set of 20 replaced": lambda: (
            "PUT",
            f"/students/{student()}/courses",
            {"course_ids": some(courses, 20)},
        ),
    }


def measure(call: Client, ask: Callable[[], tuple[object, ...]], clients: int) -> str:
    times, wrong, end = Times(), [], time.monotonic() + SECONDS

    def go_on(_number: int) -> None:
        while time.monotonic() < end:
            status, answer = times(call, *ask())
            if status >= 400:
                wrong.append((status, answer))

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(go_on, range(clients)))
    return f"{len(times.taken) / SECONDS:6.0f} requests/s, {times}, {len(wrong)} wrong"


def wait() -> None:
    """Wait until the server answers."""
    for _attempt in range(120):
        try:
            with socket.create_connection(("127.0.0.1", PORT)):
                return
        except OSError:
            time.sleep(0.5)


def main() -> None:
    fill()
    token = manage("add_user", "bench", "--role", "registrar", "--token").split()[-1]
    command = [
        PYTHON,
        "-m",
        "granian",
        "--interface",
        "asginl",
        "--port",
        str(PORT),
        "--workers",
        "2",
        "--no-log",
        "--workers-kill-timeout",
        "5",
    ]
    with subprocess.Popen(
        [*command, "school.asgi:application"], cwd=ROOT, env=ENVIRONMENT
    ) as server:
        try:
            wait()
            call = Client(f"http://127.0.0.1:{PORT}", token)
            students, courses = (
                [row["id"] for row in call("GET", f"/{kind}?limit=200")[1]["results"]]
                for kind in ("students", "courses")
            )
            for name, ask in work(students, courses).items():
                for clients in (1, MANY):
                    print(f"{name}, {clients} clients: {measure(call, ask, clients)}", flush=True)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
