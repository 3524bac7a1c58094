"""Only students/enrollment/service.py writes enrollments: in the source, and when tried."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import transaction

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

ROOT = Path(__file__).resolve().parents[3]
WRITER = "students/enrollment/service.py"
# Builds the rows that the writer saves.
DECISIONS = "students/enrollment/decisions.py"
PUBLIC_WRITES = {
    *("create", "get_or_create", "update_or_create", "bulk_create"),
    *("bulk_update", "update", "delete", "save"),
}
WRITES = PUBLIC_WRITES | {f"a{name}" for name in PUBLIC_WRITES} | {"_raw_delete"}
# The related managers at both ends of the relation, and their methods that write.
RELATED = {"courses", "students", "enrollments"}
RELATED_WRITES = WRITES | {"add", "set", "remove", "clear", "aadd", "aset", "aremove", "aclear"}
SQL = re.compile(
    r"\b(insert\s+into|update|delete\s+from|replace\s+into|copy|truncate)\b.*students_enrollment\b",
    re.IGNORECASE | re.DOTALL,
)


def sources() -> Iterator[Path]:
    for folder in ("core", "courses", "accounts", "students", "school"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if (
                not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
                and path != ROOT / WRITER
            ):
                yield path


def test_only_the_demo_school_tells_the_writer_another_moment_than_now() -> None:
    reported = [
        path.name
        for path in sources()
        if re.search(
            r"enrollment\.change_feed import .*\boverride_clock\b|\bchange_feed\.override_clock\b",
            path.read_text(),
        )
    ]
    assert reported == ["demo.py"]


def names_in(node: ast.expr) -> list[str]:
    """The names in a chain of attributes, calls and subscripts: a, b, c of `a.b(x).c`."""
    match node:
        case ast.Name(name):
            return [name]
        case ast.Attribute(value, name):
            return [*names_in(value), name]
        case ast.Call(func, args):
            return [
                *names_in(func),
                *(name for arg in args if isinstance(arg, ast.Name) for name in [arg.id]),
            ]
        case ast.Subscript(value):
            return names_in(value)
    return []


def is_write(call: ast.Call) -> bool:
    *receiver, last = names_in(call.func) or [""]
    if not receiver:
        return last == "Enrollment" or (last == "BulkUpsert" and "Enrollment" in names_in(call))
    if last == "Enrollment" or (last in {"QuerySet", "Manager"} and "Enrollment" in names_in(call)):
        return True
    if last in WRITES and "Enrollment" in receiver:
        return True
    # `student.courses.add(...)`; a module or a variable of that name stands alone.
    return last in RELATED_WRITES and len(receiver) > 1 and bool(RELATED & set(receiver[1:]))


def writes_in(source: str) -> list[str]:
    """The lines of `source` that write an enrollment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        is_sql = (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and SQL.search(node.value)
        )
        names_a_queryset = (
            isinstance(node, ast.Call)
            and names_in(node.func)[-1:] == ["QuerySet"]
            and "Enrollment" in names_in(node)
        )
        if is_sql or names_a_queryset or (isinstance(node, ast.Call) and is_write(node)):
            found.append(ast.get_source_segment(source, node) or "")
    return found


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_code_writes(path: Path) -> None:
    writes = writes_in(path.read_text())
    if path == ROOT / DECISIONS:
        [built] = writes
        assert built.startswith("Enrollment(")
    else:
        assert writes == []


def test_the_writer_does() -> None:
    assert writes_in((ROOT / WRITER).read_text())


