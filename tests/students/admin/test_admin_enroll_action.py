"""The actions on the lists of students and of courses in the admin that enroll."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, messages_of
from tests.queries import count_queries

STUDENTS = "/admin/students/student/"
COURSES = "/admin/courses/course/"


def open_action(browser: Client, *rows: Any, **more: Any) -> Any:
    """Return the page of the action on the list with `rows` selected."""
    url, action = (
        (STUDENTS, "enroll") if isinstance(rows[0], Student) else (COURSES, "enroll_students")
    )
    return browser.post(
        url, {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], **more}, follow=True
    )


def send(browser: Client, page: Any, **changes: Any) -> Any:
    url = page.request["PATH_INFO"]
    return browser.post(url, {**fields_of(page.content.decode()), **changes}, follow=True)


def show(browser: Client, *rows: Any, chosen: Any, **more: Any) -> Any:
    """Return the page with the preview for `rows` and the `chosen` ones."""
    return send(browser, open_action(browser, *rows), chosen=[row.pk for row in chosen], **more)


def confirm(browser: Client, page: Any, **more: Any) -> Any:
    return send(browser, page, confirm="yes", **more)


def groups(page: Any) -> dict[tuple[str, str], list[str]]:
    return {(group.title, str(group.outcome)): group.names for group in page.context["groups"]}


def statuses() -> dict[tuple[int, int], str]:
    return {
        (student, course): status
        for student, course, status in Enrollment.objects.values_list("student", "course", "status")
    }


@pytest.fixture
def ann(db: None) -> Student:
    return StudentFactory.create(first_name="Ann", last_name="Lee")


@pytest.fixture
def bob(db: None) -> Student:
    return StudentFactory.create(first_name="Bob", last_name="Orr")


@pytest.fixture
def course(db: None) -> Course:
    return CourseFactory.create(code="BIO", title="Botany")


class TestChooses:
    def test_without_a_search_among_the_first_courses(
        self, registrar: Client, ann: Student, course: Course
    ) -> None:
        page = open_action(registrar, ann)

        assert (page.context["found"], page.context["groups"]) == ([course], [])
        assert 'name="confirm"' not in page.content.decode()

    def test_by_word_prefixes_and_keeps_the_ticked_rows(
        self, registrar: Client, ann: Student, course: Course
    ) -> None:
        other, _third = CourseFactory(title="Art"), CourseFactory(title="Latin")

        page = show(registrar, ann, chosen=[course], q="ar")

        assert page.context["found"] == [other]
        assert fields_of(page.content.decode())["chosen"] == [str(course.pk)]

    def test_among_the_first_of_many_and_shows_a_hint(
        self, registrar: Client, ann: Student
    ) -> None:
        CourseFactory.create_batch(21)

        page = open_action(registrar, ann)

        assert (len(page.context["found"]), page.context["are_more"]) == (20, True)

    def test_from_the_other_side(
        self, registrar: Client, ann: Student, bob: Student, course: Course
    ) -> None:
        page = show(registrar, course, chosen=[ann], q="bob")

        assert page.context["found"] == [bob]
        assert groups(page) == {(str(ann), "created"): [str(course)]}

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("x", "“x” is not an id."),
            (str(10**30), "is not an id."),
            ("99999", "Some of what was chosen does not exist"),
        ],
    )
    def test_no_unknown_row_and_shows_an_error(
        self, registrar: Client, ann: Student, course: Course, key: str, message: str
    ) -> None:
        page = confirm(registrar, open_action(registrar, ann), chosen=[course.pk, key])

        assert message in page.content.decode()
        assert statuses() == {}


class TestShows:
    def test_each_outcome_and_writes_nothing(
        self, registrar: Client, ann: Student, bob: Student, course: Course
    ) -> None:
        Student.objects.filter(pk=bob.pk).update(is_active=False)

        page = show(registrar, ann, bob, chosen=[course])

        assert groups(page) == {
            (str(course), "refused"): [str(bob)],
            (str(course), "created"): [str(ann)],
        }
        assert page.context["groups"][0].reasons == [
            f"{bob} is not active. Make the student active first."
        ]
        assert statuses() == {}

    def test_the_place_of_a_student_who_would_wait(
        self, registrar: Client, ann: Student, bob: Student
    ) -> None:
        full = CourseFactory(capacity=1)

        page = show(registrar, ann, bob, chosen=[full], on_full="waitlist")

        assert groups(page) == {
            (str(full), "created"): [str(ann)],
            (str(full), "waitlisted"): [f"{bob}, place 1"],
        }

    def test_the_status_of_unchanged_enrollments(
        self, registrar: Client, ann: Student, course: Course
    ) -> None:
        enrolled(ann, course, Status.COMPLETED)

        page = show(registrar, ann, chosen=[course])

        assert groups(page) == {(str(course), "unchanged"): [f"{ann}: completed"]}
        assert "Nothing would be changed." in page.content.decode()

    def test_an_error_for_too_many_enrollments(
        self,
        registrar: Client,
        ann: Student,
        bob: Student,
        course: Course,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        page = open_action(registrar, ann, bob)
        monkeypatch.setattr("students.admin.confirmed_action.MAX_ACTION_ROWS", 3)

        page = send(registrar, page, chosen=[course.pk, CourseFactory().pk], confirm="yes")

        assert messages_of(page) == [
            "At most 3 enrollments can be made at once, and these are 4. Choose fewer."
        ]
        assert statuses() == {}

    def test_with_queries_that_do_not_grow(self, registrar: Client, course: Course) -> None:
        full = CourseFactory(capacity=2)

        def count(number: int) -> int:
            page = open_action(registrar, *StudentFactory.create_batch(number))
            return count_queries(
                lambda: send(registrar, page, chosen=[course.pk, full.pk], on_full="waitlist")
            )

        assert count(3) == count(27)


class TestConfirmed:
    def test_enrolls_as_shown_with_history_and_log(
        self, registrar: Client, ann: Student, bob: Student, course: Course
    ) -> None:
        response = confirm(registrar, show(registrar, ann, bob, chosen=[course]))

        assert statuses() == {(ann.pk, course.pk): "active", (bob.pk, course.pk): "active"}
        assert messages_of(response) == [f"Enrolled: {ann}: {course}; {bob}: {course}."]
        record = Enrollment.objects.get(student=ann).history.get()
        assert (record.door, record.who) == ("admin", "registrar")
        assert sorted(LogEntry.objects.values_list("object_repr", "action_flag")) == [
            (f"{ann}: {course}", 1),
            (f"{bob}: {course}", 1),
        ]

    def test_from_the_other_side(self, registrar: Client, ann: Student, course: Course) -> None:
        other = CourseFactory()

        confirm(registrar, show(registrar, course, other, chosen=[ann]))

        assert statuses() == {(ann.pk, course.pk): "active", (ann.pk, other.pk): "active"}

    def test_twice_does_it_once(self, registrar: Client, ann: Student, course: Course) -> None:
        page = show(registrar, ann, chosen=[course])
        confirm(registrar, page)

        response = confirm(registrar, page)

        assert groups(response) == {(str(course), "unchanged"): [f"{ann}: active"]}
        assert Enrollment.objects.get().history.count() == 1

    def test_does_nothing_after_somebody_took_the_seat(
        self, registrar: Client, ann: Student, bob: Student, course: Course
    ) -> None:
        last = CourseFactory(capacity=1)
        page = show(registrar, ann, chosen=[course, last])
        enrolled(bob, last)

        response = confirm(registrar, page)

        assert groups(response) == {
            (str(last), "refused"): [str(ann)],
            (str(course), "created"): [str(ann)],
        }
        assert "Nothing was done: this is not what you were shown." in messages_of(response)[0]
        assert statuses() == {(bob.pk, last.pk): "active"}
        assert not LogEntry.objects.exists()

    def test_does_nothing_after_the_place_changed(
        self, registrar: Client, ann: Student, bob: Student
    ) -> None:
        full = CourseFactory(capacity=0)
        page = show(registrar, ann, chosen=[full], on_full="waitlist")
        service.enroll([(bob.pk, full.pk)], Options(waitlist=True))

        response = confirm(registrar, page)

        assert groups(response) == {(str(full), "waitlisted"): [f"{ann}, place 2"]}
        assert statuses() == {(bob.pk, full.pk): "waitlisted"}

    def test_does_nothing_for_rows_ticked_after_the_preview(
        self, registrar: Client, ann: Student, course: Course
    ) -> None:
        page = show(registrar, ann, chosen=[course])

        response = confirm(registrar, page, chosen=[course.pk, CourseFactory().pk])

        assert statuses() == {}
        confirm(registrar, response)
        assert len(statuses()) == 2

    def test_enrolls_all_or_nothing_unless_ticked(
        self, registrar: Client, ann: Student, bob: Student, course: Course
    ) -> None:
        Student.objects.filter(pk=bob.pk).update(is_active=False)
        page = show(registrar, ann, bob, chosen=[course])

        response = confirm(registrar, page)

        assert "Nothing was done, for some are refused." in response.content.decode()
        assert statuses() == {}
        response = confirm(registrar, response, part="on")
        assert statuses() == {(ann.pk, course.pk): "active"}
        assert messages_of(response) == [f"Enrolled: {ann}: {course}."]


class TestOverrides:
    @pytest.fixture
    def full(self) -> Course:
        return CourseFactory.create(capacity=0)

    def test_a_refusal_with_a_reason(self, registrar: Client, ann: Student, full: Course) -> None:
        page = show(registrar, ann, chosen=[full])
        page = send(registrar, page, override=["course_full"], reason="A sibling")

        assert groups(page) == {(str(full), "created"): [str(ann)]}
        confirm(registrar, page)

        record = Enrollment.objects.get().history.get()
        assert (record.override, record.history_change_reason) == (["course_full"], "A sibling")

    def test_nothing_without_a_reason(self, registrar: Client, ann: Student, full: Course) -> None:
        page = show(registrar, ann, chosen=[full])

        page = confirm(registrar, send(registrar, page, override=["course_full"]))

        assert "An override needs a reason." in page.content.decode()
        assert statuses() == {}

    def test_a_waiting_student_gets_a_seat(
        self, registrar: Client, ann: Student, full: Course
    ) -> None:
        service.enroll([(ann.pk, full.pk)], Options(waitlist=True))
        page = show(registrar, ann, chosen=[full])
        assert 'value="course_full"' in page.content.decode()

        confirm(registrar, send(registrar, page, override=["course_full"], reason="A sibling"))

        assert statuses() == {(ann.pk, full.pk): "active"}

    def test_not_without_the_permission(
        self, client: Client, user_of: Callable[[str], User], ann: Student, full: Course
    ) -> None:
        staff(client, user_of, "Clerk")
        page = show(client, ann, chosen=[full])
        assert 'name="override"' not in page.content.decode()

        response = confirm(client, page, override=["course_full"], reason="Please")

        assert response.status_code == 403
        assert statuses() == {}


def staff(browser: Client, user_of: Callable[[str], User], role: str) -> None:
    user = user_of(role)
    user.is_staff = True
    user.save()
    browser.force_login(user)


@pytest.mark.parametrize(("role", "number"), [("Clerk", 1), ("Viewer", 0)])
def test_needs_the_permission_to_enroll(
    client: Client,
    registrar: Client,
    user_of: Callable[[str], User],
    ann: Student,
    course: Course,
    role: str,
    number: int,
) -> None:
    page = show(registrar, ann, chosen=[course])
    staff(client, user_of, role)

    for url in (STUDENTS, COURSES):
        assert ('value="enroll' in client.get(url).content.decode()) is bool(number)
    confirm(client, page)

    assert Enrollment.objects.count() == number
