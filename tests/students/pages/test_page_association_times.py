"""Clashes, meeting times and credits on the association form, before it is sent."""

import pytest
from django.http import QueryDict
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.meetings import parse_meetings
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Status, Student
from tests.page_text import text_of
from tests.queries import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def art(student: Student) -> Course:
    """A course that the student takes."""
    term = TermFactory.create(code="FA", max_credits=18)
    times = parse_meetings("Mon 10:00-10:50")
    course = CourseFactory.create(term=term, code="ART-1", meetings=times, credits=12)
    enrolled(student, course)
    return course


def test_courses_show_their_times_and_clashes(clerk: Client, student: Student, art: Course) -> None:
    times = parse_meetings("Mon Fri 10:30-12:00 R7")
    course = CourseFactory.create(term=art.term, code="BIO-1", meetings=times)
    CourseFactory.create(term=art.term, code="CHE-1", meetings=parse_meetings("Tue 10:00-11:00"))
    path = f"/students/{student.pk}/courses/"
    text = text_of(clerk.get(path).content.decode())
    assert "Mon Fri 10:30-12:00 R7" in text
    assert text.count("clashes with") == 1
    assert "clashes with ART-1 (FA): Mon 10:30-10:50" in text
    # Of a ticked row the refusal says it.
    ticked = text_of(clerk.get(path, {"courses": [course.pk]}).content.decode())
    assert "clashes with" not in ticked
    assert "BIO-1 (FA) meets when ART-1 (FA) does: Mon 10:30-10:50." in ticked


def test_students_show_their_clashes(clerk: Client, student: Student, art: Course) -> None:
    course = CourseFactory.create(term=art.term, meetings=parse_meetings("Mon 10:30-12:00"))
    enrolled(StudentFactory.create(), art, Status.COMPLETED)
    text = text_of(clerk.get(f"/courses/{course.pk}/students/").content.decode())
    assert text.count("clashes with ART-1 (FA): Mon 10:30-10:50") == 1


def test_says_the_credits_with_and_without_the_ticked(
    clerk: Client, student: Student, art: Course
) -> None:
    both = [CourseFactory.create(term=art.term, credits=more) for more in (3, 2)]
    enrolled(student, CourseFactory.create(term=art.term, credits=1), Status.COMPLETED)
    path = f"/students/{student.pk}/courses/"
    text = text_of(clerk.get(path).content.decode())
    assert "FA: takes 13 of 18 credits" in text
    assert "with the ticked ones" not in text
    # Also where a search shows only one of the ticked.
    data = QueryDict(mutable=True)
    data.setlist("courses", [str(row.pk) for row in both])
    ticked = clerk.get(f"{path}?{data.urlencode()}&q={both[0].code}")
    assert "FA: takes 13 of 18 credits; with the ticked ones 18" in text_of(ticked.content.decode())


def test_more_rows_take_no_more_queries(clerk: Client, student: Student, art: Course) -> None:
    course = CourseFactory.create(term=art.term, meetings=art.meetings)
    paths = [f"/students/{student.pk}/courses/", f"/courses/{course.pk}/students/"]
    before = [count_queries(lambda path=path: clerk.get(path)) for path in paths]  # type: ignore[misc]
    for _number in range(5):
        other = StudentFactory.create()
        enrolled(other, CourseFactory.create(term=art.term, meetings=art.meetings))
    after = [count_queries(lambda path=path: clerk.get(path)) for path in paths]  # type: ignore[misc]
    assert after == before
