"""CSV imports of students, their credit limits and their enrollments."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.db.transactions import atomic_with_reruns
from core.imports.csv_reader import ImportRejected, RowErrors, read_rows
from core.imports.importer import CsvImporter, Key, progress_bar
from core.imports.people import PeopleImporter
from core.text import clean_line
from courses.imports import several_sections, unknown_section
from courses.models import Course, Term
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
from students.models import CreditLimit, Status, Student

# The number of lines that are looked up, decided and written together, but for a few more.
BATCH_LINES = 20_000
# Student id, course id, line number, transition. A tuple, as a file may have hundreds of thousands.
Row = tuple[int, int, int, Transition]


def import_students(file: TextIO) -> Counter[str]:
    """Create or update the students of `file`. Return counts by outcome. Raises ImportRejected."""
    return Students(
        Student, ["number"], file, ["number", "first_name", "last_name", "email"], ["is_active"]
    ).write()


class Students(PeopleImporter[Student]):
    """The students of a file."""

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        # All at once: batch by batch, students would be locked after the courses of the batch
        # before, against the order of the service.
        locks.lock_students_and_courses(ids.values(), ())
        super().check_rows(ids)

    def get_taken_message(self, number: str) -> str:
        return _("Student %s has this email already.") % number


def import_credit_limits(file: TextIO) -> Counter[str]:
    """Create and change the limits of `file`. Returns how many of each; raises ImportRejected."""
    students = dict(Student.objects.order_by().values_list("number", "pk"))
    terms = dict(Term.objects.order_by().values_list("code", "pk"))
    return CreditLimitImporter(
        CreditLimit,
        ["student_id", "term_id"],
        file,
        ["student_number", "term_code", "max_credits"],
        ["reason"],
        links={"student_number": ("student_id", students), "term_code": ("term_id", terms)},
    ).write()


class CreditLimitImporter(CsvImporter[CreditLimit]):
    """The credit limits of a file."""

    def lock_rows(self, ids: Mapping[Key, int]) -> None:
        # Students are locked before all else, and who may take more moves up in waitlists.
        students = {student for student, _term in self.rows}
        locks.lock_students_and_courses(students, (), with_waiters=True)
        super().lock_rows(ids)


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
    with progress_bar(_("enrollments"), total=len(rows)) as bar:
        for batch in _split_by_student(rows):
            outcomes.update(_write_batch(batch, refused, options))
            bar.update(len(batch))
    errors.extend(refused)
    if errors and (not skips or errors.unreadable):
        raise ImportRejected(errors)
    return outcomes


def _split_by_student(rows: list[Row]) -> Iterable[list[Row]]:
    """Split `rows` into batches of about BATCH_LINES, each with all courses of its students.

    Courses in which a student is enrolled may require each other at the same time. Within a batch
    the rows keep their order.
    """
    courses_of = Counter(student for student, _course, _line, act in rows if act is ENROLL)
    batches: dict[int, list[Row]] = defaultdict(list)
    batch_of: dict[int, int] = {}
    placed = 0
    for row in rows:
        student, _course, _line, transition = row
        number = placed // BATCH_LINES
        if transition is not ENROLL:
            placed += 1
        elif student in batch_of:
            number = batch_of[student]
        else:
            batch_of[student] = number
            placed += courses_of[student]
        batches[number].append(row)
    return batches.values()


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
        file, ["student_number", "term_code", "course_code"], ["section", "status"], errors
    )
    courses = _read_courses()
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
            sections = courses.get((cell["term_code"], cell["course_code"]), {})
            course = _choose_section(sections, cell.get("section"))
            status: Any = cell.get("status") or Status.ACTIVE
            transition = IMPORT_TRANSITIONS.get(status)
            if student and course and transition:
                yield student, course, line, transition
            else:
                if not course:
                    _add_course_error(errors, line, cell, sections)
                _add_errors(errors, line, cell, student=student, transition=transition)


def _read_courses() -> dict[tuple[str, str], dict[str, int]]:
    """The ids of all courses: by term and code, by section."""
    courses: dict[tuple[str, str], dict[str, int]] = {}
    rows = Course.objects.order_by("section").values_list("term__code", "code", "section", "pk")
    for term, code, section, pk in rows.iterator():
        courses.setdefault((term, code), {})[section] = pk
    return courses


def _choose_section(sections: Mapping[str, int], section: str | None) -> int | None:
    """The id of the course with this section; of the only one if `section` is None."""
    if section is not None:
        return sections.get(section)
    return next(iter(sections.values())) if len(sections) == 1 else None


def _add_course_error(
    errors: RowErrors, line: int, cell: Mapping[str, str], sections: Mapping[str, int]
) -> None:
    """Add an error for a line that names none of the `sections` of a course."""
    if not sections:
        unknown = ValidationError(
            _("There is no such course in the term “%s”.") % cell["term_code"], code="not_found"
        )
        errors.add(line, unknown, "course_code", cell["course_code"])
    elif "section" in cell:
        errors.add(line, unknown_section(sections), "section", cell["section"])
    else:
        errors.add(line, several_sections(sections), "course_code", cell["course_code"])


def _add_errors(errors: RowErrors, line: int, cell: Mapping[str, str], **found: object) -> None:
    """Add an error for each of student and transition that was not `found`."""
    if not found["student"]:
        unknown = ValidationError(_("There is no student with this number."), code="not_found")
        errors.add(line, unknown, "student_number", cell["student_number"])
    if not found["transition"]:
        errors.add(
            line,
            _("The status is one of %s.") % ", ".join(IMPORT_TRANSITIONS),
            "status",
            cell["status"],
        )
