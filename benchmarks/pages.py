#!/usr/bin/env python3
"""Measures pages in a school of any size: CPU milliseconds of Python and of PostgreSQL.

    export DATABASE_URL=postgresql://...
    .venv/bin/python manage.py migrate
    .venv/bin/python manage.py createcachetable
    .venv/bin/python manage.py collectstatic
    .venv/bin/python benchmarks/pages.py fill 1000000 2000
    .venv/bin/python benchmarks/pages.py measure 15

`fill` makes students (at least 1,500) and courses, which takes some minutes. `measure` prints the
best of so many rounds; `measure 15 /admin/` measures only pages whose path contains "/admin/".
PostgreSQL must run on the same Linux machine, because its CPU time is read from /proc.
"""

import os
import sys
import time
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "school.settings"

import django
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from faker.providers.person import de_DE, en_US

from core.db.search_migrations import fill_derived_fields

SOUGHT = ["school", "m", "ma", "smith", "mary", "mary+wil", "S0001234", "zzz"]
PAGES = [
    *(
        f"/{page}"
        for page in (
            "",
            "?q=mary",
            "?q=mary+wil",
            "terms/",
            "terms/new/",
            "terms/T10/edit/",
            "tokens/",
            "api/docs/",
        )
    ),
    *(
        f"/students/{page}"
        for page in ("", "new/", "?is_active=false", *(f"?q={text}" for text in SOUGHT))
    ),
    *(
        f"/students/{{s}}/{page}"
        for page in (
            "",
            "?as_of=2020-01-01T00:00",
            "edit/",
            "courses/",
            "courses/?q=bio",
            "courses/{c}/withdraw/",
        )
    ),
    *(f"/courses/{page}" for page in ("", "new/", "?q=bio", "?term=T10", "?has_seats=true")),
    *(
        f"/courses/{{c}}/{page}"
        for page in (
            "",
            "?status=waitlisted",
            "?q=m",
            "?q=mary",
            "?as_of=2020-01-01T00:00",
            "edit/",
            "students/",
            "students/?q=mary+wil",
        )
    ),
    *(
        f"/courses/{page}"
        for page in ("{c}/withdraw/?students={s}", "{c}/sheet/", "{c}/roster.csv", "{f}/sheet/")
    ),
    *(
        f"/admin/{page}"
        for page in (
            "",
            "auth/user/",
            "auth/group/",
            "knox/authtoken/",
            "accounts/accesschange/",
            "courses/term/",
            "courses/term/{t}/change/",
        )
    ),
    *(
        f"/admin/students/student/{page}"
        for page in (
            "",
            "?q=m",
            "?term=T10",
            "?term=T10&q=m",
            "add/",
            "{s}/change/",
            "{s}/history/",
            "{s}/delete/",
        )
    ),
    *(
        f"/admin/students/enrollment/{page}"
        for page in (
            "",
            "?course__term__id__exact={t}",
            "?in_course=full-7",
            "add/",
            "{e}/change/",
            "{e}/history/",
        )
    ),
    *(
        f"/admin/students/enrollment/?q={text}"
        for text in ("m", "mary", "smith", "mary+wil", "bio+m", "m+j")
    ),
    *(
        f"/admin/courses/course/{page}"
        for page in (
            "",
            "?seats=left",
            "?seats=full",
            "?seats=over",
            "?o=4",
            "add/",
            "{c}/change/",
            "{c}/history/",
            "{c}/delete/",
        )
    ),
    *(
        f"/admin/autocomplete/?app_label=students&model_name=enrollment&field_name={page}"
        for page in ("student&term=m", "course&term=bio")
    ),
]


def main(action: str, number: str, more: str = "") -> None:
    django.setup()
    fill(int(number), int(more)) if action == "fill" else measure(int(number), more)


def fill(students: int, courses: int) -> None:
    with connection.cursor() as cursor:
        for table, names in {
            "first": {**en_US.Provider.first_names},
            "last": weighted_last_names(),
        }.items():
            cursor.execute(f"CREATE TEMP TABLE {table} (name text, upto float8 PRIMARY KEY)")
            shares = [upto / sum(names.values()) for upto in accumulate(names.values())]
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in zip(names, [*shares[:-1], 1], strict=True):
                    copy.write_row(row)
        cursor.execute(
            Path(__file__).with_suffix(".sql").read_text(),
            {"students": students, "courses": courses},
        )
        for name in ("students.Student", "courses.Course", "courses.Term"):
            fill_derived_fields(apps.get_model(name))
        cursor.execute("VACUUM (ANALYZE)")


def weighted_last_names() -> Mapping[str, float]:
    """Return names: American ones by their frequency, and for a fifth common German ones."""
    american, german = en_US.Provider.last_names, list(dict.fromkeys(de_DE.Provider.last_names))
    share = 0.25 * sum(american.values()) / len(german)
    return {
        name: american.get(name, 0) + (share if name in german else 0)
        for name in [*american, *german]
    }


def measure(rounds: int, only: str = "") -> None:
    """Print the best of `rounds` for each page whose path contains `only`."""
    client = Client(SERVER_NAME="localhost")
    user, course, term, enrollment = (
        apps.get_model(name).objects
        for name in ("auth.User", "courses.Course", "courses.Term", "students.Enrollment")
    )
    client.force_login(user.get(pk=1))
    some = enrollment.filter(course__code="EVEN").order_by("pk")[700]
    rows = {
        "s": some.student_id,
        "e": some.pk,
        "c": some.course_id,
        "f": course.get(code="FULL-60").pk,
        "t": term.get(code="T10").pk,
    }
    cache.clear()
    for page in (page for page in PAGES if only in page):
        path = page.format(**rows)
        best = min((cost(client, path) for _ in range(rounds + 1)), key=sum)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path, secure=True)
        size = len(answer.content) / 1000
        print(
            f"{sum(best):7.1f} = {best[0]:5.1f} + {best[1]:6.1f} ms {len(queries):3} queries "
            f"{size:6.1f} KB {answer.status_code} {path}"
        )


def cost(client: Client, path: str) -> tuple[float, float]:
    before = used()
    client.get(path, secure=True)
    here, there = (after - at for after, at in zip(used(), before, strict=True))
    return here, there


def used() -> tuple[float, float]:
    """Return CPU milliseconds so far: of this process and of the connection's server process."""
    connection.ensure_connection()
    nanoseconds = (
        Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()[0]
    )
    return time.process_time() * 1000, int(nanoseconds) / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
