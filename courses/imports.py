"""Imports terms, teachers and courses from CSV files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import TextIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.imports.csv_reader import RowErrors
from core.imports.importer import CellParser, CsvImporter, Key
from core.imports.people import PeopleImporter
from core.text import clean_line
from courses.models import CODE_FIELDS, Course, Teacher, Term
from courses.prerequisites import (
    check_known,
    circular_error,
    find_unreachable,
    lock_prerequisites,
)
from courses.requirements import (
    Requirement,
    StoredRequirement,
    check_size,
    find_codes,
    format_requirements,
    read_requirements,
)
from courses.teaching import Assignment, set_teachers


def import_terms(file: TextIO) -> Counter[str]:
    """Create and change the terms of `file`. Returns how many of each; raises ImportRejected."""
    columns = (
        ["code", "name", "starts_on", "ends_on"],
        ["enrollment_opens_on", "enrollment_closes_on", "max_credits", "accepts_in_progress"],
    )
    return CsvImporter(Term, ["code"], file, *columns).write()


def import_courses(file: TextIO, skipped: RowErrors | None = None) -> Counter[str]:
    """Create and change the courses of `file`. Returns how many of each.

    Raises ImportRejected for bad lines; with `skipped`, they are added to it and left out instead.
    """
    columns = (
        ["term_code", "code", "title", "capacity"],
        [
            "section",
            "description",
            "credits",
            "starts_on",
            "ends_on",
            "prerequisites",
            "excludes",
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
        skipped=skipped,
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

    The courses that they require or exclude must exist, in the file or in the database.
    Prerequisites that nobody could ever meet are errors.
    Without the column `section`, a line means the only course of its code in the term. The first
    of the column `teachers` is the primary one.
    """

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        if "section" not in self.names:
            self._check_only_section()
        self._check_codes()
        self._check_reachable()

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

    def check_written_rows(self) -> None:
        if any(find_codes(values) for field in self._fields for values in self._get_all(field)):
            lock_prerequisites()
            self._check_codes()
            self._check_reachable()

    @cached_property
    def _fields(self) -> list[str]:
        """Those fields with codes of other courses that the file has as columns."""
        return [field for field in CODE_FIELDS if field in self.names]

    def _get_values(self, field: str, key: Key) -> list[StoredRequirement]:
        values: list[StoredRequirement] = self.rows[key][1][self.names.index(field)]
        return values

    def _get_all(self, field: str) -> Iterator[list[StoredRequirement]]:
        return (self._get_values(field, key) for key in self.rows)

    @cached_property
    def _earlier_values(self) -> dict[str, dict[Key, list[StoredRequirement]]]:
        """The values of the courses before the import: by field, by key."""
        courses = Course.objects.order_by().values_list(*self.key, *CODE_FIELDS)
        earlier: dict[str, dict[Key, list[StoredRequirement]]] = {name: {} for name in CODE_FIELDS}
        for row in courses.iterator():
            *key, prerequisites, excludes = row
            earlier["prerequisites"][tuple(key)] = prerequisites
            earlier["excludes"][tuple(key)] = excludes
        return earlier

    @cached_property
    def _codes_in_file(self) -> set[str]:
        """The codes of the file, also of lines that are left out later."""
        return {key[1] for key in self.rows}

    def _check_codes(self) -> None:
        """Add an error for each line with codes of no course, or with too many codes.

        What the saved course has already is valid.
        """
        if not self._fields:
            return
        codes = Course.objects.order_by().values_list("code", flat=True).distinct()
        known = {*codes.iterator(), *self._codes_in_file}
        for field in self._fields:
            for key, (line, _values) in self.rows.items():
                values = self._get_values(field, key)
                earlier = self._earlier_values[field].get(key, [])
                if values == earlier:
                    continue
                for check in (
                    partial(check_size, values, field),
                    partial(check_known, find_codes(values) - find_codes(earlier), known, field),
                ):
                    self._add_error_of(check, line, field, values)

    def _add_error_of(
        self,
        check: Callable[[], None],
        line: int,
        field: str,
        values: Iterable[StoredRequirement],
    ) -> None:
        try:
            check()
        except ValidationError as error:
            self.errors.add(line, error, field, format_requirements(values))

    def _check_reachable(self) -> None:
        """Add an error for each line with new prerequisites that nobody could ever meet.

        Where bad lines are left out, what is left is checked again.
        """
        if "prerequisites" not in self.names:
            return
        rows = Course.objects.order_by().values_list(*self.key, "prerequisites").iterator()
        saved = {tuple(key): values for *key, values in rows}
        if not self.skips:
            self._find_circles(saved)
            return
        self.drop_bad_rows()
        while self._find_circles(saved):
            self.drop_bad_rows()

    def _find_circles(self, saved: Mapping[Key, list[StoredRequirement]]) -> bool:
        """Add the errors, and return whether there are any.

        `saved` are the prerequisites of the courses in the database, by key.
        """
        catalogue = self._get_catalogue(saved)
        unreachable = find_unreachable(catalogue)
        found = False
        for key, (line, _values) in self.rows.items():
            values = self._get_values("prerequisites", key)
            is_changed = values != self._earlier_values["prerequisites"].get(key)
            if key[1] in unreachable and is_changed:
                error = circular_error(key[1], catalogue, unreachable)
                self.errors.add(line, error, "prerequisites", format_requirements(values))
                found = True
        return found

    def _get_catalogue(
        self, saved: Mapping[Key, list[StoredRequirement]]
    ) -> dict[str, list[list[Requirement]]]:
        """The prerequisites after the import of all offerings of each code."""
        catalogue: dict[str, list[list[Requirement]]] = {}
        in_file = {key: self._get_values("prerequisites", key) for key in self.rows}
        for (_term, code, *_section), values in {**saved, **in_file}.items():
            catalogue.setdefault(code, []).append(read_requirements(values))
        return catalogue


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
