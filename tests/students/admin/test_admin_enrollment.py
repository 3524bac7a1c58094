"""The page of an enrollment in the admin: a new one, and the status of one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from courses.factories import CourseFactory
from students.enrollment import service
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status
from tests.admin_page import fields_of, messages_of, submit
from tests.queries import count_queries

LIST = "/admin/students/enrollment/"
ADD = LIST + "add/"


def page_of(row: Enrollment) -> str:
    return f"{LIST}{row.pk}/change/"


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


@pytest.fixture
def staff_of(user_of: Callable[[str], User], client: Client) -> Callable[[str], Client]:
    """Return a function that signs in a user with a role who may enter the admin."""

    def make(role: str) -> Client:
        user = user_of(role)
        user.is_staff = True
        user.save()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def row(db: None) -> Enrollment:
    return enrolled(StudentFactory(), CourseFactory())


class TestAdd:
    @pytest.mark.parametrize("role", ["Registrar", "Clerk"])
    def test_enrolls(self, staff_of: Callable[[str], Client], role: str) -> None:
        student, course = StudentFactory(), CourseFactory()

        response = submit(
            staff_of(role), ADD, {"student": student.pk, "course": course.pk}, follow=True
        )

        made = Enrollment.objects.get()
        assert (made.student, made.course, made.status) == (student, course, Status.ACTIVE)
        assert "was added successfully" in messages_of(response)[0]
        assert (made.history.get().door, made.history.get().history_user.username) == (
            "admin",
            role.lower(),
        )
        assert LogEntry.objects.values_list("action_flag", "object_id").get() == (
            ADDITION,
            str(made.pk),
        )

    def test_a_withdrawn_one_is_enrolled_again_in_its_row(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status.WITHDRAWN)

        submit(registrar, ADD, {"student": row.student_id, "course": row.course_id})

        assert Enrollment.objects.values_list("pk", "status").get() == (row.pk, "active")

    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.COMPLETED])
    def test_an_existing_enrollment_stays_and_gives_a_message(
        self, registrar: Client, status: Status
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), status)

        response = submit(
            registrar, ADD, {"student": row.student_id, "course": row.course_id}, follow=True
        )

        assert messages_of(response) == [f"Nothing to change: {row}."]
        assert row.history.count() == 1
        assert not LogEntry.objects.exists()

    def test_a_refused_form_keeps_the_choice(self, registrar: Client) -> None:
        student, course = StudentFactory(is_active=False), CourseFactory(is_open=False)

        response = submit(registrar, ADD, {"student": student.pk, "course": course.pk})

        assert response.context["adminform"].form.non_field_errors() == [
            f"{student} is not active. Make the student active first.",
            f"{course} is closed. Open the course, or choose another one.",
        ]
        kept = fields_of(response.content.decode())
        assert (kept["student"], kept["course"]) == ([str(student.pk)], [str(course.pk)])
        assert messages_of(response) == []
        assert not Enrollment.objects.exists()
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("key", ["0", "99999", str(10**30), "x"])
    def test_an_unknown_id_is_an_error(self, registrar: Client, key: str) -> None:
        response = submit(registrar, ADD, {"student": key, "course": CourseFactory().pk})

        assert "Select a valid choice" in response.content.decode()
        assert not Enrollment.objects.exists()

    def test_a_status_cannot_be_posted(self, registrar: Client) -> None:
        student, course = StudentFactory(), CourseFactory()

        submit(registrar, ADD, {"student": student.pk, "course": course.pk, "status": "completed"})

        assert Enrollment.objects.get().status == Status.ACTIVE

    def test_a_viewer_cannot(self, staff_of: Callable[[str], Client]) -> None:
        assert (
            staff_of("Viewer")
            .post(ADD, {"student": StudentFactory().pk, "course": CourseFactory().pk})
            .status_code
            == 403
        )
        assert not Enrollment.objects.exists()


class TestStatus:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("active", "completed"),
            ("active", "withdrawn"),
            ("withdrawn", "active"),
            ("completed", "withdrawn"),
        ],
    )
    def test_can_be_changed(self, registrar: Client, before: str, after: str) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status(before))

        response = submit(registrar, page_of(row), {"status": after}, follow=True)

        row.refresh_from_db()
        assert row.status == after
        assert "was changed successfully" in messages_of(response)[0]
        assert (row.history.latest().door, row.history.latest().history_user.username) == (
            "admin",
            "registrar",
        )
        assert LogEntry.objects.get().action_flag == CHANGE

    @pytest.mark.parametrize(
        ("role", "status", "offered"),
        [
            ("Registrar", "active", ["active", "completed", "withdrawn"]),
            ("Registrar", "completed", ["completed", "active", "withdrawn"]),
            ("Registrar", "withdrawn", ["withdrawn", "active"]),
            ("Clerk", "active", ["active", "withdrawn"]),
            ("Clerk", "completed", ["completed"]),
            ("Clerk", "withdrawn", ["withdrawn", "active"]),
        ],
    )
    def test_offers_the_statuses_that_the_role_may_set(
        self, staff_of: Callable[[str], Client], role: str, status: str, offered: list[str]
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status(status))

        form = staff_of(role).get(page_of(row)).context["adminform"].form

        assert [value for value, _label in form.fields["status"].choices] == offered

    @pytest.mark.parametrize("status", ["completed", "waitlisted", "x", ""])
    def test_a_status_not_offered_is_refused(
        self, staff_of: Callable[[str], Client], row: Enrollment, status: str
    ) -> None:
        response = submit(staff_of("Clerk"), page_of(row), {"status": status})

        assert "status" in response.context["adminform"].form.errors
        row.refresh_from_db()
        assert row.status == Status.ACTIVE

    def test_a_refused_status_writes_nothing(self, registrar: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=0), Status.WITHDRAWN)

        response = submit(registrar, page_of(row), {"status": "active"})

        assert "is full: 0 of 0 seats are taken" in response.content.decode()
        assert fields_of(response.content.decode())["status"] == ["active"]
        row.refresh_from_db()
        assert (row.status, row.history.count()) == (Status.WITHDRAWN, 1)
        assert not LogEntry.objects.exists()

    def test_a_change_by_somebody_else_is_not_undone(
        self, registrar: Client, row: Enrollment
    ) -> None:
        page = fields_of(registrar.get(page_of(row)).content.decode())
        service.withdraw([(row.student_id, row.course_id)])

        submit(registrar, page_of(row), page=page)

        row.refresh_from_db()
        assert row.status == Status.WITHDRAWN

    def test_a_status_that_the_role_may_not_set_can_stay(
        self, staff_of: Callable[[str], Client]
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status.COMPLETED)

        response = submit(staff_of("Clerk"), page_of(row), follow=True)

        assert "was changed successfully" in messages_of(response)[0]
        assert row.history.count() == 1

    def test_student_course_and_times_cannot_be_posted(
        self, registrar: Client, row: Enrollment
    ) -> None:
        tampered: dict[str, Any] = {
            "student": StudentFactory().pk,
            "course": CourseFactory().pk,
            "enrolled_at_0": "2000-01-01",
            "enrolled_at_1": "00:00",
        }

        submit(registrar, page_of(row), {"status": "completed", **tampered})

        kept = Enrollment.objects.get()
        assert (kept.student_id, kept.course_id, kept.enrolled_at) == (
            row.student_id,
            row.course_id,
            row.enrolled_at,
        )

    def test_a_viewer_sees_and_cannot_post(
        self, staff_of: Callable[[str], Client], row: Enrollment
    ) -> None:
        viewer = staff_of("Viewer")

        assert viewer.get(page_of(row)).status_code == 200
        assert viewer.post(page_of(row), {"status": "withdrawn"}).status_code == 403
        row.refresh_from_db()
        assert row.status == Status.ACTIVE


class TestList:
    def test_names_both_and_the_status(self, registrar: Client, row: Enrollment) -> None:
        html = registrar.get(LIST).content.decode()

        assert str(row.student) in html
        assert str(row.course) in html
        assert "active" in html

    @pytest.mark.parametrize("text", ["smi bio", "S77", "BIO-101", "bota"])
    def test_finds_by_words_of_student_and_course(
        self, registrar: Client, row: Enrollment, text: str
    ) -> None:
        wanted = enrolled(
            StudentFactory(last_name="Smith", number="S77"),
            CourseFactory(code="BIO-101", title="Botany"),
        )

        assert list(registrar.get(LIST, {"q": text}).context["cl"].result_list) == [wanted]

    def test_cannot_be_edited_in_the_list(self, registrar: Client, row: Enrollment) -> None:
        registrar.post(
            LIST,
            {
                "form-TOTAL_FORMS": 1,
                "form-INITIAL_FORMS": 1,
                "form-0-id": row.pk,
                "form-0-status": "completed",
                "_save": "Save",
            },
        )

        row.refresh_from_db()
        assert row.status == Status.ACTIVE

    def test_queries_do_not_grow_with_rows(self, registrar: Client) -> None:
        def opened(number: int) -> int:
            for _ in range(number):
                enrolled(StudentFactory(), CourseFactory())
            return count_queries(lambda: registrar.get(LIST))

        assert opened(3) == opened(27)


class TestHistory:
    def test_shows_when_who_door_change_and_reason(
        self, registrar: Client, row: Enrollment
    ) -> None:
        submit(registrar, page_of(row), {"status": "withdrawn"})

        html = " ".join(registrar.get(f"{LIST}{row.pk}/history/").content.decode().split())

        assert "<td>registrar</td> <td>admin</td> <td>Changed</td>" in html
        assert "<strong>Status:</strong> active → withdrawn" in html
        assert "<td>-</td> <td>command</td> <td>Created</td>" in html

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_past_record_cannot_be_opened_or_brought_back(
        self, browser_of: Callable[[str], Client], row: Enrollment, method: str
    ) -> None:
        service.withdraw([(row.student_id, row.course_id)])
        record = row.history.earliest()

        response = getattr(browser_of("admin"), method)(
            f"{LIST}{row.pk}/history/{record.pk}/", {"status": "active"}, follow=True
        )

        assert "Perhaps it was deleted?" in messages_of(response)[0]
        row.refresh_from_db()
        assert row.status == Status.WITHDRAWN

    @pytest.mark.parametrize("key", ["0", "x", str(10**30)])
    def test_of_an_unknown_row_is_404(self, registrar: Client, key: str) -> None:
        assert registrar.get(f"{LIST}{key}/history/").status_code == 404

    def test_queries_do_not_grow_with_records(self, registrar: Client, row: Enrollment) -> None:
        def opened(number: int) -> int:
            for _ in range(number):
                service.withdraw([(row.student_id, row.course_id)])
                service.enroll([(row.student_id, row.course_id)])
            return count_queries(lambda: registrar.get(f"{LIST}{row.pk}/history/"))

        assert opened(2) == opened(14)
