#!/usr/bin/env python3
"""Prints the record of this checkout for a scale: `benchmarks/record.py small > record.toml`."""

import base64
import json
import sys
from pathlib import Path

STUDENTS = {"small": 10_000, "medium": 1_000_000}


def cursor(after: int) -> str:
    return (
        base64.urlsafe_b64encode(json.dumps([False, after], separators=(",", ":")).encode())
        .decode()
        .rstrip("=")
    )


def main(scale: str) -> None:
    folder = Path(__file__).resolve().parent
    deep = STUDENTS[scale] // 50 * 95 // 100
    text = (folder / "school.toml").read_text()
    for name, value in {
        "checkout": str(folder.parent),
        "second_page": cursor(50),
        "deep_page": cursor((deep - 1) * 50),
    }.items():
        text = text.replace("{" + name + "}", value)
    sys.stdout.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
