"""Ticks on the roster of `/courses/{id}/`: they stay with their students."""

import re
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(capacity=None)


@pytest.fixture
def students(course: Course) -> list[Student]:
    created = [StudentFactory.create(last_name=name) for name in ("Abel", "Bell", "Cole")]
    for student in created:
        enrolled(student, course)
    return created


def ticked(answer: Any) -> list[int]:
    """Return the ids of the ticked students, in the order of the page."""
    boxes = re.findall(r"<input[^>]*name=\"students\"[^>]*>", answer.content.decode())
    return [int(re.findall(r'value="(\d+)"', box)[0]) for box in boxes if "checked" in box]


@pytest.mark.parametrize("query", [{}, {"order": "number"}, {"q": "cole"}, {"cursor": "x"}])
def test_ticks_survive_sorting_searching_and_paging(
    clerk: Client, course: Course, students: list[Student], query: dict[str, Any]
) -> None:
    ids = [str(student.pk) for student in students[:2]]
    answer = clerk.get(f"/courses/{course.pk}/", {"students": ids, **query})
    assert sorted(map(str, ticked(answer))) == sorted(ids)


def test_rows_and_boxes_have_ids(clerk: Client, course: Course, students: list[Student]) -> None:
    text = clerk.get(f"/courses/{course.pk}/").content.decode()
    for student in students:
        assert f'id="row-{student.pk}"' in text
        assert f'id="tick-{student.pk}"' in text


def test_ticked_students_of_other_pages_are_listed_first(clerk: Client, course: Course) -> None:
    for number in range(53):
        enrolled(StudentFactory.create(last_name=f"N{number:02}"), course)
    last = Student.objects.get(last_name="N52")
    answer = clerk.get(f"/courses/{course.pk}/", {"students": last.pk})
    assert [row.student for row in answer.context["ticked"]] == [last]
    text = answer.content.decode()
    assert text.index("N52,") < text.index("N00,")


def test_a_student_who_has_left_is_not_ticked(
    clerk: Client, course: Course, students: list[Student]
) -> None:
    left = enrolled(StudentFactory.create(), course, Status.WITHDRAWN).student
    answer = clerk.get(f"/courses/{course.pk}/", {"students": [str(left.pk), "404", "x"]})
    assert ticked(answer) == []


def test_a_viewer_has_no_ticks(viewer: Client, course: Course, students: list[Student]) -> None:
    answer = viewer.get(f"/courses/{course.pk}/", {"students": str(students[0].pk), "q": "cole"})
    assert ticked(answer) == []
    assert "Abel," not in answer.content.decode()


def test_the_withdrawal_returns_to_the_same_search_and_page(
    clerk: Client, course: Course, students: list[Student]
) -> None:
    ids = f"students={students[0].pk}&students={students[1].pk}"
    page = clerk.get(f"/courses/{course.pk}/withdraw/?{ids}&q=l&order=number")
    assert page.context["back"] == f"/courses/{course.pk}/?q=l&order=number&{ids}"
    action = re.findall(r'<form method="post"\s+action="([^"]*)"', page.content.decode())
    assert f"/courses/{course.pk}/withdraw/?q=l&amp;order=number" in action
    answer = clerk.post(
        f"/courses/{course.pk}/withdraw/?q=l&order=number", {"students": [students[0].pk]}
    )
    assert answer["Location"] == f"/courses/{course.pk}/?q=l&order=number"


def test_many_ticks_are_posted_and_all_of_them_withdrawn(clerk: Client, course: Course) -> None:
    ids = []
    for student in StudentFactory.create_batch(120):
        enrolled(student, course)
        ids.append(student.pk)
    answer = clerk.post(f"/courses/{course.pk}/", {"students": ids, "order": "number"})
    assert sorted(ticked(answer)) == sorted(ids)
    assert 'method="post"' in answer.content.decode().partition('id="roster"')[0][-80:]
    page = clerk.post(f"/courses/{course.pk}/withdraw/?do=check", {"students": ids})
    assert page.status_code == 200
    assert len(page.context["rows"]) == 120
    assert course.enrollments.current().count() == 120
    clerk.post(f"/courses/{course.pk}/withdraw/", {"students": ids})
    assert course.enrollments.current().count() == 0
