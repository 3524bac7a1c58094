"""Meeting times on the staff pages of a course, and in its forms."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.meetings import export_meetings, parse_meetings
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Status
from tests.admin_page import submit
from tests.page_text import text_of

pytestmark = pytest.mark.django_db
MORNING = "Mon Wed 10:00-10:50 CENTR 105"
EVENING = "Mon 18:00-18:50"


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(code="BIO-1", meetings=parse_meetings(EVENING))


@pytest.fixture
def classmates(course: Course) -> None:
    """Three students of the course, two of whom take another one on Monday morning."""
    other = CourseFactory.create(term=course.term, meetings=parse_meetings("Mon 10:30-12:00"))
    for others in ([other], [other], []):
        student = StudentFactory.create()
        for taken in (course, *others):
            enrolled(student, taken)


def edit_path(course: Course, door: str) -> str:
    paths = {"staff": "/courses/{pk}/edit/", "admin": "/admin/courses/course/{pk}/change/"}
    return paths[door].format(pk=course.pk)


def test_times_are_shown_with_the_course_and_its_roster(clerk: Client, course: Course) -> None:
    Course.objects.update(meetings=parse_meetings(f"{MORNING}; {EVENING}"))
    enrolled(StudentFactory.create(), course)
    CourseFactory.create(
        term=course.term, code="BIO-1", section="B", meetings=parse_meetings("Fri 8:00-9:00")
    )
    page = text_of(clerk.get(f"/courses/{course.pk}/").content.decode())
    assert "Mon Wed 10:00-10:50 CENTR 105; Mon 18:00-18:50" in page
    assert "Fri 08:00-09:00" in page
    sheet = text_of(clerk.get(f"/courses/{course.pk}/sheet/").content.decode())
    assert "Times: Mon Wed 10:00-10:50 CENTR 105; Mon 18:00-18:50" in sheet
    file = clerk.get(f"/courses/{course.pk}/roster.csv", headers={"Accept-Language": "de"})
    [row] = csv.DictReader(StringIO(file.content.decode().removeprefix("\ufeff")))
    assert row["meetings"] == f"{MORNING}; {EVENING}"


def test_a_wrong_text_is_kept_and_the_wrong_part_is_named(
    registrar: Client, course: Course
) -> None:
    for door in ("staff", "admin"):
        path = edit_path(course, door)
        answer = submit(registrar, path, {"meetings": f"{MORNING}; Mon 1x:00"})
        html = answer.content.decode()
        assert "“Mon 1x:00” is not read." in html
        assert f'value="{MORNING}; Mon 1x:00"' in html
    course.refresh_from_db()
    assert export_meetings(course.meetings) == EVENING


@pytest.mark.parametrize("door", ["staff", "admin"])
@pytest.mark.usefixtures("classmates")
def test_changed_times_say_beforehand_how_many_students_would_clash(
    registrar: Client, course: Course, door: str
) -> None:
    path = edit_path(course, door)
    changes: dict[str, Any] = {"meetings": MORNING, "title": "New title"}
    assert "accept_clashes" not in text_of(registrar.get(path).content.decode())
    answer = submit(registrar, path, changes)
    html = answer.content.decode()
    assert "With these times 2 of the 3 students would have a clash." in html
    assert f'value="{MORNING}"' in html
    assert 'value="New title"' in html
    course.refresh_from_db()
    assert (course.title, export_meetings(course.meetings)) == ("Course BIO-1", EVENING)

    assert submit(registrar, path, {**changes, "accept_clashes": "on"}).status_code == 302
    course.refresh_from_db()
    assert (course.title, export_meetings(course.meetings)) == ("New title", MORNING)
    # Those who have the clash already are not counted again.
    assert submit(registrar, path, {"meetings": f"{MORNING} 2"}).status_code == 302


@pytest.mark.parametrize("field", ["starts_on", "ends_on", "term"])
def test_changed_dates_make_courses_clash_too(
    registrar: Client, course: Course, field: str
) -> None:
    term = course.term
    later = TermFactory.create(starts_on=term.ends_on.replace(year=term.ends_on.year + 1))
    other = CourseFactory.create(term=later, meetings=course.meetings)
    changes: dict[str, Any] = {"term": later.pk} if field == "term" else {"ends_on": later.ends_on}
    if field == "starts_on":
        Course.objects.filter(pk=other.pk).update(term=term)
        Course.objects.filter(pk=course.pk).update(starts_on=later.starts_on, ends_on=later.ends_on)
        changes = {"starts_on": term.starts_on}
    student = StudentFactory.create()
    for taken in (course, other):
        course.refresh_from_db()
        enrolled(student, taken)
    for door in ("staff", "admin"):
        answer = submit(registrar, edit_path(course, door), changes)
        assert "With these times 1 of the 1 students" in answer.content.decode()


def test_nothing_is_asked_where_nobody_would_clash(registrar: Client, course: Course) -> None:
    other = CourseFactory.create(term=course.term, meetings=parse_meetings(MORNING))
    for status in (Status.COMPLETED, Status.WITHDRAWN):
        student = StudentFactory.create()
        enrolled(student, other, status)
        enrolled(student, course)
    enrolled(StudentFactory.create(), other)
    for door in ("staff", "admin"):
        answer = submit(registrar, edit_path(course, door), {"meetings": MORNING})
        assert answer.status_code == 302
        Course.objects.filter(pk=course.pk).update(meetings=parse_meetings(EVENING))
