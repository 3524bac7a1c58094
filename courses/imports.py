"""Imports terms and courses from CSV files."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TextIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

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
        [
            "section",
            "description",
            "credits",
            "starts_on",
            "ends_on",
            "prerequisites",
            "is_open",
            "repeatable",
        ],
    )
    terms = dict(Term.objects.values_list("code", "pk"))
    return CourseImporter(
        Course,
        ["term_id", "code", "section"],
        file,
        *columns,
        links={"term_code": ("term_id", terms)},
    ).write()


class CourseImporter(CsvImporter[Course]):
    """The courses of a file.

    Their prerequisites must exist, in the file or in the database, and must not form a cycle.
    Without the column `section`, a line means the only course of its code in the term.
    """

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        if "section" not in self.names:
            self._check_only_section()
        self._check_prerequisites()

    def check_values(self, row: Course, line: int) -> None:
        super().check_values(row, line)
        if (row.starts_on is None) != (row.ends_on is None):
            row.term = self._terms[row.term_id]
        try:
            row.check_dates()
        except ValidationError as error:
            [column] = error.message_dict
            self.errors.add(line, error, column, str(getattr(row, column)))

    @cached_property
    def _terms(self) -> dict[int, Term]:
        return Term.objects.in_bulk()

    def _check_only_section(self) -> None:
        """Add an error for each line whose code has several sections in the term."""
        sections: dict[Key, list[str]] = {}
        courses = Course.objects.order_by("section").values_list("term_id", "code", "section")
        for term, code, section in courses.iterator():
            sections.setdefault((term, code), []).append(section)
        for key, (line, _values) in self.rows.items():
            if len(sections.get(key, ())) > 1:
                self.errors.add(line, several_sections(sections[key]), "code", key[1])

    def _check_prerequisites(self) -> None:
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
            self._check_prerequisites()

    def _get_prerequisites(self, values: Key) -> list[str]:
        """The prerequisites in the values of a line; none if the file has no such column."""
        return values[self.names.index("prerequisites")] if "prerequisites" in self.names else []

    @cached_property
    def _earlier_prerequisites(self) -> dict[Key, list[str]]:
        """The prerequisites of the courses before the import, by key.

        A course may keep prerequisites whose course has been deleted or has a new code.
        """
        courses = Course.objects.exclude(prerequisites=[])
        rows = courses.values_list(*self.key, "prerequisites").iterator()
        return {tuple(key): prerequisites for *key, prerequisites in rows}

    def _get_prerequisites_by_code(self) -> dict[str, set[str]]:
        """The prerequisites after the import, by course code, of all terms together."""
        rows = Course.objects.values_list(*self.key, "prerequisites").iterator()
        prerequisites: dict[Key, list[str]] = {tuple(key): codes for *key, codes in rows}
        if "prerequisites" in self.names:
            for key, (_line, values) in self.rows.items():
                prerequisites[key] = self._get_prerequisites(values)
        by_code: dict[str, set[str]] = {}
        for (_term, code, *_section), codes in prerequisites.items():
            by_code.setdefault(code, set()).update(codes)
        return by_code


def several_sections(sections: Iterable[str]) -> ValidationError:
    """The error of a line that names a code, but not which of its `sections`."""
    names = ", ".join(section or _("(none)") for section in sections)
    return ValidationError(
        _("This term has several sections of this course: %(sections)s. Name one of them."),
        code="ambiguous",
        params={"sections": names},
    )
