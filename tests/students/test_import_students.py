"""import_csv students."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory
from students.models import Student
from tests.importing import faults_of, import_csv
from tests.queries import executed_statements

pytestmark = pytest.mark.django_db
HEADER = "number,first_name,last_name,email\n"
ANN = "1,Ann,Smith,ann@school.example\n"
BOB = "2,Bob,Jones,bob@school.example\n"


def emails() -> dict[str, str]:
    return dict(Student.objects.values_list("number", "email"))


def test_makes_students() -> None:
    assert (
        import_csv("students", HEADER + ANN + BOB) == "students: 2 created, 0 changed, 0 unchanged"
    )
    student = Student.objects.get(number="1")
    assert (student.first_name, student.last_name, student.email, student.is_active) == (
        "Ann",
        "Smith",
        "ann@school.example",
        True,
    )
    record = student.history.get()
    assert (record.history_type, record.door, record.email) == ("+", "import", "ann@school.example")


def test_a_file_may_be_sent_twice() -> None:
    import_csv("students", HEADER + ANN + BOB)
    assert (
        import_csv("students", HEADER + ANN + BOB) == "students: 0 created, 0 changed, 2 unchanged"
    )
    assert Student.history.count() == 2


def test_changes_what_is_different_and_leaves_absent_columns() -> None:
    ann = StudentFactory(number="1", is_active=False)
    import_csv("students", HEADER + BOB)
    assert (
        import_csv("students", HEADER + ANN + BOB + "3,Eve,Hall,eve@school.example\n")
        == "students: 1 created, 1 changed, 1 unchanged"
    )
    ann.refresh_from_db()
    assert (ann.first_name, ann.email, ann.is_active) == ("Ann", "ann@school.example", False)
    assert [record.history_type for record in ann.history.order_by("history_id")] == ["+", "~"]


@pytest.mark.parametrize(
    ("text", "active"),
    [("false", False), ("NO", False), ("0", False), ("True", True), ("yes", True), ("1", True)],
)
def test_reads_is_active(text: str, active: bool) -> None:
    import_csv("students", f"is_active,{HEADER}{text},{ANN}")
    assert Student.objects.get().is_active is active


def test_an_email_twice_in_the_file_names_the_first_line() -> None:
    assert faults_of("students", HEADER + ANN + "2,Bob,Jones,ANN@School.example\n") == [
        "line 3, email 'ANN@school.example': The same one is on line 2 already.",
    ]
    assert not Student.objects.exists()


def test_an_email_of_a_student_who_is_not_in_the_file() -> None:
    StudentFactory(number="9", email="Ann@School.example")
    assert faults_of("students", HEADER + BOB + ANN) == [
        "line 3, email 'ann@school.example': Student 9 has this email already."
    ]
    assert Student.objects.count() == 1


def test_the_case_of_ones_own_email_may_change() -> None:
    import_csv("students", HEADER + ANN)
    import_csv("students", HEADER + ANN.replace("ann@", "Ann@"))
    assert emails() == {"1": "Ann@school.example"}


def test_students_may_pass_their_emails_on() -> None:
    import_csv("students", HEADER + ANN + BOB)
    text = HEADER + "1,Ann,Smith,bob@school.example\n2,Bob,Jones,ann@school.example\n"
    assert import_csv("students", text) == "students: 0 created, 2 changed, 0 unchanged"
    assert emails() == {"1": "bob@school.example", "2": "ann@school.example"}
    assert set(Student.history.values_list("email", flat=True)) == {
        "ann@school.example",
        "bob@school.example",
    }


def test_an_email_may_go_to_a_new_student() -> None:
    import_csv("students", HEADER + ANN)
    import_csv(
        "students", HEADER + "2,Bob,Jones,ann@school.example\n1,Ann,Smith,smith@school.example\n"
    )
    assert emails() == {"1": "smith@school.example", "2": "ann@school.example"}


def test_every_bad_line_is_told_and_nothing_is_written() -> None:
    ann = StudentFactory(number="1", first_name="Anna")
    lines = [
        ANN.strip(),
        "3,,Hall,nowhere",
        f"{'4' * 31},Eve,Hall,eve@school.example",
        "-5,Eve,Hall,eve5@school.example",
        "1,Ann,Smith,x@school.example",
    ]
    assert faults_of("students", HEADER + "\n".join(lines)) == [
        "line 3, email 'nowhere': Enter a valid email address.",
        f"line 4, number '{'4' * 31}': Ensure this value has at most 30 characters (it has 31).",
        (
            "line 5, number '-5': A number begins with a letter or digit; then letters, digits, "
            "spaces and . + / & - _ may follow."
        ),
        "line 6, number '1': The same one is on line 2 already.",
    ]
    ann.refresh_from_db()
    assert ann.first_name == "Anna"
    assert Student.history.count() == 1


def test_makes_no_query_a_row() -> None:
    def queries(first: int, last: int, name: str) -> int:
        rows = "".join(f"S{n},{name},Smith,{name}{n}@school.example\n" for n in range(first, last))
        with CaptureQueriesContext(connection) as captured:
            import_csv("students", HEADER + rows)
        return len(captured)

    assert queries(0, 2, "Ann") == queries(2, 52, "Ann")
    assert queries(0, 2, "Eve") == queries(2, 52, "Eve")


def test_more_rows_than_a_batch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.imports.importer.BATCH_SIZE", 3)
    monkeypatch.setattr("core.imports.people.BATCH_SIZE", 3)
    rows = [f"{n},Ann,Smith,ann{n}@school.example\n" for n in range(10)]
    assert (
        import_csv("students", HEADER + "".join(rows))
        == "students: 10 created, 0 changed, 0 unchanged"
    )
    renamed = [row.replace("Smith", "Jones") for row in reversed(rows)]
    assert (
        import_csv("students", HEADER + "".join(renamed))
        == "students: 0 created, 10 changed, 0 unchanged"
    )
    assert Student.history.count() == 20


def test_all_students_are_locked_before_any_course_that_one_of_them_moves_up_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the writer does it: else the import and somebody who enrolls could wait for each other."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all at once.")
    monkeypatch.setattr("core.imports.importer.BATCH_SIZE", 1)
    students, course = (
        StudentFactory.create_batch(2, is_active=False),
        CourseFactory.create(capacity=0),
    )
    for student in students:
        student.is_active = True
        student.save()
        service.enroll([(student.pk, course.pk)], Options(waitlist=True))
        student.is_active = False
        student.save()
    lines = "".join(f"{student.number},A,B,{student.email},yes\n" for student in students)
    with CaptureQueriesContext(connection) as captured:
        import_csv("students", f"number,first_name,last_name,email,is_active\n{lines}")
    locks = [
        statement.partition(" WHERE ")[2]
        for statement in executed_statements(captured)
        if "FOR NO KEY UPDATE" in statement and "{}" not in statement
    ]
    first = next(number for number, lock in enumerate(locks) if "courses_course" in lock)
    before, after = " ".join(locks[:first]), " ".join(locks[first:])
    assert all(str(student.pk) in before for student in students)
    assert "students_student" not in after
