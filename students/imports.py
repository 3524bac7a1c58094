"""CSV imports of students and enrollments."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.db.models import Value
from django.db.models.functions import Concat, Lower
from django.utils.translation import gettext as _

from core.db.transactions import atomic_with_reruns
from core.history.bulk import BATCH_SIZE
from core.imports.csv_reader import ImportRejected, RowErrors, read_rows
from core.imports.importer import CsvImporter, Key, in_batches
from core.text import clean_line
from courses.models import Course
from students.enrollment import locks, service
from students.enrollment.rules import PairError, Refusal
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    ENROLL,
    IMPORT_TRANSITIONS,
    EnrollmentChange,
    Options,
    Transition,
)
from students.models import Status, Student

# The number of lines that are looked up, decided and written together.
BATCH_LINES = 20_000
# Student id, course id, line number, transition. A tuple, as a file may have hundreds of thousands.
Row = tuple[int, int, int, Transition]


def import_students(file: TextIO) -> Counter[str]:
    """Create or update the students of `file`. Return counts by outcome. Raises ImportRejected."""
    return Students(
        Student, ["number"], file, ["number", "first_name", "last_name", "email"], ["is_active"]
    ).write()


class Students(CsvImporter[Student]):
    """The students of a file. Each email belongs to one student, compared without case."""

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        # All at once: batch by batch, students would be locked after the courses of the batch
        # before, against the order of the service.
        locks.lock_students_and_courses(ids.values(), ())
        owners = self._owners()
        moving = []
        emails = iter(owners)
        while batch := list(islice(emails, BATCH_SIZE)):
            held = Student.objects.annotate(address=Lower("email")).filter(address__in=batch)
            for number, address in held.values_list("number", "address"):
                owner, line = owners[address]
                if (number,) not in self.rows:
                    self.errors.add(
                        line, _("Student %s has this email already.") % number, "email", address
                    )
                elif number != owner:
                    moving.append(number)
        # These students get another address by this file, and theirs goes to somebody else.
        # Until each has the new one, a placeholder keeps the addresses unique.
        Student.objects.filter(number__in=moving).update(email=Concat(Value("moving-"), "number"))

    def _owners(self) -> dict[str, tuple[str, int]]:
        """The student's number and line for each email of the file, by the email."""
        number, email = self.names.index("number"), self.names.index("email")
        owners: dict[str, tuple[str, int]] = {}
        for line, values in self.rows.values():
            _owner, first = owners.setdefault(values[email].lower(), (values[number], line))
            if first != line:
                self.errors.add(
                    line, _("The same one is on line %d already.") % first, "email", values[email]
                )
        return owners


def import_enrollments(
    file: TextIO, options: Options = DEFAULT_OPTIONS, skipped: RowErrors | None = None
) -> Counter[str]:
    """Give each student-course pair of `file` its status. Return the number of each outcome.

    Raises ImportRejected for bad lines; with `skipped`, they are added to it and left out instead.
    """
    errors = RowErrors() if skipped is None else skipped
    rows = _drop_repeated(sorted(_read_rows(file, errors)), errors)
    # Withdrawals and completions come before enrollments, as they free seats and meet
    # prerequisites. Otherwise the order is that of the file.
    rows.sort(key=lambda row: (row[3] is ENROLL, row[2]))
    return _write_rows(rows, errors, options, skips=skipped is not None)


@atomic_with_reruns
def _write_rows(
    rows: list[Row], errors: RowErrors, options: Options, *, skips: bool
) -> Counter[str]:
    """Write `rows`, and add an error for each that is refused. Raises ImportRejected."""
    outcomes: Counter[str] = Counter()
    # Kept apart until the end, because the transaction may be run again.
    refused = RowErrors()
    locks.lock_students_and_courses(
        [row[0] for row in rows], [row[1] for row in rows], with_waiters=True
    )
    for batch in in_batches(rows, _("enrollments"), BATCH_LINES):
        outcomes.update(_write_batch(batch, refused, options))
    errors.extend(refused)
    if errors and (not skips or errors.unreadable):
        raise ImportRejected(errors)
    return outcomes


def _drop_repeated(rows: list[Row], errors: RowErrors) -> list[Row]:
    """The first of the sorted `rows` for each pair. The others are added to `errors`."""
    first_rows = rows[:1]
    for previous, row in pairwise(rows):
        if previous[:2] == row[:2]:
            message = _("The same student and course are on line %d already.") % first_rows[-1][2]
            errors.add(row[2], ValidationError(message, code="repeated"))
        else:
            first_rows.append(row)
    return first_rows


def _write_batch(batch: list[Row], errors: RowErrors, options: Options) -> Iterator[str]:
    changes = [
        EnrollmentChange(student, course, transition)
        for student, course, _line, transition in batch
    ]
    results = service.decide_and_save(changes, options)
    for (_student, _course, line, _transition), result in zip(batch, results, strict=True):
        for reason in result.refusals:
            errors.add(line, _add_hint(reason))
        yield result.outcome.value


def _add_hint(error: PairError) -> ValidationError:
    """The error with what to do about it in an import."""
    if error.code != Refusal.TERM_OVER:
        return error
    hint = _("Use --history for enrollments of the past.")
    return ValidationError(f"{error.messages[0]} {hint}", code=error.code)


def _read_rows(file: TextIO, errors: RowErrors) -> Iterator[Row]:
    """Yield the good lines of `file`, with ids in place of keys. Add the others to `errors`."""
    columns, records = read_rows(
        file, ["student_number", "term_code", "course_code"], ["status"], errors
    )
    courses = {
        (term, code): pk
        for term, code, pk in Course.objects.values_list("term__code", "code", "pk")
    }
    students: dict[str, int] = {}
    while lines := [
        (line, dict(zip(columns, map(clean_line, cells), strict=True)))
        for line, cells in islice(records, BATCH_LINES)
    ]:
        new = {cell["student_number"] for _line, cell in lines} - students.keys()
        students.update(
            Student.objects.filter(number__in=new).order_by().values_list("number", "pk")
        )
        for line, cell in lines:
            student = students.get(cell["student_number"])
            course = courses.get((cell["term_code"], cell["course_code"]))
            status: Any = cell.get("status") or Status.ACTIVE
            transition = IMPORT_TRANSITIONS.get(status)
            if student and course and transition:
                yield student, course, line, transition
            else:
                _add_errors(
                    errors, line, cell, student=student, course=course, transition=transition
                )


def _add_errors(errors: RowErrors, line: int, cell: Mapping[str, str], **found: object) -> None:
    """Add an error for each of student, course and transition that was not `found`."""
    if not found["student"]:
        unknown = ValidationError(_("There is no student with this number."), code="not_found")
        errors.add(line, unknown, "student_number", cell["student_number"])
    if not found["course"]:
        unknown = ValidationError(
            _("There is no such course in the term “%s”.") % cell["term_code"], code="not_found"
        )
        errors.add(line, unknown, "course_code", cell["course_code"])
    if not found["transition"]:
        errors.add(
            line,
            _("The status is one of %s.") % ", ".join(IMPORT_TRANSITIONS),
            "status",
            cell["status"],
        )
