"""Changes of students, courses and terms, as pages and the admin show them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from core.history.actor import Door, record_changes_as
from core.history.models import HistoryModel
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory
from students.models import Student
from tests.queries import count_queries

pytestmark = pytest.mark.django_db


def displayed_changes(records: list[Any]) -> list[list[tuple[str, str, str]]]:
    changes = []
    for record in records:
        delta = getattr(record, "history_delta_changes", [])
        changes.append([(change["field"], change["old"], change["new"]) for change in delta])
    return changes


def change(row: HistoryModel, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


@pytest.fixture
def student() -> Student:
    return StudentFactory.create(first_name="Ann", email="ann@school.example")


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(
        code="BIO-1",
        title="Life",
        capacity=None,
        prerequisites=[],
        term=TermFactory.create(code="2026-FA"),
    )


def test_the_student_page_shows_the_latest_change_first(clerk: Client, student: Student) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.create_user("bob")
    with record_changes_as(Door.ADMIN, request, "she married"):
        change(student, last_name="O'Neil", is_active=False)
    answer = clerk.get(f"/students/{student.pk}/")
    [last, first] = answer.context["edits"].rows
    assert (last.who, last.door, last.history_change_reason) == ("bob", "admin", "she married")
    assert displayed_changes([last, first])[0][0] == ("Active", "yes", "no")
    assert [field for field, _old, _new in displayed_changes([last, first])[0]] == [
        "Active",
        "Last name",
    ]
    assert displayed_changes([first]) == [[]]
    text = answer.content.decode()
    for words in ("Changes to the student", "bob", "she married", "O&#x27;Neil", "Created"):
        assert words in text


def test_the_course_page_shows_values_as_text(viewer: Client, course: Course) -> None:
    CourseFactory.create(code="BIO-0", term=course.term)
    change(course, capacity=30, prerequisites=["BIO-0"])
    change(course, term=TermFactory.create(code="2027-SP"))
    answer = viewer.get(f"/courses/{course.pk}/")
    assert displayed_changes(answer.context["edits"].rows) == [
        [("Term", "2026-FA", "2027-SP")],
        [("Capacity", "-", "30"), ("Prerequisites", "-", "BIO-0")],
        [],
    ]


def test_meetings_are_shown_as_text(
    viewer: Client, browser_of: Callable[[str], Client], course: Course
) -> None:
    text = "Mon Wed 10:00-10:50 CENTR 105"
    change(course, meetings=text)
    change(course, meetings=[])
    expected = [[("Meetings", text, "-")], [("Meetings", "-", text)], []]
    answer = viewer.get(f"/courses/{course.pk}/")
    assert displayed_changes(answer.context["edits"].rows) == expected
    url = reverse("admin:courses_course_history", args=[course.pk])
    page = browser_of("admin").get(url).context["page_obj"]
    assert displayed_changes(list(page)) == expected


def test_the_last_record_of_each_page_shows_its_change(clerk: Client, student: Student) -> None:
    for number in range(25):
        change(student, first_name=f"Ann {number}")
    first = clerk.get(f"/students/{student.pk}/")
    second = clerk.get(f"/students/{student.pk}/", {"edits": first.context["edits"].next})
    pages = [displayed_changes(answer.context["edits"].rows) for answer in (first, second)]
    assert [len(page) for page in pages] == [20, 6]
    assert pages[0][-1] == [("First name", "Ann 4", "Ann 5")]
    assert pages[1][0] == [("First name", "Ann 3", "Ann 4")]


def test_typed_text_is_escaped(clerk: Client, student: Student) -> None:
    change(student, first_name="<b>Ann</b>")
    change(student, first_name="<script>")
    text = clerk.get(f"/students/{student.pk}/").content.decode()
    assert "<b>Ann" not in text
    assert "First name:</strong> &lt;b&gt;Ann&lt;/b&gt;" in text


@pytest.mark.parametrize("what", ["student", "course"])
def test_queries_do_not_grow_with_changes(
    clerk: Client, what: str, request: pytest.FixtureRequest
) -> None:
    row = request.getfixturevalue(what)
    name = "first_name" if what == "student" else "title"
    for number in range(21):
        change(row, **{name: f"{number}"})
    url = reverse(what, args=[row.pk])
    many = count_queries(lambda: clerk.get(url))
    for number in range(21, 60):
        change(row, **{name: f"{number}"})
    assert count_queries(lambda: clerk.get(url)) == many


def test_the_admin_shows_the_change_of_the_last_record_of_each_page(
    browser_of: Callable[[str], Client], course: Course
) -> None:
    term = course.term
    for number in range(101):
        change(term, name=f"Term {number}")
    url = reverse("admin:courses_term_history", args=[term.pk])
    boss = browser_of("admin")
    first, second = (
        displayed_changes(list(boss.get(url, {"p": page}).context["page_obj"])) for page in (1, 2)
    )
    assert (first[-1], second[0]) == (
        [("Name", "Term 0", "Term 1")],
        [("Name", second[0][0][1], "Term 0")],
    )
