"""`/`: the desk."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.history import Door, acting
from courses.models import Course
from school.desk import nearly_full
from students import enrollments
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db

Browser = Callable[[str], Client]


def test_finds_students_and_courses_at_once(viewer: Client) -> None:
    student = StudentFactory.create(first_name="Anna", last_name="Smith")
    course, other = CourseFactory.create(code="ANT-1", title="Ants"), CourseFactory.create(code="BEE-1", title="Bees")
    text = viewer.get("/", {"q": "an"}).content.decode()
    assert f"/students/{student.pk}/" in text
    assert f"/courses/{course.pk}/" in text
    assert f"/courses/{other.pk}/" not in text
    assert 'href="/students/?q=an"' in text
    assert "No student was found." in viewer.get("/", {"q": "zzz"}).content.decode()
    assert "No student was found." not in viewer.get("/").content.decode()


def test_finds_ten_of_each_at_most(viewer: Client) -> None:
    StudentFactory.create_batch(12, last_name="Same")
    assert len(viewer.get("/", {"q": "same"}).context["students"]) == 10


def test_shows_the_running_term_in_numbers(viewer: Client) -> None:
    today = timezone.localdate()
    running, over = TermFactory.create(code="NOW"), TermFactory.create(code="OVER", starts_on=today - timedelta(days=200))
    one, two = StudentFactory.create_batch(2)
    for student, course, status in [
        (one, CourseFactory.create(term=running), Status.ACTIVE),
        (one, CourseFactory.create(term=running), Status.ACTIVE),
        (two, CourseFactory.create(term=running), Status.ACTIVE),
        (two, CourseFactory.create(term=running), Status.WITHDRAWN),
        (two, CourseFactory.create(term=over), Status.ACTIVE),
    ]:
        enrolled(student, course, status)
    [row] = viewer.get("/").context["terms"]
    assert (row["term"], row["students"], row["taken"], row["waiting"]) == (running, 2, 3, 0)


def test_says_so_where_no_term_runs(viewer: Client) -> None:
    text = viewer.get("/").content.decode()
    assert "No term runs today." in text
    assert "Nothing has happened yet." in text


@pytest.mark.parametrize(("capacity", "taken", "shown"), [(10, 9, True), (10, 8, False), (5, 4, False), (5, 5, True), (0, 0, False), (None, 3, False)])
def test_shows_courses_that_are_nearly_full(capacity: int | None, taken: int, shown: bool) -> None:
    course = CourseFactory.create(capacity=capacity)
    for student in StudentFactory.create_batch(taken):
        enrolled(student, course)
    assert list(nearly_full()) == ([course] if shown else [])


def test_shows_courses_with_somebody_waiting_first(viewer: Client) -> None:
    full, waited_for = CourseFactory.create(capacity=1), CourseFactory.create(capacity=9)
    enrolled(StudentFactory.create(), full)
    row = enrolled(StudentFactory.create(), waited_for)
    Enrollment._base_manager.filter(pk=row.pk).update(status=Status.WAITLISTED)
    assert list(nearly_full()) == [waited_for, full]
    assert "1 waiting" in viewer.get("/").content.decode()


def test_a_course_of_a_term_that_is_over_needs_no_look() -> None:
    course = CourseFactory.create(capacity=1, term=TermFactory.create(starts_on=timezone.localdate() - timedelta(days=200)))
    enrolled(StudentFactory.create(), course)
    assert list(nearly_full()) == []


def test_shows_the_latest_changes_with_who_made_them(viewer: Client, user_of: Callable[[str], User]) -> None:
    request: Any = RequestFactory().post("/")
    request.user = user_of("Clerk")
    course = CourseFactory.create()
    students = StudentFactory.create_batch(11)
    with acting(Door.API, request, "by letter"):
        for student in students:
            enrollments.enroll([(student.pk, course.pk)])
    answer = viewer.get("/")
    assert [record.student_id for record in answer.context["history"]] == [student.pk for student in reversed(students[1:])]
    text = answer.content.decode()
    for words in ("clerk", "API", "by letter", str(students[-1]), str(course)):
        assert words in text


def test_asks_a_bounded_number_of_queries(viewer: Client, django_assert_max_num_queries: Callable[[int], Any]) -> None:
    courses: list[Course] = CourseFactory.create_batch(5, capacity=3)
    students: list[Student] = StudentFactory.create_batch(3)
    for course in courses:
        for student in students:
            enrolled(student, course)
    with django_assert_max_num_queries(12):
        viewer.get("/", {"q": "c"})


def test_who_has_no_role_is_told_so(browser_of: Browser) -> None:
    StudentFactory.create(last_name="Secret")
    answer = browser_of("Nobody").get("/", {"q": "secret"})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "no role yet" in text
    assert "Secret" not in text
    assert "/students/" not in text
