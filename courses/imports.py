"""Imports terms and courses from CSV files."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TextIO

from django.core.exceptions import ValidationError

from core.imports.importer import CsvImporter, Key
from courses.models import Course, Term
from courses.prerequisites import check_cycle, check_known, lock_prerequisites


def import_terms(file: TextIO) -> Counter[str]:
    """Create and change the terms of `file`. Returns how many of each; raises ImportRejected."""
    columns = (
        ["code", "name", "starts_on", "ends_on"],
        ["enrollment_opens_on", "enrollment_closes_on"],
    )
    return CsvImporter(Term, ["code"], file, *columns).write()


def import_courses(file: TextIO) -> Counter[str]:
    """Create and change the courses of `file`. Returns how many of each; raises ImportRejected."""
    columns = (
        ["term_code", "code", "title", "capacity"],
        ["description", "credits", "prerequisites", "is_open"],
    )
    terms = dict(Term.objects.values_list("code", "pk"))
    return CourseImporter(
        Course, ["term_id", "code"], file, *columns, links={"term_code": ("term_id", terms)}
    ).write()


class CourseImporter(CsvImporter[Course]):
    """The courses of a file.

    Their prerequisites must exist, in the file or in the database, and must not form a cycle.
    """

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        prerequisites_by_code = self._get_prerequisites_by_code()
        for key, (line, values) in self.rows.items():
            prerequisites = self._get_prerequisites(values)
            if not prerequisites:
                continue
            known = {*prerequisites_by_code, *self._earlier_prerequisites.get(key, ())}
            try:
                check_known(prerequisites, known)
            except ValidationError as error:
                self.errors.add(line, error, "prerequisites", ", ".join(prerequisites))
            try:
                check_cycle(key[1], prerequisites_by_code)
            except ValidationError as error:
                self.errors.add(line, error, "prerequisites", ", ".join(prerequisites))

    def check_written_rows(self) -> None:
        if any(self._get_prerequisites(values) for _line, values in self.rows.values()):
            lock_prerequisites()
            self.check_rows({})

    def _get_prerequisites(self, values: Key) -> list[str]:
        """The prerequisites in the values of a line; none if the file has no such column."""
        return values[self.names.index("prerequisites")] if "prerequisites" in self.names else []

    @cached_property
    def _earlier_prerequisites(self) -> dict[Key, list[str]]:
        """The prerequisites of the courses before the import, by key.

        A course may keep prerequisites whose course has been deleted or has a new code.
        """
        courses = Course.objects.exclude(prerequisites=[])
        rows = courses.values_list("term_id", "code", "prerequisites").iterator()
        return {(term, code): prerequisites for term, code, prerequisites in rows}

    def _get_prerequisites_by_code(self) -> dict[str, set[str]]:
        """The prerequisites after the import, by course code, of all terms together."""
        rows = Course.objects.values_list("term_id", "code", "prerequisites").iterator()
        prerequisites = {(term, code): codes for term, code, codes in rows}
        if "prerequisites" in self.names:
            for key, (_line, values) in self.rows.items():
                prerequisites[key] = self._get_prerequisites(values)
        by_code: dict[str, set[str]] = {}
        for (_term, code), codes in prerequisites.items():
            by_code.setdefault(code, set()).update(codes)
        return by_code
