"""Names one letter away, offered where a search finds nobody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory
from students import similar_names
from students.factories import StudentFactory, enrolled
from students.similar_names import find_similar_names

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("smiht", ["Smith"]),
        ("SMIT", ["Smith", "Smitz"]),
        ("muler", ["Müller"]),
        ("Müllere", ["Müller"]),
        ("obrian", ["O\u2019Brien"]),
        ("zoee", ["Zoe"]),
        ("smythe", []),
        ("msith", []),
        ("zo", []),
        ("smiht zoe", []),
        ("smit1", []),
        ("--", []),
        ("", []),
    ],
)
def test_names_that_share_two_letters_and_differ_in_one(typed: str, names: list[str]) -> None:
    for first, last in (
        ("Zoe", "Smith"),
        ("Bo", "Smithson"),
        ("Ann", "Smith"),
        ("Ann", "Smitz"),
        ("Ann", "Müller"),
        ("Pat", "O\u2019Brien"),
    ):
        StudentFactory.create(first_name=first, last_name=last)
    assert find_similar_names(typed) == names


def test_a_bounded_number_of_students_is_read_in_one_query(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    monkeypatch.setattr(similar_names, "MAX_STUDENTS", 2)
    for last_name in ("Smart", "Small", "Smith"):
        StudentFactory.create(last_name=last_name)
    # On PostgreSQL the search asks for an estimate first.
    with django_assert_max_num_queries(2):
        assert find_similar_names("smaill") == ["Small"]
        assert find_similar_names("a1") == []
    assert find_similar_names("smiht") == []


def test_every_page_on_which_people_are_searched_offers_them(
    clerk: Client, registrar: Client
) -> None:
    course, other = CourseFactory.create(), CourseFactory.create()
    smith = StudentFactory.create(first_name="Ann", last_name="Smith")
    StudentFactory.create(first_name="Ann", last_name="Smithe")
    enrolled(smith, course)
    for path, query in (("/students/", "&amp;is_active=true"), ("/", "")):
        text = clerk.get(f"{path}?q=smiht{query.replace('&amp;', '&')}").content.decode()
        assert f'<a href="?q=Smith{query}">Smith</a>' in text, path
    # Those of the course alone, and with the ticks.
    page = clerk.get(f"/courses/{course.pk}/?q=smiht&students={smith.pk}").content.decode()
    assert f'<a href="?q=Smith&amp;students={smith.pk}">Smith</a>' in page
    assert "Smithe" not in page
    assert "Similar names" not in clerk.get(f"/courses/{other.pk}/?q=smiht").content.decode()
    many = {"q": "smiht", "students": range(1, 150)}
    page = clerk.post(f"/courses/{course.pk}/", many).content.decode()
    assert '<button type="submit" class="quiet" name="q" value="Smith">' in page
    page = clerk.post(f"/courses/{course.pk}/students/?do=check", {"q": "smiht"}).content.decode()
    assert '<button type="submit" class="quiet" name="q" value="Smith">' in page
    student = f"/students/{smith.pk}/courses/?q=smiht"
    assert "Similar names" not in clerk.get(student).content.decode()
    for path, query in (("student", "is_active__exact=1"), ("enrollment", "status__exact=active")):
        text = registrar.get(f"/admin/students/{path}/?q=smiht&{query}").content.decode()
        assert "Similar names:" in text
        address = f"?{query}&amp;q=Smith" if path == "student" else f"?q=Smith&amp;{query}"
        assert f'<a href="{address}">Smith</a>' in text
    assert b"Similar names" not in registrar.get("/admin/courses/course/?q=smiht").content


def test_what_finds_somebody_offers_nothing(clerk: Client) -> None:
    StudentFactory.create(last_name="Smit")
    StudentFactory.create(last_name="Smith")
    assert b"Similar names" not in clerk.get("/students/?q=smit").content
