"""The import of courses."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory, TermFactory
from courses.imports import CourseImporter
from courses.models import Course, Term
from tests.importing import faults_of, import_csv
from tests.queries import executed_statements

pytestmark = pytest.mark.django_db
HEADER = "term_code,code,title,capacity\n"


@pytest.fixture
def fall() -> Term:
    return TermFactory.create(code="2026-FA")


def test_creates_courses(fall: Term) -> None:
    assert (
        import_csv("courses", HEADER + "2026-FA,BIO-101,Life,30\n2026-FA,ART-1,Art,\n")
        == "courses: 2 created, 0 changed, 0 unchanged"
    )
    course = Course.objects.get(code="BIO-101")
    assert (course.term, course.title, course.capacity, course.credits) == (
        fall,
        "Life",
        30,
        Decimal(0),
    )
    assert (course.is_open, course.description) == (True, "")
    assert Course.objects.get(code="ART-1").capacity is None
    assert [record.door for record in Course.history.all()] == ["import", "import"]


def test_reads_optional_columns(fall: Term) -> None:
    import_csv(
        "courses",
        "is_open,credits,description,"
        + HEADER
        + 'no,2.5,"Cells,\nforests",2026-FA,BIO-101,Life,0\n',
    )
    course = Course.objects.get()
    assert (course.is_open, course.credits, course.description, course.capacity) == (
        False,
        Decimal("2.50"),
        "Cells,\nforests",
        0,
    )


def test_the_same_code_in_another_term_is_another_course(fall: Term) -> None:
    TermFactory(code="2027-SP")
    assert (
        import_csv("courses", HEADER + "2026-FA,BIO-101,Life,30\n2027-SP,BIO-101,Life,30\n")
        == "courses: 2 created, 0 changed, 0 unchanged"
    )


def test_a_second_import_changes_nothing(fall: Term) -> None:
    text = "credits," + HEADER + "3,2026-FA,BIO-101,Life,30\n"
    import_csv("courses", text)
    assert import_csv("courses", text) == "courses: 0 created, 0 changed, 1 unchanged"
    assert Course.history.count() == 1


def test_changes_different_values_and_keeps_absent_columns(fall: Term) -> None:
    course = CourseFactory(term=fall, code="BIO-101", is_open=False, credits=4, capacity=10)
    same = CourseFactory(term=fall, code="ART-1", title="Art", capacity=None)
    assert (
        import_csv(
            "courses", HEADER + "2026-FA,BIO-101,Life,30\n2026-FA,ART-1,Art,\n2026-FA,NEW,New,1\n"
        )
        == "courses: 1 created, 1 changed, 1 unchanged"
    )
    course.refresh_from_db()
    assert (course.title, course.capacity, course.is_open, course.credits) == (
        "Life",
        30,
        False,
        Decimal(4),
    )
    assert (course.history.count(), same.history.count()) == (2, 1)


def test_reports_every_bad_line_and_writes_nothing(fall: Term) -> None:
    header = "term_code,code,title,capacity,credits,is_open\n"
    lines = [
        "2026-FA,OK,Fine,1,1,true",
        "1999-FA,A,a,1,1,1",
        "2026-FA,B,b,-1,1,1",
        "2026-FA,C,c,many,x,1",
        "2026-FA,D,d,1,1,perhaps",
        "2026-FA,OK,Again,1,1,true",
        "2026-FA,-E,,1.5,-1,",
    ]
    assert faults_of("courses", header + "\n".join(lines)) == [
        "line 3, term_code '1999-FA': There is none with this code or number.",
        "line 4, capacity '-1': Ensure this value is greater than or equal to 0.",
        "line 5, capacity 'many': “many” value must be an integer.",
        "line 5, credits 'x': “x” value must be a decimal number.",
        "line 6, is_open 'perhaps': This must be true or false.",
        "line 7, code 'OK': The same one is on line 2 already.",
        "line 8, capacity '1.5': “1.5” value must be an integer.",
        (
            "line 8, code '-E': A code begins with a letter or digit; then letters, digits, "
            "spaces and . + / & - _ may follow."
        ),
        "line 8, credits '-1': Ensure this value is greater than or equal to 0.",
        "line 8, title '': This field cannot be blank.",
    ]
    assert not Course.objects.exists()
    assert not Course.history.exists()


def test_changed_courses_are_locked_in_the_order_of_their_ids(fall: Term) -> None:
    courses = [CourseFactory(term=fall, code=code) for code in "DCBA"]
    with CaptureQueriesContext(connection) as captured:
        import_csv(
            "courses",
            HEADER + "".join(f"2026-FA,{course.code},New title,\n" for course in reversed(courses)),
        )
    locks = [
        statement
        for statement in executed_statements(captured)
        if 'FROM "courses_course"' in statement and "FOR NO KEY UPDATE" in statement
    ]
    assert connection.vendor == "sqlite" or locks
    # The first column is the id.
    assert all("ORDER BY 1 ASC" in lock for lock in locks)
    records = Course.history.filter(history_type="~").order_by("history_id")
    assert [record.id for record in records] == [course.pk for course in courses]


def test_queries_do_not_grow_with_rows(fall: Term) -> None:
    def count_for(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            import_csv("courses", HEADER + text)
        return len(captured)

    def rows(first: int, last: int, title: str) -> str:
        return "".join(f"2026-FA,C{n},{title},{n}\n" for n in range(first, last))

    assert count_for(rows(0, 2, "x")) == count_for(rows(2, 52, "x"))
    assert count_for(rows(0, 2, "y")) == count_for(rows(2, 52, "y"))


class TestPrerequisites:
    """The optional column `prerequisites`, with codes separated by commas."""

    HEADER = "term_code,code,title,capacity,prerequisites\n"

    def test_may_be_in_the_database_or_in_the_file(self, fall: Term) -> None:
        CourseFactory(code="OLD")
        import_csv(
            "courses",
            self.HEADER + '2026-FA,BIO-2,Life,," BIO-1, OLD,BIO-1"\n2026-FA,BIO-1,Life,,\n',
        )
        assert dict(Course.objects.filter(term=fall).values_list("code", "prerequisites")) == {
            "BIO-2": ["BIO-1", "OLD"],
            "BIO-1": [],
        }

    def test_equal_codes_are_unchanged(self, fall: Term) -> None:
        text = self.HEADER + '2026-FA,B,b,,"A, C"\n2026-FA,A,a,,\n2026-FA,C,c,,A\n'
        import_csv("courses", text)
        assert import_csv("courses", text) == "courses: 0 created, 0 changed, 3 unchanged"
        assert Course.history.count() == 3

    def test_saved_codes_need_not_exist(self, fall: Term) -> None:
        CourseFactory(term=fall, code="B", title="b", prerequisites=["OLD"])
        assert (
            import_csv("courses", self.HEADER + "2026-FA,B,new,,OLD\n")
            == "courses: 0 created, 1 changed, 0 unchanged"
        )

    def test_reports_courses_that_were_deleted_during_the_import(
        self, fall: Term, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, write = CourseFactory.create(code="OLD"), CourseImporter._write_batch

        def write_after_deletion(importer: CourseImporter, *of: Any) -> Any:
            old.delete()
            return write(importer, *of)

        monkeypatch.setattr(CourseImporter, "_write_batch", write_after_deletion)
        errors = faults_of("courses", self.HEADER + "2026-FA,B,b,,OLD\n")
        assert errors == ["line 2, prerequisites 'OLD': There is no course with the code OLD."]

    def test_an_empty_cell_removes_them_and_an_absent_column_keeps_them(self, fall: Term) -> None:
        CourseFactory(code="OLD")
        course = CourseFactory(term=fall, code="B", title="b", prerequisites=["OLD"])
        import_csv("courses", HEADER + "2026-FA,B,new,\n")
        course.refresh_from_db()
        assert course.prerequisites == ["OLD"]
        import_csv("courses", self.HEADER + "2026-FA,B,new,,\n")
        course.refresh_from_db()
        assert course.prerequisites == []

    def test_reports_unknown_codes_with_their_line(self, fall: Term) -> None:
        assert faults_of("courses", self.HEADER + '2026-FA,A,a,,\n2026-FA,B,b,,"A,NONE, -"\n') == [
            "line 3, prerequisites 'A, NONE, -': There is no course with the code -, NONE."
        ]
        assert not Course.objects.exists()

    def test_reports_cycles_in_the_file_with_their_lines(self, fall: Term) -> None:
        assert faults_of(
            "courses",
            self.HEADER + "2026-FA,A,a,,B\n2026-FA,B,b,,A\n2026-FA,C,c,,C\n2026-FA,D,d,,A\n",
        ) == [
            "line 2, prerequisites 'B': A course cannot come before itself: A → B → A.",
            "line 3, prerequisites 'A': A course cannot come before itself: B → A → B.",
            "line 4, prerequisites 'C': A course cannot come before itself: C → C.",
            "line 5, prerequisites 'A': A course cannot come before itself: D → A → B → A.",
        ]
        assert not Course.objects.exists()

    def test_reports_cycles_through_existing_courses(self, fall: Term) -> None:
        other = CourseFactory(code="A")
        CourseFactory(code="B", prerequisites=["A"])
        # Another offering of A requires nothing.
        import_csv("courses", self.HEADER + "2026-FA,A,a,,B\n")
        other.delete()
        Course.objects.filter(code="A").update(prerequisites=[])
        assert faults_of("courses", self.HEADER + "2026-FA,A,a,,B\n") == [
            "line 2, prerequisites 'B': A course cannot come before itself: A → B → A."
        ]

    def test_a_cycle_that_the_file_resolves_is_no_error(self, fall: Term) -> None:
        first = CourseFactory(term=fall, code="A")
        CourseFactory(term=fall, code="B", prerequisites=["A"])
        import_csv("courses", self.HEADER + "2026-FA,A,a,,B\n2026-FA,B,b,,\n")
        first.refresh_from_db()
        assert first.prerequisites == ["B"]

    def test_queries_do_not_grow_with_rows(self, fall: Term) -> None:
        def count_for(first: int, last: int) -> int:
            with CaptureQueriesContext(connection) as captured:
                import_csv(
                    "courses",
                    self.HEADER
                    + "".join(f"2026-FA,C{n},c,,C{n + 1}\n" for n in range(first, last))
                    + f"2026-FA,C{last},c,,\n",
                )
            return len(captured)

        assert count_for(0, 2) == count_for(10, 60)
