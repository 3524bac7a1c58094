#!/usr/bin/env python3
"""Imports a file for the comparison with other products.

The file on the standard input has ids, which become numbers and codes. The output has the counts of
outcomes in the form that the comparison expects.
"""

import io
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    out = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("student_number,term_code,course_code\n")
        next(sys.stdin)
        for line in sys.stdin:
            student, course = line.rstrip().split(",")
            file.write(f"S{student},T,C{course:0>6}\n")
        file.flush()
        call_command(
            "import_csv", "enrollments", file.name, "--skip-bad-lines", "--json", stdout=out
        )
    told = json.loads(out.getvalue())
    repeated = Counter(fault["code"] for fault in told["faults"])["repeated"]
    counts = {
        "created": told["outcomes"]["created"],
        "duplicate": repeated,
        "rejected": told["bad_lines"] - repeated,
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
