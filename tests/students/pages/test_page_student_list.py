"""`/students/`: the list."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db


def shown(answer: Any) -> list[Student]:
    rows: list[Student] = answer.context["page"].rows
    return rows


def test_is_sorted_by_name_and_counts_the_courses(viewer: Client) -> None:
    zoe, ann, bob = (
        StudentFactory.create(last_name=last, first_name=first)
        for last, first in (("Zu", "Zoe"), ("Abel", "Ann"), ("Abel", "Bob"))
    )
    enrolled(zoe, CourseFactory.create())
    enrolled(zoe, CourseFactory.create(), Status.WITHDRAWN)
    answer = viewer.get("/students/")
    assert shown(answer) == [ann, bob, zoe]
    assert [student.course_count for student in shown(answer)] == [0, 0, 1]
    assert f'<a href="/students/{zoe.pk}/">Zu, Zoe</a>' in answer.content.decode()


def test_search_and_filter(viewer: Client) -> None:
    ann, inactive = (
        StudentFactory.create(first_name="Ann"),
        StudentFactory.create(first_name="Annette", is_active=False),
    )
    bob = StudentFactory.create(first_name="Bob")
    assert set(shown(viewer.get("/students/", {"q": "ann"}))) == {ann, inactive}
    assert shown(viewer.get("/students/", {"q": "ann", "is_active": "true"})) == [ann]
    assert shown(viewer.get("/students/", {"is_active": "false"})) == [inactive]
    assert shown(viewer.get("/students/", {"q": bob.number})) == [bob]
    assert "No student was found." in viewer.get("/students/", {"q": "zzz"}).content.decode()
    assert 'value="zzz"' in viewer.get("/students/", {"q": "zzz"}).content.decode()


def test_pages_forth_and_back_have_every_student_once(viewer: Client) -> None:
    StudentFactory.create_batch(70, last_name="Same")
    StudentFactory.create_batch(40)
    StudentFactory.create(last_name="Other", is_active=False)
    everybody = list(
        Student.objects.filter(is_active=True).order_by("last_name", "first_name", "id")
    )
    answers = [viewer.get("/students/", {"is_active": "true"})]
    while cursor := answers[-1].context["page"].next:
        assert 'rel="next"' in answers[-1].content.decode()
        answers.append(viewer.get("/students/", {"is_active": "true", "cursor": cursor}))
    assert [len(shown(answer)) for answer in answers] == [50, 50, 10]
    assert [student for answer in answers for student in shown(answer)] == everybody
    back = viewer.get(
        "/students/", {"is_active": "true", "cursor": answers[-1].context["page"].previous}
    )
    assert shown(back) == shown(answers[1])


def test_the_links_between_pages_keep_the_search(viewer: Client) -> None:
    StudentFactory.create_batch(51, last_name="Same")
    text = viewer.get("/students/", {"q": "same"}).content.decode()
    assert 'href="?q=same&amp;cursor=' in text
    assert 'rel="prev"' not in text


def test_takes_a_bounded_number_of_queries(
    viewer: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for student in StudentFactory.create_batch(5):
        enrolled(student, CourseFactory.create())
    with django_assert_max_num_queries(5):
        viewer.get("/students/")
