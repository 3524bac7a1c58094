"""The pages of teachers, and teachers and sections on the pages and forms of courses."""

import csv
from collections.abc import Callable
from io import StringIO

import pytest
from django.test import Client

from courses.factories import CourseFactory, TeacherFactory, TeachingFactory, TermFactory
from courses.models import Course, Teacher, Teaching
from courses.teaching import Assignment, set_teachers
from students.factories import StudentFactory, enrolled
from tests.admin_page import submit
from tests.page_text import text_of

pytestmark = pytest.mark.django_db
ADMIN = "/admin/courses/course/"
FORMS = pytest.mark.parametrize("path", ["/courses/{}/edit/", ADMIN + "{}/change/"])


@pytest.fixture
def ada() -> Teacher:
    return TeacherFactory.create(
        number="P-1", first_name="Ada", last_name="Byron", email="ada@school.example"
    )


@pytest.fixture
def kurt() -> Teacher:
    return TeacherFactory.create(number="P-2", first_name="Kurt", last_name="Gödel")


@pytest.fixture
def admin(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("admin")


def page_text(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return text_of(answer.content.decode())


def taught_by(course: Course) -> list[str]:
    """The numbers of the current teachers, with a star after that of the primary one."""
    teachings = Teaching.objects.current().filter(course=course).in_order()
    rows = teachings.values_list("teacher__number", "is_primary")
    return [number + "*" * is_primary for number, is_primary in rows]


def test_a_teacher_is_created_listed_changed_and_shown_with_courses(
    registrar: Client, ada: Teacher
) -> None:
    body = {"number": "P-2", "first_name": "Kurt", "last_name": "Gödel", "is_active": "on"}
    answer = registrar.post("/teachers/new/", body)
    kurt = Teacher.objects.get(number="P-2")
    assert answer["Location"] == f"/teachers/{kurt.pk}/"
    assert submit(registrar, f"/teachers/{kurt.pk}/edit/", {"is_active": None}).status_code == 302
    assert kurt.history.count() == 2

    listed = page_text(registrar, "/teachers/?is_active=false")
    assert "Gödel, Kurt" in listed
    assert "Byron, Ada" not in listed
    assert "Byron, Ada" in page_text(registrar, "/teachers/?q=byr")

    now, before = (
        CourseFactory.create(code=code, section="A01", title=title)
        for code, title in (("LAT-1", "Latin"), ("GRE-1", "Greek"))
    )
    set_teachers({now.pk: [Assignment(kurt.pk, is_primary=True)]})
    set_teachers({before.pk: [Assignment(kurt.pk, is_primary=False)]})
    set_teachers({before.pk: []})
    shown = page_text(registrar, f"/teachers/{kurt.pk}/")
    current, _heading, former = shown.partition("Taught before")
    assert "LAT-1 · A01 Latin primary teacher" in current
    assert "GRE-1 · A01 Greek" in former
    assert "not active" in shown


@FORMS
def test_a_form_gives_a_course_its_teachers(
    admin: Client, ada: Teacher, kurt: Teacher, path: str
) -> None:
    course = TeachingFactory.create(teacher=kurt, is_primary=True).course
    form = path.format(course.pk)
    for typed, taught in [
        ("ada@SCHOOL.example\nGödel, Kurt", ["P-1*", "P-2"]),
        ("Kurt Gödel (P-2)\r\nbyron", ["P-2*", "P-1"]),
        ("P-1; P-2", ["P-1*", "P-2"]),
        ("", []),
    ]:
        assert submit(admin, form, {"teachers": typed}).status_code == 302
        assert taught_by(course) == taught
    assert Teaching.objects.count() == 2
    # Other fields are saved without touching the teachers.
    set_teachers({course.pk: [Assignment(ada.pk, is_primary=False)]})
    records = Teaching.history.count()
    assert submit(admin, form, {"title": "Other"}).status_code == 302
    assert (taught_by(course), Teaching.history.count()) == (["P-1"], records)


@FORMS
def test_wrong_teachers_stay_in_the_form(
    admin: Client, ada: Teacher, kurt: Teacher, path: str
) -> None:
    TeacherFactory.create(number="P-3", first_name="Zoe", last_name="Byron")
    course = CourseFactory.create()
    typed = "nobody\nByron\nP-2\nP-2"
    answer = submit(admin, path.format(course.pk), {"teachers": typed, "title": "Other"})
    shown = text_of(answer.content.decode())
    assert "There is no teacher “nobody”." in shown
    assert "may be one of several: Ada Byron (P-1), Zoe Byron (P-3). Write the number." in shown
    assert "This teacher is named twice." in shown
    assert typed in answer.content.decode().replace("\r\n", "\n")
    course.refresh_from_db()
    assert (course.title == "Other", taught_by(course)) == (False, [])


@FORMS
def test_teachers_that_somebody_else_has_changed_are_not_overwritten(
    admin: Client, ada: Teacher, kurt: Teacher, path: str
) -> None:
    course = CourseFactory.create()
    form = path.format(course.pk)
    changes = {"teachers": "P-1", "initial-teachers": ""}
    set_teachers({course.pk: [Assignment(kurt.pk, is_primary=True)]})
    answer = submit(admin, form, changes)
    assert "has changed it to “Kurt Gödel (P-2)” meanwhile" in text_of(answer.content.decode())
    assert taught_by(course) == ["P-2*"]
    assert submit(admin, form, {"teachers": "P-1"}).status_code == 302
    assert taught_by(course) == ["P-1*"]


def test_a_new_course_has_section_dates_and_teachers(registrar: Client, ada: Teacher) -> None:
    term = TermFactory.create()
    body = {
        "term": term.pk,
        "code": "LAT-1",
        "section": "A01",
        "title": "Latin",
        "credits": "3",
        "starts_on": "2026-10-01",
        "ends_on": "2026-10-31",
        "is_open": "on",
        "teachers": "byron",
    }
    assert registrar.post("/courses/new/", body).status_code == 302
    course = Course.objects.get()
    assert (course.section, str(course.first_day), str(course.last_day)) == (
        "A01",
        "2026-10-01",
        "2026-10-31",
    )
    assert taught_by(course) == ["P-1*"]
    again = registrar.post("/courses/new/", body)
    assert (again.status_code, list(again.context["form"].errors)) == (422, ["code"])
    wrong = registrar.post("/courses/new/", body | {"section": "A02", "ends_on": "2026-09-30"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["ends_on"])


def test_the_page_of_a_course_shows_its_teachers_and_other_sections(
    registrar: Client, ada: Teacher, kurt: Teacher
) -> None:
    term = TermFactory.create()
    course, other, whole = (
        CourseFactory.create(term=term, code="LAT-1", section=section, capacity=2)
        for section in ("A01", "A02", "")
    )
    elsewhere = CourseFactory.create(code="LAT-1", section="B01")
    enrolled(StudentFactory.create(), other)
    assignments = [Assignment(kurt.pk, is_primary=True), Assignment(ada.pk, is_primary=False)]
    set_teachers({course.pk: assignments})
    set_teachers({course.pk: assignments[1:]})
    set_teachers({course.pk: assignments, other.pk: assignments[1:]})

    html = registrar.get(f"/courses/{course.pk}/").content.decode()
    shown = text_of(html)
    assert "Teachers Kurt Gödel (primary), Ada Byron" in shown
    sections = shown.partition("Other sections")[2].partition("Roster")[0]
    assert "LAT-1 · A02 Ada Byron 1 / 2 1 seat left" in sections
    assert f'href="/courses/{whole.pk}/"' in html
    assert f'href="/courses/{elsewhere.pk}/"' not in html
    changes = shown.partition("Changes of the teachers")[2]
    sentences = [
        "Kurt Gödel (P-2) became the primary teacher of the course",
        "Kurt Gödel (P-2) left the course",
        "Ada Byron (P-1) became a teacher of the course",
    ]
    assert [changes.count(sentence) for sentence in sentences] == [2, 1, 1]
    assert "Other sections" not in page_text(registrar, f"/courses/{elsewhere.pk}/")


def test_rosters_name_the_teachers(registrar: Client, ada: Teacher, kurt: Teacher) -> None:
    course = CourseFactory.create(code="LAT-1", section="A01")
    enrolled(StudentFactory.create(), course)
    set_teachers({course.pk: [Assignment(kurt.pk, True), Assignment(ada.pk, False)]})
    sheet = page_text(registrar, f"/courses/{course.pk}/sheet/")
    assert "LAT-1 · A01" in sheet
    assert "Teachers: Kurt Gödel (primary), Ada Byron" in sheet
    text = registrar.get(f"/courses/{course.pk}/roster.csv").content.decode()
    [line] = csv.DictReader(StringIO(text.removeprefix("\ufeff")))
    assert line["teachers"] == "Kurt Gödel; Ada Byron"


def test_the_association_form_groups_sections_under_their_code(
    registrar: Client, ada: Teacher
) -> None:
    term = TermFactory.create(code="FA")
    CourseFactory.create(term=term, code="GRE-1", title="Greek")
    sections = [
        CourseFactory.create(term=term, code="LAT-1", section=section, title="Latin")
        for section in ("B01", "A01")
    ]
    set_teachers({sections[0].pk: [Assignment(ada.pk, is_primary=True)]})
    shown = page_text(registrar, f"/students/{StudentFactory.create().pk}/courses/")
    _before, _heading, after = shown.partition("Sections of LAT-1 (FA)")
    assert shown.count("Sections of") == 1
    assert "GRE-1 Greek" in _before
    assert after.index("LAT-1 · A01 Latin") < after.index("LAT-1 · B01 Latin Ada Byron")
