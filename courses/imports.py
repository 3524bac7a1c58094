"""Imports terms, teachers and courses from CSV files."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TextIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.imports.importer import CellParser, CsvImporter, Key
from core.imports.people import PeopleImporter
from core.text import clean_line
from courses.models import Course, Teacher, Term
from courses.prerequisites import check_cycle, check_known, lock_prerequisites
from courses.teaching import Assignment, set_teachers


def import_terms(file: TextIO) -> Counter[str]:
    """Create and change the terms of `file`. Returns how many of each; raises ImportRejected."""
    columns = (
        ["code", "name", "starts_on", "ends_on"],
        ["enrollment_opens_on", "enrollment_closes_on", "max_credits"],
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
            "teachers",
            "meetings",
        ],
    )
    terms = dict(Term.objects.values_list("code", "pk"))
    teachers = dict(Teacher.objects.order_by().values_list("number", "pk"))
    return CourseImporter(
        Course,
        ["term_id", "code", "section"],
        file,
        *columns,
        links={"term_code": ("term_id", terms)},
        related={"teachers": teachers_parser(teachers)},
    ).write()


def import_teachers(file: TextIO) -> Counter[str]:
    """Create and change the teachers of `file`. Returns how many of each; raises ImportRejected."""
    columns = ["number", "first_name", "last_name"], ["email", "is_active"]
    return TeacherImporter(Teacher, ["number"], file, *columns).write()


def teachers_parser(ids: Mapping[str, int]) -> CellParser:
    """A function from the numbers of teachers, separated by semicolons, to their `ids`.

    It raises ValidationError.
    """

    def parse(text: str) -> tuple[int, ...]:
        numbers = [clean_line(part.strip()) for part in text.split(";") if part.strip()]
        for index, number in enumerate(numbers):
            if number not in ids:
                raise ValidationError(
                    _("There is no teacher with the number “%s”.") % number, code="not_found"
                )
            if number in numbers[:index]:
                raise ValidationError(_("This teacher is named twice."), code="repeated")
        return tuple(ids[number] for number in numbers)

    return parse


class TeacherImporter(PeopleImporter[Teacher]):
    """The teachers of a file."""

    def get_taken_message(self, number: str) -> str:
        return _("Teacher %s has this email already.") % number


class CourseImporter(CsvImporter[Course]):
    """The courses of a file.

    Their prerequisites must exist, in the file or in the database, and must not form a cycle.
    Without the column `section`, a line means the only course of its code in the term. The first
    of the column `teachers` is the primary one.
    """

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        if "section" not in self.names:
            self._check_only_section()
        self._check_prerequisites()

    def write_related(self, rows: Mapping[Key, Course]) -> set[Key]:
        if "teachers" not in self.names:
            return set()
        position = self.names.index("teachers")
        assignments = {}
        for key, row in rows.items():
            # The key of a row may have changed since its id was read.
            if key in self.rows:
                ids = self.rows[key][1][position]
                assignments[row.pk] = [Assignment(pk, pk == ids[0]) for pk in ids]
        changed = set_teachers(assignments)
        return {key for key, row in rows.items() if row.pk in changed}

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
    return ValidationError(
        _("This term has several sections of this course: %(sections)s. Name one of them."),
        code="ambiguous",
        params={"sections": _join_sections(sections)},
    )


def unknown_section(sections: Iterable[str]) -> ValidationError:
    """The error of a line that names none of the `sections` of a course."""
    return ValidationError(
        _("This term has no such section of this course. It has: %(sections)s."),
        code="not_found",
        params={"sections": _join_sections(sections)},
    )


def _join_sections(sections: Iterable[str]) -> str:
    return ", ".join(section or _("(none)") for section in sections)
