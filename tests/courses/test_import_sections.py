"""Imports of teachers, and of courses with sections, dates and teachers."""

import pytest

from courses.factories import CourseFactory, TeacherFactory, TeachingFactory, TermFactory
from courses.models import Course, Teacher, Teaching, Term
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "term_code,code,title,capacity"


@pytest.fixture
def fall() -> Term:
    return TermFactory.create(code="FA", starts_on="2026-09-01", ends_on="2026-12-18")


def taught_by(course: Course) -> list[str]:
    """The numbers of the current teachers, with a star after that of the primary one."""
    teachings = Teaching.objects.current().filter(course=course).in_order()
    rows = teachings.values_list("teacher__number", "is_primary")
    return [number + "*" * is_primary for number, is_primary in rows]


def test_teachers_are_created_and_changed() -> None:
    ada = TeacherFactory.create(number="P-1", email="ada@school.example")
    text = (
        "number,first_name,last_name,email,is_active\n"
        "P-1,Ada,Byron,,no\nP-2,,Bo,ADA@school.example,\nP-3,Cy,,,\n"
    )
    assert import_csv("teachers", text) == "teachers: 2 created, 1 changed, 0 unchanged"
    ada.refresh_from_db()
    assert (ada.last_name, ada.email, ada.is_active) == ("Byron", "", False)
    assert Teacher.objects.get(number="P-2").email == "ADA@school.example"
    assert import_csv("teachers", text) == "teachers: 0 created, 0 changed, 3 unchanged"


def test_bad_teachers_are_refused() -> None:
    TeacherFactory.create(number="P-1", email="ada@school.example")
    lines = ["P-2,A,B,Ada@school.example", "P-3,,,", "P-4,C,D,c@x.example", "P-5,C,D,C@x.example"]
    text = "number,first_name,last_name,email\n" + "\n".join(lines)
    assert faults_of("teachers", text) == [
        "line 2, email 'ada@school.example': Teacher P-1 has this email already.",
        "line 3, last_name '': A teacher needs a first name or a last name.",
        "line 5, email 'C@x.example': The same one is on line 4 already.",
    ]


def test_sections_of_one_code_are_rows_of_their_own(fall: Term) -> None:
    text = f"{HEADER},section,starts_on,ends_on,repeatable\n" + "\n".join(
        [
            "FA,LAT-1,Latin,30,A01,,,",
            "FA,LAT-1,Latin,30,A02,2026-10-01,2027-01-31,yes",
            "FA,LAT-1,Latin,30,,,,",
        ]
    )
    assert import_csv("courses", text) == "courses: 3 created, 0 changed, 0 unchanged"
    second = Course.objects.get(section="A02")
    assert (str(second.first_day), str(second.last_day), second.repeatable) == (
        "2026-10-01",
        "2027-01-31",
        True,
    )
    assert import_csv("courses", text.replace("30,A01", "31,A01")) == (
        "courses: 0 created, 1 changed, 2 unchanged"
    )
    assert Course.objects.get(section="A01").capacity == 31


def test_without_the_column_a_line_means_the_only_section(fall: Term) -> None:
    only = CourseFactory.create(term=fall, code="LAT-1", section="A01")
    for section in ("", "B"):
        CourseFactory.create(term=fall, code="MAT-1", section=section)
    assert import_csv("courses", f"{HEADER}\nFA,LAT-1,Latin,7\n") == (
        "courses: 0 created, 1 changed, 0 unchanged"
    )
    only.refresh_from_db()
    assert (only.capacity, only.section) == (7, "A01")
    message = "This term has several sections of this course: (none), B. Name one of them."
    assert faults_of("courses", f"{HEADER}\nFA,MAT-1,Calculus,7\n") == [
        f"line 2, code 'MAT-1': {message}"
    ]


def test_dates_are_compared_with_those_of_the_term(fall: Term) -> None:
    text = f"{HEADER},starts_on,ends_on\n" + "\n".join(
        [
            "FA,A-1,A,,2026-10-02,2026-10-01",
            "FA,A-2,A,,,2026-08-31",
            "FA,A-3,A,,2026-12-19,",
            "FA,A-4,A,,2026-08-01,2026-08-31",
        ]
    )
    message = "A course cannot end before it starts."
    assert faults_of("courses", text) == [
        f"line 2, ends_on '2026-10-01': {message}",
        f"line 3, ends_on '2026-08-31': {message}",
        f"line 4, starts_on '2026-12-19': {message}",
    ]


def test_the_teachers_of_a_course_are_those_of_its_line(fall: Term) -> None:
    for number in ("P-1", "P-2", "P-3"):
        TeacherFactory.create(number=number, last_name=number)
    header = f"{HEADER},teachers\n"
    first = header + "FA,A-1,A,,P-2; P-1\nFA,A-2,A,,P-3\n"
    assert import_csv("courses", first) == "courses: 2 created, 0 changed, 0 unchanged"
    course = Course.objects.get(code="A-1")
    assert taught_by(course) == ["P-2*", "P-1"]
    assert import_csv("courses", first) == "courses: 0 created, 0 changed, 2 unchanged"

    second = header + "FA,A-1,A,,P-3;P-2\nFA,A-2,A,,\n"
    assert import_csv("courses", second) == "courses: 0 created, 2 changed, 0 unchanged"
    assert taught_by(course) == ["P-3*", "P-2"]
    assert taught_by(Course.objects.get(code="A-2")) == []
    assert Teaching.objects.filter(course=course).count() == 3
    # A file without the column leaves them as they are.
    import_csv("courses", f"{HEADER}\nFA,A-1,Another,\n")
    assert taught_by(course) == ["P-3*", "P-2"]
    assert set(Teaching.history.values_list("door", flat=True)) == {"import"}


def test_bad_teachers_of_a_course_are_refused(fall: Term) -> None:
    TeachingFactory.create(teacher__number="P-1")
    text = f"{HEADER},teachers\nFA,A-1,A,,P-1;P-9\nFA,A-2,A,,P-1; P-1\n"
    assert faults_of("courses", text) == [
        "line 2, teachers 'P-1;P-9': There is no teacher with the number “P-9”.",
        "line 3, teachers 'P-1; P-1': This teacher is named twice.",
    ]
    assert Course.objects.count() == 1
