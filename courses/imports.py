"""Terms and courses from CSV files."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TextIO

from django.core.exceptions import ValidationError

from core.imports.importer import CsvImporter, Key
from courses.models import Course, Term
from courses.prerequisites import check_cycle, check_known, lock_prerequisites


def import_terms(file: TextIO) -> Counter[str]:
    """Make the terms of `file` and change those that are there. Answers how many. Raises Rejected."""
    columns = (
        ["code", "name", "starts_on", "ends_on"],
        ["enrollment_opens_on", "enrollment_closes_on"],
    )
    return CsvImporter(Term, ["code"], file, *columns).write()


def import_courses(file: TextIO) -> Counter[str]:
    """Make the courses of `file` and change those that are there. Answers how many. Raises Rejected."""
    columns = (
        ["term_code", "code", "title", "capacity"],
        ["description", "credits", "prerequisites", "is_open"],
    )
    terms = dict(Term.objects.values_list("code", "pk"))
    return Courses(
        Course, ["term_id", "code"], file, *columns, links={"term_code": ("term_id", terms)}
    ).write()


class Courses(CsvImporter[Course]):
    """Courses of a file; what one asks for is there or in the file, and does not lead back to it."""

    def check(self, ids: Mapping[Key, int]) -> None:
        wanted = self._wanted()
        for key, (line, values) in self.rows.items():
            known = {*wanted, *self._asked_before.get(key, ())}
            for check in (
                partial(check_known, self._asked(values), known),
                partial(check_cycle, key[1], wanted),
            ):
                try:
                    if self._asked(values):
                        check()
                except ValidationError as error:
                    self.errors.add(line, error, "prerequisites", ", ".join(self._asked(values)))

    def check_again(self) -> None:
        if any(self._asked(values) for _line, values in self.rows.values()):
            lock_prerequisites()
            self.check({})

    def _asked(self, values: Key) -> list[str]:
        return values[self.names.index("prerequisites")] if "prerequisites" in self.names else []

    @cached_property
    def _asked_before(self) -> dict[Key, list[str]]:
        """The codes that courses asked for before anything was written: those may be gone by now."""
        asking = Course.objects.exclude(prerequisites=[]).values_list(
            "term_id", "code", "prerequisites"
        )
        return {(term, code): codes for term, code, codes in asking.iterator()}

    def _wanted(self) -> dict[str, set[str]]:
        """The codes that each course will ask for, in any term, by its code."""
        asked = {
            (term, code): codes
            for term, code, codes in Course.objects.values_list(
                "term_id", "code", "prerequisites"
            ).iterator()
        }
        if "prerequisites" in self.names:
            asked |= {key: self._asked(values) for key, (_line, values) in self.rows.items()}
        wanted: dict[str, set[str]] = {}
        for (_term, code), codes in asked.items():
            wanted.setdefault(code, set()).update(codes)
        return wanted
