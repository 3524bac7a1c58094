"""Students and enrollments from CSV files."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import TextIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat, Lower
from django.utils.translation import gettext as _

from core.history.bulk import BATCH_SIZE
from core.imports.csv_reader import ImportRejected, RowErrors, read_rows
from core.imports.importer import CsvImporter, Key, in_batches
from courses.models import Course
from students.enrollment import locks, service
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    ENROLL,
    IMPORT_TRANSITIONS,
    EnrollmentChange,
    Options,
    Transition,
)
from students.models import Status, Student

# So many lines are looked up, decided and written at once.
LINES = 20_000
# Student id, course id, number of the line, and what shall be done: a file may have hundreds of thousands of them.
Row = tuple[int, int, int, Transition]


def import_students(file: TextIO) -> Counter[str]:
    """Make the students of `file` and change those that are there. Answers how many. Raises Rejected."""
    return Students(
        Student, ["number"], file, ["number", "first_name", "last_name", "email"], ["is_active"]
    ).write()


class Students(CsvImporter[Student]):
    """Students of a file; an email is one student's only, compared without case."""

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        # A batch that lets somebody in locks courses, and the next one students again: that order is another one than the writer's.
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
        # They get another address by this same file. Until then theirs must not be in the way of its new owner.
        Student.objects.filter(number__in=moving).update(email=Concat(Value("moving-"), "number"))

    def _owners(self) -> dict[str, tuple[str, int]]:
        """The number and line of the student who shall have an email, by that email."""
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
    """Give each student and course of `file` the status it says. Answers how often each outcome came about. Raises Rejected.

    With `skipped`, bad lines are told to it and left out, and the others are taken.
    """
    errors = RowErrors() if skipped is None else skipped
    rows = _once(sorted(_rows(file, errors)), errors)
    # First come, first served, when all that ends has ended: what it leaves or completes may let others in.
    rows.sort(key=lambda row: (row[3] is ENROLL, row[2]))
    outcomes: Counter[str] = Counter()
    with transaction.atomic():
        locks.lock_students_and_courses([row[0] for row in rows], [row[1] for row in rows])
        for batch in in_batches(rows, _("enrollments"), LINES):
            outcomes.update(_write_batch(batch, errors, options))
        if errors and (skipped is None or errors.unreadable):
            raise ImportRejected(errors)
    return outcomes


def _once(rows: list[Row], errors: RowErrors) -> list[Row]:
    """The first line of each student and course; the others are told to `faults`."""
    kept = rows[:1]
    for one, another in pairwise(rows):
        if one[:2] == another[:2]:
            same = _("The same student and course are on line %d already.") % kept[-1][2]
            errors.add(another[2], ValidationError(same, code="repeated"))
        else:
            kept.append(another)
    return kept


def _write_batch(batch: list[Row], errors: RowErrors, options: Options) -> Iterator[str]:
    changes = [
        EnrollmentChange(student, course, transition)
        for student, course, _line, transition in batch
    ]
    results = service.decide_and_save(changes, options)
    for (_student, _course, line, _verb), result in zip(batch, results, strict=True):
        for reason in result.refusals:
            errors.add(line, reason)
        yield result.outcome.value


def _rows(file: TextIO, errors: RowErrors) -> Iterator[Row]:
    """The sound lines of `file`, with ids for keys."""
    columns, records = read_rows(
        file, ["student_number", "term_code", "course_code"], ["status"], errors
    )
    courses = {
        (term, code): pk
        for term, code, pk in Course.objects.values_list("term__code", "code", "pk")
    }
    students: dict[str, int] = {}
    while lines := [
        (line, dict(zip(columns, cells, strict=True))) for line, cells in islice(records, LINES)
    ]:
        new = {cell["student_number"] for _line, cell in lines} - students.keys()
        students.update(
            Student.objects.filter(number__in=new).order_by().values_list("number", "pk")
        )
        for line, cell in lines:
            student, course = (
                students.get(cell["student_number"]),
                courses.get((cell["term_code"], cell["course_code"])),
            )
            transition = IMPORT_TRANSITIONS.get(cell.get("status", Status.ACTIVE))  # type: ignore[call-overload]
            if student and course and transition:
                yield student, course, line, transition
            else:
                _tell(errors, line, cell, student=student, course=course, transition=transition)


def _tell(errors: RowErrors, line: int, cell: Mapping[str, str], **found: object) -> None:
    """Tell `faults` which of the things that a line names were not found."""
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
