"""Two people change one row in the admin at the same time."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import (
    IMPORT_TRANSITIONS,
    WITHDRAW,
    WITHDRAW_OR_CORRECT,
    EnrollmentChange,
)
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import Fields, fields_of, messages_of, submit

pytestmark = pytest.mark.django_db


def page_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def opened(browser: Client, row: Any) -> Fields:
    return fields_of(browser.get(page_of(row)).content.decode())


def colleague_saves(row: Any, **values: Any) -> None:
    now = type(row).objects.get(pk=row.pk)
    for name, value in values.items():
        setattr(now, name, value)
    now.save(update_fields=list(values))


def colleague_gives(row: Enrollment, status: Status) -> None:
    verb = WITHDRAW_OR_CORRECT if status == Status.WITHDRAWN else IMPORT_TRANSITIONS[status]
    service.apply_changes([EnrollmentChange(row.student_id, row.course_id, verb)])


def errors_of(answer: Any) -> Any:
    return answer.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("make", "field", "theirs", "mine"),
    [
        (StudentFactory, "first_name", "Anna", "Anne"),
        (CourseFactory, "title", "Life", "Botany"),
        (TermFactory, "name", "Fall", "Autumn"),
    ],
)
def test_a_conflict_shows_both_values_and_saving_again_takes_mine(
    registrar: Client, make: Any, field: str, theirs: str, mine: str
) -> None:
    row = make()
    was = getattr(row, field)
    page = opened(registrar, row)
    colleague_saves(row, **{field: theirs})

    answer = submit(registrar, page_of(row), {field: mine}, page=page)

    assert (
        f"It was “{was}” when you began. Somebody has changed it to “{theirs}” meanwhile"
        in errors_of(answer)[field][0]
    )
    assert not LogEntry.objects.exists()
    again = fields_of(answer.content.decode())
    assert (again[field], again[f"initial-{field}"]) == ([mine], [theirs])
    assert submit(registrar, page_of(row), page=again).status_code == 302
    row.refresh_from_db()
    assert getattr(row, field) == mine


def test_changes_of_different_fields_are_both_saved(registrar: Client) -> None:
    student = StudentFactory(first_name="Ann", is_active=True)
    page = opened(registrar, student)
    colleague_saves(student, is_active=False)

    assert submit(registrar, page_of(student), {"first_name": "Anna"}, page=page).status_code == 302

    student.refresh_from_db()
    assert (student.first_name, student.is_active) == ("Anna", False)


def test_the_value_under_the_lock_decides(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else saves between the check of the form and its saving."""
    course = CourseFactory(title="Old")
    monkeypatch.setattr(
        Course, "clean", lambda course: Course.objects.filter(pk=course.pk).update(title="Theirs")
    )

    answer = submit(registrar, page_of(course), {"title": "Mine"})

    assert "has changed it to “Theirs”" in errors_of(answer)["title"][0]
    course.refresh_from_db()
    assert course.title == "Theirs"


def test_a_row_deleted_in_the_meantime_gives_a_message(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = StudentFactory()
    page = opened(registrar, student)
    monkeypatch.setattr(
        Student, "clean", lambda student: Student.objects.filter(pk=student.pk).delete()
    )

    answer = submit(registrar, page_of(student), {"first_name": "Ann"}, page=page)

    assert answer.status_code == 404
    assert "It does not exist, or not any more. Nothing was saved." in answer.content.decode()


class TestStatus:
    """An enrollment's own page."""

    def test_a_status_changed_in_the_meantime_is_not_overwritten(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        page = opened(registrar, row)
        colleague_gives(row, Status.COMPLETED)

        answer = submit(registrar, page_of(row), {"status": "withdrawn"}, page=page)

        assert (
            "It was “active” when you began. Somebody has changed it to “completed” meanwhile"
            in errors_of(answer)["status"][0]
        )
        assert Enrollment.objects.get().status == Status.COMPLETED
        assert (
            submit(registrar, page_of(row), page=fields_of(answer.content.decode())).status_code
            == 302
        )
        assert Enrollment.objects.get().status == Status.WITHDRAWN

    def test_a_transition_no_longer_possible_gives_an_error(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        page = opened(registrar, row)
        colleague_gives(row, Status.WITHDRAWN)

        answer = submit(registrar, page_of(row), {"status": "completed"}, page=page)

        impossible, changed = errors_of(answer)["status"]
        assert impossible == "An enrollment that is withdrawn cannot become that."
        assert "has changed it to “withdrawn” meanwhile" in changed
        assert Enrollment.objects.get().status == Status.WITHDRAWN

    def test_the_status_under_the_lock_decides(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        monkeypatch.setattr(Enrollment, "clean", lambda row: colleague_gives(row, Status.COMPLETED))

        answer = submit(registrar, page_of(row), {"status": "withdrawn"})

        assert "has changed it to “completed” meanwhile" in errors_of(answer)["status"][0]
        assert Enrollment.objects.get().status == Status.COMPLETED

    def test_the_same_change_by_two_people_is_no_conflict(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        page = opened(registrar, row)
        colleague_gives(row, Status.COMPLETED)

        assert (
            submit(registrar, page_of(row), {"status": "completed"}, page=page).status_code == 302
        )

        assert row.history.count() == 2


class TestInline:
    """The enrollments on the page of a student: each is decided by its state under the lock."""

    def test_a_course_completed_in_the_meantime_is_not_withdrawn(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        page = opened(registrar, row.student)
        colleague_gives(row, Status.COMPLETED)

        answer = submit(
            registrar, page_of(row.student), {"withdraw": [str(row.pk)]}, page=page, follow=True
        )

        assert f"Nothing to change: {row}." in messages_of(answer)
        assert Enrollment.objects.get().status == Status.COMPLETED

    def test_a_course_added_in_the_meantime_gives_a_message(self, registrar: Client) -> None:
        student, course = StudentFactory(), CourseFactory()
        page = opened(registrar, student)
        row = enrolled(student, course)

        answer = submit(
            registrar, page_of(student), {"enrollments-0-course": course.pk}, page=page, follow=True
        )

        assert f"Nothing to change: {row}." in messages_of(answer)
        assert row.history.count() == 1

    def test_a_course_withdrawn_and_added_again_is_one_row(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        page = opened(registrar, row.student)
        service.apply_changes([EnrollmentChange(row.student_id, row.course_id, WITHDRAW)])

        answer = submit(
            registrar, page_of(row.student), {"withdraw": [str(row.pk)]}, page=page, follow=True
        )

        assert f"Nothing to change: {row}." in messages_of(answer)
        assert row.history.count() == 2
