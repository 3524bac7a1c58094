"""import_csv enrollments."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "student_number,term_code,course_code\n"
WITH_STATUS = "student_number,term_code,course_code,status\n"


@pytest.fixture
def biology() -> Course:
    return CourseFactory.create(term=TermFactory(code="2026-FA"), code="BIO-101")


@pytest.fixture
def ann() -> Student:
    return StudentFactory.create(number="1", first_name="Ann", last_name="Smith")


@pytest.fixture
def bob() -> Student:
    return StudentFactory.create(number="2", first_name="Bob", last_name="Jones")


def statuses() -> dict[str, str]:
    return dict(Enrollment.objects.values_list("student__number", "status"))


def test_enrolls(ann: Student, bob: Student, biology: Course) -> None:
    assert (
        import_csv("enrollments", HEADER + "2,2026-FA,BIO-101\n1,2026-FA,BIO-101\n")
        == "enrollments: 2 created"
    )
    assert statuses() == {"1": "active", "2": "active"}
    record = Enrollment.history.filter(student=ann).get()
    assert (record.history_type, record.door, record.history_change_reason) == (
        "+",
        "import",
        "Import of standard input",
    )


def test_a_status_comes_in_as_it_is(ann: Student, bob: Student, biology: Course) -> None:
    StudentFactory(number="3")
    text = (
        WITH_STATUS
        + "1,2026-FA,BIO-101,active\n2,2026-FA,BIO-101,completed\n3,2026-FA,BIO-101,withdrawn\n"
    )
    assert import_csv("enrollments", text) == "enrollments: 3 created"
    assert statuses() == {"1": "active", "2": "completed", "3": "withdrawn"}


def test_a_file_may_be_sent_twice(ann: Student, biology: Course) -> None:
    text = WITH_STATUS + "1,2026-FA,BIO-101,completed\n"
    import_csv("enrollments", text)
    assert import_csv("enrollments", text) == "enrollments: 1 unchanged"
    assert Enrollment.history.count() == 1


def test_a_status_changes_what_is_there(ann: Student, bob: Student, biology: Course) -> None:
    enrolled(ann, biology)
    enrolled(bob, biology, Status.WITHDRAWN)
    text = WITH_STATUS + "1,2026-FA,BIO-101,completed\n2,2026-FA,BIO-101,active\n"
    assert import_csv("enrollments", text) == "enrollments: 1 completed, 1 reactivated"
    assert statuses() == {"1": "completed", "2": "active"}


def test_a_header_alone_is_a_file_without_lines() -> None:
    assert import_csv("enrollments", HEADER) == "enrollments: no lines"


def test_every_bad_line_is_told_and_nothing_is_written(
    ann: Student, bob: Student, biology: Course
) -> None:
    inactive = StudentFactory(number="3", first_name="Eve", last_name="Hall", is_active=False)
    closed = CourseFactory(term=biology.term, code="ART-1", is_open=False)
    lines = [
        "1,2026-FA,BIO-101,active",
        "99,2026-FA,BIO-101,active",
        "1,2026-FA,BIO-999,active",
        "1,1999-FA,BIO-101,active",
        "2,2026-FA,BIO-101,waitlisted",
        "3,2026-FA,ART-1,active",
        "1,2026-FA,BIO-101,completed",
        "98,2026-FA,BIO-999,",
    ]
    assert faults_of("enrollments", WITH_STATUS + "\n".join(lines)) == [
        "line 3, student_number '99': There is no student with this number.",
        "line 4, course_code 'BIO-999': There is no such course in the term “2026-FA”.",
        "line 5, course_code 'BIO-101': There is no such course in the term “1999-FA”.",
        "line 6, status 'waitlisted': The status is one of active, completed, withdrawn.",
        f"line 7: {closed} is closed. Open the course, or choose another one.",
        f"line 7: {inactive} is not active. Make the student active first.",
        "line 8: The same student and course are on line 2 already.",
        "line 9, course_code 'BIO-999': There is no such course in the term “2026-FA”.",
        "line 9, student_number '98': There is no student with this number.",
    ]
    assert not Enrollment.objects.exists()
    assert not Enrollment.history.exists()


def test_a_wrong_header() -> None:
    assert faults_of("enrollments", "student_number,term_code\n1,2\n") == [
        "line 1, column 'course_code': This column is missing."
    ]


def test_seats_are_counted_over_the_whole_file(
    ann: Student, bob: Student, biology: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("students.imports.BATCH_LINES", 1)
    Course.objects.update(capacity=1)
    text = HEADER + "1,2026-FA,BIO-101\n2,2026-FA,BIO-101\n"
    assert faults_of("enrollments", text) == [
        "line 3: BIO-101 (2026-FA) is full: 1 of 1 seats are taken."
    ]
    assert not Enrollment.objects.exists()


def test_lines_are_served_in_their_order(ann: Student, bob: Student, one_seat: Course) -> None:
    import_csv(
        "enrollments", HEADER + "2,2026-FA,BIO-101\n1,2026-FA,BIO-101\n", "--on-full=waitlist"
    )
    assert statuses() == {"2": "active", "1": "waitlisted"}


def test_a_seat_may_change_hands_in_one_file(ann: Student, bob: Student, one_seat: Course) -> None:
    enrolled(bob, one_seat)
    assert (
        import_csv(
            "enrollments", WITH_STATUS + "1,2026-FA,BIO-101,active\n2,2026-FA,BIO-101,withdrawn\n"
        )
        == "enrollments: 1 withdrawn, 1 created"
    )
    assert statuses() == {"1": "active", "2": "withdrawn"}


def test_a_prerequisite_may_be_completed_in_the_same_file(ann: Student, biology: Course) -> None:
    CourseFactory(term=biology.term, code="BIO-201", prerequisites=["BIO-102"])
    CourseFactory(term=biology.term, code="BIO-102")
    assert (
        import_csv(
            "enrollments", WITH_STATUS + "1,2026-FA,BIO-201,active\n1,2026-FA,BIO-102,completed\n"
        )
        == "enrollments: 2 created"
    )


def test_the_past_is_loaded_without_asking_the_window(ann: Student, biology: Course) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    type(biology.term).objects.update(enrollment_closes_on=yesterday)
    text = HEADER + "1,2026-FA,BIO-101\n"
    assert faults_of("enrollments", text) == [
        f"line 2: Enrollment for 2026-FA closed on {yesterday.isoformat()}."
    ]
    assert import_csv("enrollments", text, "--history") == "enrollments: 1 created"


def test_makes_no_query_a_row(biology: Course) -> None:
    def queries(count: int, code: str) -> int:
        CourseFactory(term=biology.term, code=code)
        numbers = [StudentFactory().number for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            import_csv(
                "enrollments", HEADER + "".join(f"{number},2026-FA,{code}\n" for number in numbers)
            )
        return len(captured)

    assert queries(2, "A") == queries(40, "B")


BAD = "1,2026-FA,BIO-101\n2,2026-FA,BIO-101\n1,2026-FA,BIO-101\n2,2026-FA,BIO-999\n"


@pytest.fixture
def one_seat(biology: Course) -> Course:
    Course.objects.update(capacity=1)
    return biology


def test_bad_lines_are_left_out_where_that_is_asked_for(
    ann: Student, bob: Student, one_seat: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        import_csv("enrollments", HEADER + BAD, "--skip-bad-lines")
        == "enrollments: 1 created, 1 refused"
    )
    assert capsys.readouterr().err.splitlines() == [
        "line 3: BIO-101 (2026-FA) is full: 1 of 1 seats are taken.",
        "line 4: The same student and course are on line 2 already.",
        "line 5, course_code 'BIO-999': There is no such course in the term “2026-FA”.",
    ]
    assert statuses() == {"1": "active"}


def test_of_a_repeated_pair_the_first_line_counts(ann: Student, biology: Course) -> None:
    text = (
        WITH_STATUS
        + "1,2026-FA,BIO-101,active\n1,2026-FA,BIO-101,completed\n1,2026-FA,BIO-101,withdrawn\n"
    )
    answer = json.loads(import_csv("enrollments", text, "--skip-bad-lines", "--json"))
    assert [fault["reason"] for fault in answer["faults"]] == [
        "The same student and course are on line 2 already."
    ] * 2
    assert statuses() == {"1": "active"}


@pytest.mark.parametrize(
    "text", ["student_number,term_code\n1,2\n", HEADER + '1,2026-FA,BIO-101\n2,2026-FA,"BIO']
)
def test_of_a_file_that_cannot_be_read_nothing_is_taken(
    ann: Student, bob: Student, biology: Course, text: str
) -> None:
    assert len(faults_of("enrollments", text, "--skip-bad-lines")) == 1
    assert not statuses()


def test_json_tells_outcomes_and_bad_lines(ann: Student, bob: Student, one_seat: Course) -> None:
    assert json.loads(import_csv("enrollments", HEADER + BAD, "--skip-bad-lines", "--json")) == {
        "kind": "enrollments",
        "outcomes": {"created": 1, "refused": 1},
        "bad_lines": 3,
        "faults": [
            {
                "line": 3,
                "column": "",
                "value": "",
                "reason": "BIO-101 (2026-FA) is full: 1 of 1 seats are taken.",
                "code": "course_full",
            },
            {
                "line": 4,
                "column": "",
                "value": "",
                "reason": "The same student and course are on line 2 already.",
                "code": "repeated",
            },
            {
                "line": 5,
                "column": "course_code",
                "value": "BIO-999",
                "reason": "There is no such course in the term “2026-FA”.",
                "code": "not_found",
            },
        ],
    }


def test_json_of_a_file_that_is_refused(
    ann: Student, biology: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert faults_of("enrollments", HEADER + "1,2026-FA,BIO-999\n", "--json") == []
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcomes"], answer["bad_lines"], answer["faults"][0]["line"]) == ({}, 1, 2)


def test_a_few_lines_ask_for_few_students(biology: Course) -> None:
    StudentFactory.create_batch(3)
    number = StudentFactory.create().number
    with CaptureQueriesContext(connection) as captured:
        import_csv("enrollments", HEADER + f"{number},2026-FA,BIO-101\n")
    assert [
        query["sql"]
        for query in captured
        if '"students_student"' in query["sql"] and "WHERE" not in query["sql"]
    ] == []


@pytest.mark.parametrize("option", ["--history", "--skip-bad-lines", "--on-full=waitlist"])
@pytest.mark.parametrize("kind", ["terms", "courses", "students"])
def test_what_is_for_other_kinds_only(kind: str, option: str) -> None:
    if option == "--skip-bad-lines":
        if kind == "courses":
            return
        message = r"^--.* is for courses and enrollments only\.$"
    else:
        message = r"^--.* is for enrollments only\.$"
    with pytest.raises(CommandError, match=message):
        import_csv(kind, "", option)


def test_a_line_names_the_section(ann: Student, bob: Student, biology: Course) -> None:
    first = CourseFactory.create(term=biology.term, code="LAT-1", section="A01")
    whole = CourseFactory.create(term=biology.term, code="LAT-1")
    header = HEADER.strip() + ",section\n"
    text = header + "1,2026-FA,LAT-1,A01\n2,2026-FA,LAT-1,\n1,2026-FA,BIO-101,\n"
    assert import_csv("enrollments", text) == "enrollments: 3 created"
    pairs = Enrollment.objects.exclude(course=biology).values_list("student", "course")
    assert set(pairs) == {(ann.pk, first.pk), (bob.pk, whole.pk)}


def test_a_line_without_a_section_means_the_only_one(
    ann: Student, bob: Student, biology: Course
) -> None:
    only = CourseFactory.create(term=biology.term, code="MAT-1", section="A01")
    for section in ("B02", "A01"):
        CourseFactory.create(term=biology.term, code="LAT-1", section=section)
    assert import_csv("enrollments", HEADER + "1,2026-FA,MAT-1\n") == "enrollments: 1 created"
    assert ann.courses.get() == only
    message = "This term has several sections of this course: A01, B02. Name one of them."
    assert faults_of("enrollments", HEADER + "2,2026-FA,LAT-1\n") == [
        f"line 2, course_code 'LAT-1': {message}"
    ]
    header = HEADER.strip() + ",section\n"
    assert faults_of("enrollments", header + "2,2026-FA,LAT-1,\n2,2026-FA,MAT-1,X\n") == [
        "line 2, section '': This term has no such section of this course. It has: A01, B02.",
        "line 3, section 'X': This term has no such section of this course. It has: A01.",
    ]
