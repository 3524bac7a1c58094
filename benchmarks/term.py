#!/usr/bin/env python3
"""Imports a made-up term of a university into an empty, migrated database, and times each file.

    DATABASE_URL=sqlite:////tmp/term.sqlite3 .venv/bin/python benchmarks/term.py

Three of four sections belong to codes with several sections, and one code in ten is popular: in
each of its sections some students wait.
"""

import csv
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

KINDS = ["terms", "teachers", "courses", "students", "enrollments"]
SECTIONS_OF_A_CODE = 4
SEATS = 5
WAITING = 6
COURSES_OF_A_STUDENT = 4
# One code in this many is popular.
POPULAR = 10


def write_files(folder: Path, sections: int) -> None:
    """Write a CSV file for each of KINDS into `folder`."""
    offered = list(_sections(sections))
    enrollments = _enrollments(offered)
    students = sorted({number for number, *_section in enrollments})
    rows: dict[str, list[list[Any]]] = {
        "terms": [
            ["code", "name", "starts_on", "ends_on"],
            ["T", "A term", "2031-09-01", "2031-12-20"],
        ],
        "teachers": [
            ["number", "first_name", "last_name", "email"],
            *([f"P{n}", "Ada", f"Teacher{n}", f"p{n}@school.example"] for n in range(sections + 1)),
        ],
        "courses": [
            ["term_code", "code", "section", "title", "capacity", "credits", "teachers"],
            *(
                ["T", code, section, f"Title of {code}", SEATS, 4, f"P{n}; P{n // 2}"]
                for n, (code, section, _is_popular) in enumerate(offered, start=1)
            ),
        ],
        "students": [
            ["number", "first_name", "last_name", "email"],
            *([number, "Ann", f"Lee{number}", f"{number}@school.example"] for number in students),
        ],
        "enrollments": [["student_number", "term_code", "course_code", "section"], *enrollments],
    }
    for kind, lines in rows.items():
        with (folder / f"{kind}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(lines)


def _sections(number: int) -> Iterator[tuple[str, str, bool]]:
    """Code, section, and whether the code is popular."""
    code = 0
    while number:
        several = min(SECTIONS_OF_A_CODE if code % 4 else 1, number)
        for index in range(several):
            section = f"A{index + 1:02}" if several > 1 else ""
            yield f"C-{code:05}", section, code % POPULAR == 1
        number -= several
        code += 1


def _enrollments(offered: list[tuple[str, str, bool]]) -> list[list[str]]:
    """The lines of enrollments: more than the seats of popular sections, half those of others."""
    wanted = [
        (code, section)
        for code, section, is_popular in offered
        for _seat in range(SEATS + WAITING if is_popular else SEATS // 2)
    ]
    # One after the other, so that nobody takes two sections of one code.
    students = max(len(wanted) // COURSES_OF_A_STUDENT, SECTIONS_OF_A_CODE * (SEATS + WAITING))
    return [
        [f"S{number % students}", "T", code, section]
        for number, (code, section) in enumerate(wanted)
    ]


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")
    import django
    from django.core.management import call_command

    django.setup()
    sections = int(sys.argv[1]) if len(sys.argv) > 1 else 9_000
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), sections)
        for kind in KINDS:
            options = ["--on-full", "waitlist"] if kind == "enrollments" else []
            started, used = perf_counter(), process_time()
            call_command("import_csv", kind, f"{folder}/{kind}.csv", *options)
            seconds, of_cpu = perf_counter() - started, process_time() - used
            print(f"{kind}: {seconds:.1f} s, {of_cpu:.1f} s of them CPU of this process")


if __name__ == "__main__":
    main()
