"""The week of a student, and the credits of each term, on the student's page."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.meetings import parse_meetings
from courses.models import Course, Term
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Status, Student
from tests.page_text import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def term() -> Term:
    return TermFactory.create(code="FA", max_credits=18)


def take(
    student: Student,
    term: Term,
    code: str,
    times: str,
    status: Status = Status.ACTIVE,
    **more: object,
) -> None:
    course = CourseFactory.create(term=term, code=code, meetings=parse_meetings(times), **more)
    enrolled(student, course, status)


def test_days_are_columns_and_meetings_are_in_rows_by_their_start(
    clerk: Client, student: Student, term: Term
) -> None:
    take(student, term, "ART-1", "Wed Mon 10:00-10:50 R1; Fri 8:00-9:00")
    take(student, term, "BIO-1", "")
    Course.objects.filter(code="BIO-1").update(meetings=parse_meetings("Mon 10:00-12:00 R2"))
    take(student, term, "PHY-1", "")
    take(student, term, "CHE-1", "Tue 9:00-9:50", capacity=0, status=Status.WAITLISTED)
    take(student, term, "OLD-1", "Sun 1:00-2:00", ends_on=timezone.localdate() - timedelta(days=1))
    take(student, term, "OUT-1", "Sat 1:00-2:00", status=Status.WITHDRAWN)
    answer = clerk.get(f"/students/{student.pk}/")
    [week] = answer.context["weeks"]
    assert [day.name for day in week.days] == ["Monday", "Tuesday", "Wednesday", "Friday"]
    assert {
        starts: [[meeting.enrollment.course.code for meeting in day.meetings] for day in days]
        for starts, days in week.rows.items()
    } == {
        "08:00": [[], [], [], ["ART-1"]],
        "09:00": [[], ["CHE-1"], [], []],
        "10:00": [["ART-1", "BIO-1"], [], ["ART-1"], []],
    }
    text = text_of(answer.content.decode())
    assert "BIO-1 10:00-12:00 R2" in text
    assert "CHE-1 09:00-09:50 waitlisted place 1" in text
    assert "Without times: PHY-1" in text


def test_each_term_that_is_not_over_has_a_week_of_its_own(
    clerk: Client, student: Student, term: Term
) -> None:
    today = timezone.localdate()
    past = TermFactory.create(
        starts_on=today - timedelta(days=90), ends_on=today - timedelta(days=40)
    )
    later = TermFactory.create(code="SP", starts_on=term.ends_on + timedelta(days=1))
    for of_term in (past, term, later):
        take(student, of_term, "ART-1", "Mon 10:00-10:50")
    weeks = clerk.get(f"/students/{student.pk}/").context["weeks"]
    assert [week.term for week in weeks] == [later, term]
    take(StudentFactory.create(), term, "ART-2", "")
    other = Student.objects.latest("pk")
    assert clerk.get(f"/students/{other.pk}/").context["weeks"] == []


def test_the_sum_of_credits_is_below_each_term(clerk: Client, student: Student, term: Term) -> None:
    free = TermFactory.create(code="SP", starts_on=term.ends_on + timedelta(days=1))
    own = TermFactory.create(code="SU", starts_on=free.ends_on + timedelta(days=1), max_credits=9)
    CreditLimit.objects.create(student=student, term=own, max_credits=21)
    for of_term in (term, free, own):
        take(student, of_term, "A", "", credits="7.5")
        take(student, of_term, "B", "", credits=4, status=Status.COMPLETED)
        take(student, of_term, "C", "", credits=2, status=Status.WITHDRAWN)
        take(student, of_term, "D", "", credits=3, capacity=0, status=Status.WAITLISTED)
    text = text_of(clerk.get(f"/students/{student.pk}/").content.decode())
    assert text.count("Together 11.50 of 18 credits") == 1
    assert text.count("Together 11.50 credits") == 1
    assert text.count("Together 11.50 of 21 credits") == 1
