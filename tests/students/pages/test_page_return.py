"""Saving, withdrawing and cancelling lead back to the page with its search, order and page."""

import re

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory, enrolled

pytestmark = pytest.mark.django_db


def link(page: str, path: str) -> str:
    """Return the address of the link to `path`, with its query."""
    found = re.findall(rf'href="({re.escape(path)}\?next=[^"]*)"', page)
    return str(found[0])


def test_editing_and_withdrawing_return_to_the_same_search(registrar: Client) -> None:
    row = enrolled(StudentFactory.create(last_name="Lee"), CourseFactory.create())
    term = TermFactory.create()
    roster = f"/courses/{row.course_id}/?q=lee&order=number"
    student = f"/students/{row.student_id}/?by_mistake=on"
    pair = f"/students/{row.student_id}/courses/{row.course_id}/withdraw/"
    for source, path in (
        (roster, f"/courses/{row.course_id}/edit/"),
        (roster, pair),
        (roster, f"/courses/{row.course_id}/students/"),
        (student, f"/students/{row.student_id}/edit/"),
        (student, pair),
        (student, f"/students/{row.student_id}/courses/"),
        ("/terms/?x=1", f"/terms/{term.code}/edit/"),
        ("/students/?q=lee", "/students/new/"),
        ("/courses/?q=bio", "/courses/new/"),
    ):
        address = link(registrar.get(source).content.decode(), path)
        assert registrar.get(address).context["back"] == source, (source, path)
    answer = registrar.post(link(registrar.get(roster).content.decode(), pair), {})
    assert (answer.status_code, answer["Location"]) == (302, roster)


def test_enrolling_returns_to_the_same_search(registrar: Client) -> None:
    course, student = CourseFactory.create(), StudentFactory.create()
    data = {"students": str(student.pk), "next": f"/courses/{course.pk}/?order=number"}
    page = registrar.get(f"/courses/{course.pk}/students/", data).content.decode()
    assert f'name="next" value="/courses/{course.pk}/?order=number"' in page
    answer = registrar.post(f"/courses/{course.pk}/students/", data)
    assert answer["Location"] == f"/courses/{course.pk}/?order=number"


def test_other_sites_are_ignored(registrar: Client) -> None:
    student = StudentFactory.create()
    for address in ("https://elsewhere.example/", "//elsewhere.example/"):
        page = registrar.get(f"/students/{student.pk}/edit/", {"next": address})
        assert page.context["back"] == f"/students/{student.pk}/"


def test_many_chosen_students_do_not_go_into_the_address(registrar: Client) -> None:
    course, students = CourseFactory.create(), StudentFactory.create_batch(101)
    ids = [student.pk for student in students]
    path = f"/courses/{course.pk}/students/"
    page = registrar.post(f"{path}?do=check", {"students": ids, "q": "", "cursor": ""})
    form = f'<form method="post" action="{path}?do=check" class="association"'
    assert form in " ".join(page.content.decode().split())
    assert f'formaction="{path}"' in page.content.decode()
    next_cursor = page.context["page"].next
    second = registrar.post(f"{path}?do=check", {"students": ids, "cursor": next_cursor})
    assert second.context["page"].previous
