"""`/courses/{id}/withdraw/`: withdrawing several students at once; and the printed roster."""

import re

import pytest
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(capacity=2)


@pytest.fixture
def seated(course: Course) -> list[Student]:
    students = StudentFactory.create_batch(2)
    for student in students:
        enrolled(student, course)
    return students


@pytest.fixture
def url(course: Course) -> str:
    return f"/courses/{course.pk}/withdraw/"


@pytest.fixture
def waiter(clerk: Client, course: Course, seated: list[Student]) -> Student:
    student = StudentFactory.create(last_name="Waiter")
    clerk.post(f"/courses/{course.pk}/students/", {"students": [student.pk], "on_full": "waitlist"})
    clerk.get(f"/courses/{course.pk}/")
    return student


def test_previews_withdrawals_and_promotions_and_writes_nothing(
    clerk: Client, url: str, seated: list[Student], waiter: Student
) -> None:
    answer = clerk.get(url, {"students": [student.pk for student in seated]})
    text = answer.content.decode()
    assert "Withdraw 2 students from" in text
    for student in seated:
        assert str(student) in text
    assert [row.student for row in answer.context["promoted"]] == [waiter]
    assert set(Enrollment.objects.values_list("status", flat=True)) == {
        Status.ACTIVE,
        Status.WAITLISTED,
    }


def test_withdraws_and_names_the_promoted(
    clerk: Client, url: str, course: Course, seated: list[Student], waiter: Student
) -> None:
    answer = clerk.post(
        url, {"students": [student.pk for student in seated], "reason": "moved away"}
    )
    assert (answer.status_code, answer["Location"]) == (302, f"/courses/{course.pk}/")
    assert {row.student: row.status for row in Enrollment.objects.all()} == {
        **dict.fromkeys(seated, "withdrawn"),
        waiter: "active",
    }
    text = clerk.get(answer["Location"]).content.decode()
    assert "withdrawn: " in text
    assert f"{waiter}" in text
    assert 'action="/undo/"' in text
    assert (
        Enrollment.history.filter(student=seated[0]).latest().history_change_reason == "moved away"
    )


def test_undo_restores_seats_that_are_still_free(
    clerk: Client, url: str, seated: list[Student], waiter: Student
) -> None:
    answer = clerk.post(url, {"students": [student.pk for student in seated]}, follow=True)
    [token, *_history] = re.findall(r'name="token" value="([^"]*)"', answer.content.decode())
    clerk.post("/undo/", {"token": token})
    assert Enrollment.objects.get(student=waiter).status == Status.ACTIVE
    assert Enrollment.objects.filter(student__in=seated, status=Status.ACTIVE).count() == 1


def test_sent_twice_it_does_nothing_more(clerk: Client, url: str, seated: list[Student]) -> None:
    for status in (302, 422):
        assert clerk.post(url, {"students": [seated[0].pk]}).status_code == status
    assert Enrollment.history.filter(student=seated[0]).count() == 2


@pytest.mark.parametrize("students", [[], ["x"], ["404"], [str(2**70)]])
def test_nobody_ticked_gives_a_message(clerk: Client, url: str, students: list[str]) -> None:
    assert "Nobody was ticked" in clerk.get(url, {"students": students}).content.decode()
    assert clerk.post(url, {"students": students}).status_code == 422


def test_only_those_who_may_withdraw_see_checkboxes(
    clerk: Client, viewer: Client, course: Course, seated: list[Student]
) -> None:
    assert clerk.get(f"/courses/{course.pk}/").content.decode().count('name="students"') == 2
    assert 'name="students"' not in viewer.get(f"/courses/{course.pk}/").content.decode()


def test_the_roster_is_sorted_by_the_chosen_order(viewer: Client, course: Course) -> None:
    for number, name in (("2", "Abel"), ("1", "Zorn")):
        enrolled(StudentFactory.create(number=number, last_name=name), course)
    for order, names in (
        ("", ["Abel", "Zorn"]),
        ("number", ["Zorn", "Abel"]),
        ("enrolled", ["Zorn", "Abel"]),
        ("odd", ["Abel", "Zorn"]),
    ):
        page = viewer.get(f"/courses/{course.pk}/", {"order": order}).context["page"]
        assert [row.student.last_name for row in page.rows] == names


def test_the_sheet_has_all_of_them(
    viewer: Client, course: Course, seated: list[Student], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = viewer.get(f"/courses/{course.pk}/sheet/").content.decode()
    for student in seated:
        assert student.number in text
    assert "The CSV file" not in text
    monkeypatch.setattr("students.pages.rosters.MAX_PRINTED_ROWS", 1)
    answer = viewer.get(f"/courses/{course.pk}/sheet/")
    assert len(answer.context["rows"]) == 1
    assert "The CSV file has them all." in answer.content.decode()
