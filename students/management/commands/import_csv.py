"""manage.py import_csv: bring terms, courses, students and enrollments in from CSV files, each file whole or not at all."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils.translation import gettext as _

from courses.history import Door, acting
from courses.imports import import_courses, import_terms
from courses.reasons import IMPORTED
from courses.sheets import Rejected, opened
from students.enrollments import Options
from students.imports import import_enrollments, import_students

KINDS: dict[str, Callable[[TextIO], Counter[str]]] = {
    "terms": import_terms,
    "courses": import_courses,
    "students": import_students,
    "enrollments": import_enrollments,
}


class Command(BaseCommand):
    help = "Imports a CSV file (UTF-8, the first line names the columns), whole or not at all. A file may be sent twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="what the lines of the file are")
        parser.add_argument("file", help="the file, or - for the standard input")
        parser.add_argument("--on-full", choices=["refuse", "waitlist"], default="refuse", help="what to do where a course is full")
        parser.add_argument("--history", action="store_true", help="enrollments of the past: do not ask whether the term takes enrollments today")

    def handle(self, *, kind: str, file: str, history: bool, on_full: str, **_options: Any) -> None:
        """Raises CommandError, with nothing written, for a file that is not sound to the last line."""
        if history and kind != "enrollments":
            raise CommandError(_("--history is for enrollments only."))
        if on_full != "refuse" and kind != "enrollments":
            raise CommandError(_("--on-full is for enrollments only."))
        options = Options(waitlist=on_full == "waitlist", ask_window=not history)
        load = partial(import_enrollments, options=options) if kind == "enrollments" else KINDS[kind]
        name = _("standard input") if file == "-" else Path(file).name
        try:
            with opened(file) as text, acting(Door.IMPORT, reason=IMPORTED % name):
                counts = load(text)
        except OSError as error:
            raise CommandError(_("%(file)s cannot be read: %(reason)s") % {"file": file, "reason": error.strerror}) from error
        except OperationalError as error:
            raise CommandError(_("The database is away or busy. Nothing was imported: %s") % error) from error
        except Rejected as error:
            for line in error.faults.report():
                self.stderr.write(line)
            raise CommandError(_("Nothing was imported. Bad lines: %d.") % len(error.faults.lines)) from error
        self.stdout.write(f"{kind}: {', '.join(f'{count} {outcome}' for outcome, count in counts.items()) or _('no lines')}")
