"""The courses on a student's page in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from courses.factories import CourseFactory
from courses.models import Course
from students.admin import forms
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import fields_of, messages_of, submit
from tests.queries import count_queries

Made = Callable[[str], Client]


def page_of(student: Student) -> str:
    return f"/admin/students/student/{student.pk}/change/"


def new(number: int) -> str:
    """Return the name of the field of a new course in the row `number`."""
    return f"enrollments-{number}-course"


@pytest.fixture
def registrar(browser_of: Made) -> Client:
    return browser_of("Registrar")


@pytest.fixture
def student(db: None) -> Student:
    return StudentFactory(first_name="Ann", last_name="Smith", number="S1")


def statuses(student: Student) -> dict[str, str]:
    return dict(student.enrollments.values_list("course__code", "status"))


def rows_to_add(page: dict[str, list[str]], *courses: Course) -> dict[str, Any]:
    """Return the fields of `page` with a new row filled in for each course."""
    first = int(page["enrollments-INITIAL_FORMS"][0])
    return {"enrollments-TOTAL_FORMS": first + len(courses)} | {
        new(first + n): course.pk for n, course in enumerate(courses)
    }


def add(browser: Client, student: Student, *courses: Course, **more: Any) -> Any:
    page = fields_of(browser.get(page_of(student)).content.decode())
    return submit(
        browser, page_of(student), rows_to_add(page, *courses) | more, page=page, follow=True
    )


def test_adds_courses(registrar: Client, student: Student) -> None:
    first, second = CourseFactory(), CourseFactory()

    response = add(registrar, student, first, second)

    assert "was changed successfully" in messages_of(response)[0]
    assert statuses(student) == {first.code: "active", second.code: "active"}


def test_the_history_records_who_and_the_door(registrar: Client, student: Student) -> None:
    add(registrar, student, CourseFactory())

    [record] = student.enrollments.get().history.all()
    assert (record.door, record.history_user.username) == ("admin", "registrar")


def test_the_log_names_what_was_added_and_withdrawn(registrar: Client, student: Student) -> None:
    ending, beginning = enrolled(student, CourseFactory(code="OLD")), CourseFactory(code="NEW")

    add(registrar, student, beginning, withdraw=ending.pk)

    message = LogEntry.objects.get().get_change_message()
    assert f"Added enrollment “Ann Smith (S1): {beginning}”" in message
    assert f"Changed status for enrollment “{ending}”" in message


def test_a_new_student_comes_with_courses(registrar: Client) -> None:
    course = CourseFactory()
    person = {"number": "S9", "first_name": "Bo", "last_name": "Li", "email": "bo@school.example"}

    response = submit(
        registrar, "/admin/students/student/add/", {**person, new(0): course.pk}, follow=True
    )

    assert "was added successfully" in messages_of(response)[0]
    assert statuses(Student.objects.get(number="S9")) == {course.code: "active"}


def test_a_new_student_who_is_refused_is_not_created(registrar: Client) -> None:
    course = CourseFactory(is_open=False)
    person = {"number": "S9", "first_name": "Bo", "last_name": "Li", "email": "bo@school.example"}

    response = submit(registrar, "/admin/students/student/add/", {**person, new(0): course.pk})

    assert "is closed" in response.content.decode()
    assert not Student.objects.exists()


def test_a_tick_withdraws_and_keeps_the_row(registrar: Client, student: Student) -> None:
    row = enrolled(student, CourseFactory())

    submit(registrar, page_of(student), {"withdraw": row.pk})

    kept = Enrollment.objects.get()
    assert (kept.pk, kept.status) == (row.pk, Status.WITHDRAWN)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.WITHDRAWN])
def test_only_current_courses_can_be_ticked(
    registrar: Client, student: Student, status: Status
) -> None:
    enrolled(student, CourseFactory(), status)

    assert b'name="withdraw"' not in registrar.get(page_of(student)).content


def test_a_withdrawn_course_is_enrolled_again_in_its_row(
    registrar: Client, student: Student
) -> None:
    row = enrolled(student, CourseFactory(), Status.WITHDRAWN)

    add(registrar, student, row.course)

    kept = Enrollment.objects.get()
    assert (kept.pk, kept.status) == (row.pk, Status.ACTIVE)


def test_an_existing_course_stays_and_gives_a_message(registrar: Client, student: Student) -> None:
    row = enrolled(student, CourseFactory())

    response = add(registrar, student, row.course)

    assert messages_of(response)[0] == f"Nothing to change: {row}."
    assert row.history.count() == 1


def test_the_same_course_twice_is_one_enrollment(registrar: Client, student: Student) -> None:
    course = CourseFactory()

    add(registrar, student, course, course)

    assert statuses(student) == {course.code: "active"}


class TestRefused:
    """One refusal: nothing is written, and the page shows the reason."""

    @pytest.fixture
    def had(self, student: Student) -> Enrollment:
        return enrolled(student, CourseFactory(code="HAD"))

    @pytest.fixture
    def response(self, registrar: Client, student: Student, had: Enrollment) -> Any:
        free, full = CourseFactory(code="FREE"), CourseFactory(code="FULL", capacity=0)
        return add(registrar, student, free, full, first_name="Anna", withdraw=had.pk)

    def test_the_reason_is_shown_beside_its_row(self, response: Any) -> None:
        assert response.status_code == 200
        [inline] = response.context["inline_admin_formsets"]
        reason = f"{Course.objects.get(code='FULL')} is full: 0 of 0 seats are taken."
        assert inline.formset.errors == [{}, {}, {"__all__": [reason]}]
        assert inline.formset.non_form_errors() == [
            "Nothing was saved: some of these were refused."
        ]
        assert "Please correct the errors below." in response.content.decode()

    def test_nothing_is_written(self, response: Any, student: Student) -> None:
        student.refresh_from_db()
        assert student.first_name == "Ann"
        assert student.history.count() == 1
        assert statuses(student) == {"HAD": "active"}
        assert not LogEntry.objects.exists()

    def test_there_is_no_message_of_success(self, response: Any) -> None:
        assert messages_of(response) == []

    def test_the_form_stays_filled_in(self, response: Any, had: Enrollment) -> None:
        kept = fields_of(response.content.decode())
        assert (kept["first_name"], kept["initial-first_name"]) == (["Anna"], ["Ann"])
        assert [kept[new(1)], kept[new(2)]] == [
            [str(Course.objects.get(code=code).pk)] for code in ("FREE", "FULL")
        ]
        assert kept["withdraw"] == [str(had.pk)]

    def test_is_saved_when_sent_again_after_a_seat_is_free(
        self, response: Any, registrar: Client, student: Student
    ) -> None:
        Course.objects.filter(code="FULL").update(capacity=1)

        submit(registrar, page_of(student), page=fields_of(response.content.decode()))

        student.refresh_from_db()
        assert student.first_name == "Anna"
        assert statuses(student) == {"HAD": "withdrawn", "FREE": "active", "FULL": "active"}


def test_changes_of_the_page_apply_to_its_rows(registrar: Client) -> None:
    student, course = StudentFactory(is_active=False), CourseFactory()

    add(registrar, student, course, is_active="on")

    assert statuses(student) == {course.code: "active"}


class TestTampered:
    """A request that the page does not offer is refused."""

    @pytest.mark.parametrize("key", ["0", "99999", str(10**30), "x"])
    def test_an_unknown_course_is_an_error(
        self, registrar: Client, student: Student, key: str
    ) -> None:
        response = submit(registrar, page_of(student), {new(0): key})

        assert "Select a valid choice" in response.content.decode()
        assert not Enrollment.objects.exists()

    @pytest.mark.parametrize("key", ["0", "99999", str(10**30), "x"])
    def test_an_unknown_tick_is_an_error(
        self, registrar: Client, student: Student, key: str
    ) -> None:
        row = enrolled(student, CourseFactory())

        response = submit(registrar, page_of(student), {"withdraw": [str(row.pk), key]})

        assert "not on this page any more" in response.content.decode()
        assert statuses(student) == {row.course.code: "active"}

    def test_the_enrollment_of_another_student_cannot_be_ticked(
        self, registrar: Client, student: Student
    ) -> None:
        other = enrolled(StudentFactory(), CourseFactory())

        response = submit(registrar, page_of(student), {"withdraw": other.pk})

        assert "not on this page any more" in response.content.decode()
        assert Enrollment.objects.get().status == Status.ACTIVE

    def test_a_row_of_another_student_is_a_bad_request(
        self, registrar: Client, student: Student
    ) -> None:
        enrolled(student, CourseFactory())
        other = enrolled(StudentFactory(), CourseFactory())

        assert (
            submit(registrar, page_of(student), {"enrollments-0-id": other.pk}).status_code == 400
        )

    @pytest.mark.parametrize("total", ["x", ""])
    def test_a_wrong_number_of_rows_is_an_error(
        self, registrar: Client, student: Student, total: str
    ) -> None:
        assert (
            submit(registrar, page_of(student), {"enrollments-TOTAL_FORMS": total}).status_code
            == 200
        )

    def test_more_rows_than_a_page_can_have_are_refused(
        self, registrar: Client, student: Student
    ) -> None:
        response = submit(registrar, page_of(student), {"enrollments-TOTAL_FORMS": 99_999_999})
        assert "Please submit at most 333 forms." in response.content.decode()
        assert response.content.count(b'id="enrollments-') < 340

    @pytest.mark.parametrize("role", ["Registrar", "admin"])
    def test_the_status_and_the_course_of_a_row_cannot_be_posted(
        self, browser_of: Made, student: Student, role: str
    ) -> None:
        row = enrolled(student, CourseFactory())

        browser = browser_of(role)
        tampered = {
            "enrollments-0-status": "completed",
            "enrollments-0-course": CourseFactory().pk,
            "enrollments-0-DELETE": "on",
        }

        html = browser.get(page_of(student)).content.decode()
        assert not [name for name in tampered if f'name="{name}"' in html]
        submit(browser, page_of(student), tampered)

        kept = Enrollment.objects.get()
        assert (kept.status, kept.course_id) == (Status.ACTIVE, row.course_id)
        assert kept.history.count() == 1


class TestWithoutPermission:
    @pytest.fixture
    def viewer(self, user_of: Callable[[str], User], client: Client) -> User:
        user = user_of("Viewer")
        user.is_staff = True
        user.save()
        client.force_login(user)
        return user

    @pytest.mark.parametrize("role", ["Viewer", "Clerk"])
    def test_without_the_permission_to_change_students_the_page_is_read_only(
        self, viewer: User, client: Client, student: Student, role: str
    ) -> None:
        viewer.groups.set(Group.objects.filter(name=role))
        row = enrolled(student, CourseFactory())

        html = client.get(page_of(student)).content.decode()

        assert str(row.course) in html
        assert 'name="withdraw"' not in html
        assert client.post(page_of(student), {"withdraw": row.pk}).status_code == 403
        assert statuses(student) == {row.course.code: "active"}

    @pytest.fixture
    def editor(self, viewer: User) -> User:
        """One who may change students, and not what they take."""
        viewer.user_permissions.add(Permission.objects.get(codename="change_student"))
        return viewer

    def test_without_the_permission_to_withdraw_nothing_can_be_ticked(
        self, editor: User, client: Client, student: Student
    ) -> None:
        row = enrolled(student, CourseFactory())
        page = fields_of(client.get(page_of(student)).content.decode())

        assert submit(client, page_of(student), {"withdraw": row.pk}, page=page).status_code == 403
        assert statuses(student) == {row.course.code: "active"}

    def test_without_the_permission_to_add_nothing_can_be_added(
        self, editor: User, client: Client, student: Student
    ) -> None:
        page = fields_of(client.get(page_of(student)).content.decode())

        submit(
            client,
            page_of(student),
            {"enrollments-TOTAL_FORMS": 1, new(0): CourseFactory().pk},
            page=page,
        )

        assert statuses(student) == {}


def test_shows_each_row_beside_its_own_form_after_rows_were_added(
    registrar: Client, student: Student
) -> None:
    later = enrolled(student, CourseFactory(code="LATER"))
    page = fields_of(registrar.get(page_of(student)).content.decode())
    enrolled(student, CourseFactory(code="EARLIER", term=later.course.term))

    response = submit(registrar, page_of(student), {"email": "", "withdraw": later.pk}, page=page)

    [inline] = response.context["inline_admin_formsets"]
    assert [
        (row.original.course.code, row.form.instance.pk, row.original.is_ticked)
        for row in inline
        if row.original
    ] == [("LATER", later.pk, True)]


def test_shows_only_as_many_rows_as_can_be_sent(
    registrar: Client, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_SHOWN_ROWS", 2)
    enrolled(student, CourseFactory(), Status.WITHDRAWN)
    current = [enrolled(student, CourseFactory()) for _ in range(2)]

    response = registrar.get(page_of(student))

    [inline] = response.context["inline_admin_formsets"]
    assert {row.original for row in inline if row.original} == set(current)
    assert "There are more" in response.content.decode()
    assert (
        f"/admin/students/enrollment/?student__id__exact={student.pk}" in response.content.decode()
    )


def test_queries_do_not_grow_with_rows(registrar: Client, student: Student) -> None:
    def opened(number: int) -> int:
        for _ in range(number):
            enrolled(student, CourseFactory())
        return count_queries(lambda: registrar.get(page_of(student)))

    assert opened(3) == opened(27)
