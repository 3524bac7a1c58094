"""The waitlist in the admin: joining it on each page, places, promotion."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import Fields, fields_of, messages_of, submit

ADD = "/admin/students/enrollment/add/"
WAIT = Options(waitlist=True)
Made = Callable[[str], Client]


def page_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


@pytest.fixture(params=["admin", "Registrar"])
def person(request: pytest.FixtureRequest, browser_of: Made) -> Client:
    return browser_of(request.param)


@pytest.fixture
def course(db: None) -> Course:
    """A course with its one seat taken."""
    course = CourseFactory(capacity=1)
    enrolled(StudentFactory(), course)
    return course


def again(response: Any) -> Fields:
    return fields_of(response.content.decode())


def waiting(course: Course, student: Student) -> Enrollment:
    [result] = service.enroll([(student.pk, course.pk)], WAIT)
    assert result.enrollment is not None
    return result.enrollment


def status_of(course: Course, student: Student) -> tuple[str, int | None]:
    row = Enrollment.objects.with_position().get(course=course, student=student)
    return row.status, row.position


class TestJoining:
    def test_on_the_add_page(self, person: Client, course: Course) -> None:
        waiting(course, StudentFactory())
        student = StudentFactory()

        response = submit(
            person,
            ADD,
            {"student": student.pk, "course": course.pk, "on_full": "waitlist"},
            follow=True,
        )

        assert status_of(course, student) == ("waitlisted", 2)
        assert f"On the waitlist: {student}: {course}, place 2." in messages_of(response)

    def test_on_the_page_of_an_enrollment_that_was_withdrawn(
        self, person: Client, course: Course
    ) -> None:
        row = waiting(course, StudentFactory())
        service.withdraw([(row.student_id, course.pk)])

        response = submit(
            person, page_of(row), {"status": "active", "on_full": "waitlist"}, follow=True
        )

        assert status_of(course, row.student) == ("waitlisted", 1)
        assert f"On the waitlist: {row}, place 1." in messages_of(response)

    def test_on_the_student_page(self, person: Client, course: Course) -> None:
        student = StudentFactory()

        response = submit(
            person,
            page_of(student),
            {"enrollments-0-course": course.pk, "on_full": "waitlist"},
            follow=True,
        )

        assert status_of(course, student) == ("waitlisted", 1)
        assert f"On the waitlist: {student}: {course}, place 1." in messages_of(response)

    def test_on_the_course_page(self, person: Client, course: Course) -> None:
        student = StudentFactory()

        response = submit(
            person,
            page_of(course),
            {"enrollments-1-student": student.pk, "on_full": "waitlist"},
            follow=True,
        )

        assert status_of(course, student) == ("waitlisted", 1)
        assert f"On the waitlist: {student}: {course}, place 1." in messages_of(response)

    def test_can_be_chosen_after_a_refusal(self, person: Client, course: Course) -> None:
        student = StudentFactory()
        refused = submit(person, ADD, {"student": student.pk, "course": course.pk})
        assert "is full: 1 of 1 seats are taken" in refused.content.decode()

        submit(person, ADD, {"on_full": "waitlist"}, page=again(refused))

        assert status_of(course, student) == ("waitlisted", 1)

    def test_stays_chosen_after_a_refusal(self, person: Client, course: Course) -> None:
        response = submit(person, ADD, {"student": "", "course": course.pk, "on_full": "waitlist"})

        assert again(response)["on_full"] == ["waitlist"]

    def test_enrolling_again_changes_nothing_and_shows_the_place(
        self, person: Client, course: Course
    ) -> None:
        row = waiting(course, StudentFactory())

        response = submit(
            person, page_of(row), {"status": "active", "on_full": "waitlist"}, follow=True
        )

        assert messages_of(response) == [f"Nothing to change: {row}, place 1."]
        assert (row.history.count(), LogEntry.objects.count()) == (1, 0)

    def test_an_unknown_choice_is_an_error_beside_the_field(
        self, person: Client, course: Course
    ) -> None:
        student = StudentFactory()

        for url, changes in [
            (ADD, {"student": student.pk, "course": course.pk}),
            (page_of(student), {"enrollments-0-course": course.pk}),
        ]:
            response = submit(person, url, {**changes, "on_full": "x"})

            assert "Select a valid choice. x is not one" in response.content.decode()
            assert "look at “Enrolling”" in response.content.decode()

        assert not student.enrollments.exists()


class TestOffered:
    @pytest.mark.parametrize(
        ("status", "offered"),
        [(Status.ACTIVE, False), (Status.COMPLETED, False), (Status.WITHDRAWN, True)],
    )
    def test_only_where_a_status_enrolls(
        self, person: Client, status: Status, offered: bool
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), status)

        assert ('name="on_full"' in person.get(page_of(row)).content.decode()) == offered

    def test_refusing_is_the_default(self, person: Client, course: Course) -> None:
        form = person.get(ADD).context["adminform"].form.enrolling

        assert [value for value, _label in form.fields["on_full"].choices] == ["refuse", "waitlist"]
        assert (
            submit(person, ADD, {"student": StudentFactory().pk, "course": course.pk}).status_code
            == 200
        )

    def test_not_to_a_viewer(self, viewer: Client, course: Course) -> None:
        User.objects.update(is_staff=True)
        row = waiting(course, StudentFactory())

        for shown in (row, row.student, course):
            assert "Where a course is full" not in viewer.get(page_of(shown)).content.decode()


class TestPlace:
    @pytest.fixture
    def second(self, course: Course) -> Enrollment:
        waiting(course, StudentFactory())
        return waiting(course, StudentFactory())

    def test_is_shown_in_every_list(self, person: Client, second: Enrollment) -> None:
        for url in (page_of(second.student), page_of(second.course), "/admin/students/enrollment/"):
            assert "waitlisted (2)" in person.get(url).content.decode()

    def test_is_shown_only_on_the_page_of_a_waiting_enrollment(
        self, person: Client, second: Enrollment
    ) -> None:
        assert "Place on the waitlist:" in person.get(page_of(second)).content.decode()
        other = enrolled(StudentFactory(), CourseFactory())
        assert "Place on the waitlist:" not in person.get(page_of(other)).content.decode()


class TestMovingUp:
    def test_by_a_higher_capacity(self, person: Client, course: Course) -> None:
        row = waiting(course, StudentFactory())

        submit(person, page_of(course), {"capacity": 2})

        assert status_of(course, row.student) == ("active", None)
        assert row.history.latest().history_change_reason == "Moved up from the waitlist."

    def test_comes_before_students_added_on_the_same_page(
        self, person: Client, course: Course
    ) -> None:
        first, late = waiting(course, StudentFactory()).student, StudentFactory()

        submit(
            person,
            page_of(course),
            {"capacity": 2, "enrollments-2-student": late.pk, "on_full": "waitlist"},
        )

        assert (status_of(course, first), status_of(course, late)) == (
            ("active", None),
            ("waitlisted", 1),
        )

    def test_by_a_course_opened_again(self, person: Client, course: Course) -> None:
        row = waiting(course, StudentFactory())
        Course.objects.filter(pk=course.pk).update(is_open=False, capacity=2)

        submit(person, page_of(course), {"is_open": "on"})

        assert status_of(course, row.student) == ("active", None)

    def test_by_a_student_active_again(self, person: Client, course: Course) -> None:
        row = waiting(course, StudentFactory())
        Student.objects.filter(pk=row.student_id).update(is_active=False)
        Course.objects.filter(pk=course.pk).update(capacity=2)

        submit(person, page_of(row.student), {"is_active": "on"})

        assert status_of(course, row.student) == ("active", None)

    def test_by_a_tick(self, person: Client, course: Course) -> None:
        row, seated = (
            waiting(course, StudentFactory()),
            course.enrollments.get(status=Status.ACTIVE),
        )

        submit(person, page_of(course), {"withdraw": seated.pk})

        assert status_of(course, row.student) == ("active", None)