@pytest.mark.parametrize(
    "code",
    [
        "Enrollment(student=s, course=c)",
        "models.Enrollment(student=s)",
        "Enrollment.objects.create(student=s)",
        "Enrollment.objects.filter(student=s).update(status='x')",
        "Enrollment.objects.filter(student=s)[:3].delete()",
        "Enrollment._base_manager.bulk_create(rows)",
        "Enrollment.objects.get(pk=1).save()",
        "QuerySet(Enrollment)",
        "BulkUpsert(Enrollment, ['student', 'course'], ['status'])",
        "QuerySet(Enrollment).filter(pk=1).update(status='x')",
        "models.QuerySet(Enrollment)",
        "student.courses.add(course)",
        "student.courses.set([])",
        "self.object.courses.remove(course)",
        "course.students.clear()",
        "Course.objects.get(pk=1).students.create()",
        "student.enrollments.create(course=c)",
        "student.enrollments.filter(course=c).update(status='x')",
        "cursor.execute('UPDATE students_enrollment SET status = 1')",
        "cursor.execute('''INSERT\n INTO students_enrollment VALUES (1)''')",
        "async def f(): await Enrollment.objects.acreate()",
    ],
)
def test_a_planted_write_is_found(code: str) -> None:
    assert writes_in(code)


@pytest.mark.parametrize(
    "code",
    [
        "Enrollment.objects.filter(student=s).current()",
        "students.update(x)",
        "courses.add(course)",
        "Student.objects.create(number='1')",
        "student.courses.all()",
        "cursor.execute('SELECT * FROM students_enrollment')",
        "enrollments.enroll([(1, 2)])",
    ],
)
def test_a_read_is_not_taken_for_a_write(code: str) -> None:
    assert not writes_in(code)


def row() -> Enrollment:
    return Enrollment.objects.get()


WAYS: dict[str, Callable[[Student, Course], object]] = {
    "create": lambda student, course: Enrollment.objects.create(student=student, course=course),
    "get_or_create": lambda student, course: Enrollment.objects.get_or_create(
        student=student, course=course
    ),
    "update_or_create": lambda student, course: Enrollment.objects.update_or_create(
        student=student, course=course
    ),
    "bulk_create": lambda student, course: Enrollment.objects.bulk_create(
        [Enrollment(student=student, course=course)]
    ),
    "save of a new one": lambda student, course: Enrollment(student=student, course=course).save(),
    "student.courses.add": lambda student, course: student.courses.add(course),
    "student.courses.set": lambda student, course: student.courses.set([course]),
    "student.courses.create": lambda _student, course: row().student.courses.create(
        code="X", term=course.term
    ),
    "student.courses.remove": lambda _student, _course: row().student.courses.remove(row().course),
    "student.courses.clear": lambda _student, _course: row().student.courses.clear(),
    "course.students.add": lambda student, course: course.students.add(student),
    "course.students.set": lambda student, course: course.students.set([student]),
    "course.students.remove": lambda _student, _course: row().course.students.remove(row().student),
    "course.students.clear": lambda _student, _course: row().course.students.clear(),
    "student.enrollments.create": lambda student, course: student.enrollments.create(course=course),
    "course.enrollments.create": lambda student, course: course.enrollments.create(student=student),
    "update": lambda _student, _course: Enrollment.objects.update(status=Status.WITHDRAWN),
    "update of some": lambda _student, _course: Enrollment.objects.filter(pk=row().pk).update(
        status=Status.WITHDRAWN
    ),
    "update of a student's": lambda _student, _course: row().student.enrollments.update(
        status=Status.WITHDRAWN
    ),
    "bulk_update": lambda _student, _course: Enrollment.objects.bulk_update([row()], ["status"]),
    "save": lambda _student, _course: row().save(),
    "save of one field": lambda _student, _course: row().save(update_fields=["status"]),
    "delete": lambda _student, _course: row().delete(),
    "delete of many": lambda _student, _course: Enrollment.objects.all().delete(),
}


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_every_other_way_is_closed_and_writes_nothing(way: str) -> None:
    enrolled(StudentFactory(), CourseFactory())
    student, course = StudentFactory(), CourseFactory()
    before = list(Enrollment.objects.values())
    with pytest.raises(TypeError, match=r"^Enrollments are "), transaction.atomic():
        WAYS[way](student, course)
    assert list(Enrollment.objects.values()) == before
    assert Enrollment.history.count() == 1
