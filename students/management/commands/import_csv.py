"""manage.py import_csv: import a CSV file of one of KINDS."""

import gc
import json
import os
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils.translation import gettext as _

from core.history.actor import Door, record_changes_as
from core.history.reasons import IMPORTED
from core.imports.csv_reader import ImportRejected, RowErrors, open_csv
from courses.imports import import_courses, import_teachers, import_terms
from students.enrollment.transitions import Options
from students.imports import import_credit_limits, import_enrollments, import_students

KINDS: dict[str, Callable[[TextIO], Counter[str]]] = {
    "terms": import_terms,
    "teachers": import_teachers,
    "courses": import_courses,
    "students": import_students,
    "credit_limits": import_credit_limits,
    "enrollments": import_enrollments,
}


class Command(BaseCommand):
    # The system checks load all URLs and views, which an import does not need.
    requires_system_checks = []
    help = (
        "Imports a CSV file (UTF-8, the first line names the columns), whole or not at all. "
        "A file may be sent twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="what the lines of the file are")
        parser.add_argument("file", help="the file, or - for the standard input")
        parser.add_argument(
            "--on-full",
            choices=["refuse", "waitlist"],
            default="refuse",
            help="what to do where a course is full",
        )
        parser.add_argument(
            "--history",
            action="store_true",
            help="enrollments of the past: do not ask whether the term takes enrollments today",
        )
        parser.add_argument(
            "--skip-bad-lines",
            action="store_true",
            help="leave bad lines of courses or enrollments out, and take the others",
        )
        parser.add_argument(
            "--json", action="store_true", help="tell what became of the file as JSON"
        )

    def handle(self, *, kind: str, file: str, **options: Any) -> None:
        """Raises CommandError, with nothing written, where the file has bad lines.

        With --skip-bad-lines, only where it cannot be read at all.
        """
        skipped = RowErrors() if options["skip_bad_lines"] else None
        run_import = _choose_import(kind, skipped, **options)
        name = _("standard input") if file == "-" else _printable(Path(file).name)
        try:
            with (
                open_csv(file) as text,
                record_changes_as(Door.IMPORT, reason=IMPORTED % name),
                garbage_collection_off(),
            ):
                counts = run_import(text)
        except OSError as error:
            raise CommandError(
                _("%(file)s cannot be read: %(reason)s")
                % {"file": _printable(file), "reason": error.strerror}
            ) from error
        except OperationalError as error:
            raise CommandError(
                _("The database is away or busy. Nothing was imported: %s") % error
            ) from error
        except ImportRejected as error:
            self._report(kind, Counter(), error.errors, as_json=options["json"])
            raise CommandError(
                _("Nothing was imported. Bad lines: %d.") % len(error.errors.lines)
            ) from error
        self._report(kind, counts, skipped or RowErrors(), as_json=options["json"])

    def _report(self, kind: str, counts: Counter[str], errors: RowErrors, *, as_json: bool) -> None:
        if as_json:
            report = {
                "kind": kind,
                "outcomes": counts,
                "bad_lines": len(errors.lines),
                "faults": [fault._asdict() for fault in sorted(errors.listed)],
            }
            self.stdout.write(json.dumps(report))
            return
        for line in errors.report():
            self.stderr.write(line)
        if counts or not errors:
            totals = [f"{count} {outcome}" for outcome, count in counts.items()]
            self.stdout.write(f"{kind}: {', '.join(totals) or _('no lines')}")


def _printable(name: str) -> str:
    """A file name, whose bytes that are not UTF-8 Python has read as surrogates."""
    return os.fsencode(name).decode("utf-8", "replace")


@contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Switch the garbage collector off. It takes a third of an import's time, and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _choose_import(
    kind: str, skipped: RowErrors | None, *, history: bool, on_full: str, **_options: Any
) -> Callable[[TextIO], Counter[str]]:
    if kind == "enrollments":
        return partial(
            import_enrollments,
            options=Options(waitlist=on_full == "waitlist", check_window=not history),
            skipped=skipped,
        )
    if history or on_full != "refuse":
        option = "--history" if history else "--on-full"
        raise CommandError(_("%s is for enrollments only.") % option)
    if kind == "courses":
        return partial(import_courses, skipped=skipped)
    if skipped is not None:
        raise CommandError(_("%s is for courses and enrollments only.") % "--skip-bad-lines")
    return KINDS[kind]
