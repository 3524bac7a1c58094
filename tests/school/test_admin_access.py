"""Who may use the admin, how it writes dates, and what its lists offer."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Term
from students.factories import StudentFactory, enrolled
from students.models import Enrollment
from tests.admin_page import fields_of, submit

pytestmark = pytest.mark.django_db


def test_a_registrar_made_in_the_user_form_can_use_the_admin(client: Client) -> None:
    user = User.objects.create_user("new", password="pass")
    client.force_login(user)
    assert client.get("/admin/").status_code == 302
    assert 'href="/admin/"' not in client.get("/").content.decode()
    user.groups.add(Group.objects.get(name="Registrar"))
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/students/student/").status_code == 200
    assert 'href="/admin/"' in client.get("/").content.decode()


@pytest.mark.parametrize("role", ["Clerk", "Viewer"])
def test_other_roles_cannot(browser_of: Callable[[str], Client], role: str) -> None:
    assert browser_of(role).get("/admin/").status_code == 302


def test_who_is_only_staff_cannot(client: Client) -> None:
    user = User.objects.create_user("new", password="pass", is_staff=True)
    client.force_login(user)
    assert client.get("/admin/").status_code == 302
    assert 'href="/admin/"' not in client.get("/account/").content.decode()
    user.user_permissions.add(Permission.objects.get(codename="change_user"))
    user.is_staff = False
    user.save()
    assert client.get("/admin/auth/user/").status_code == 200
    assert 'href="/admin/"' in client.get("/account/").content.decode()


def test_every_change_can_have_a_reason(registrar: Client) -> None:
    course = CourseFactory.create()
    for row, field in (
        (StudentFactory.create(), "first_name"),
        (course, "title"),
        (course.term, "name"),
    ):
        admin = f"/admin/{row._meta.app_label}/{row._meta.model_name}"
        key = course.term.code if row == course.term else row.pk
        page = f"/{row._meta.model_name}s/{key}/edit/"
        for number, path in enumerate((f"{admin}/{row.pk}/change/", page)):
            change = {field: f"New {number}", "change_reason": f"Decree {number}"}
            assert submit(registrar, path, change).status_code == 302, path
            record = row.history.latest()
            assert record.history_change_reason == f"Decree {number}", path
            # Without a change there is no record.
            submit(registrar, path, {"change_reason": "Nothing"})
            assert row.history.latest().history_id == record.history_id
            longer = {field: "Other", "change_reason": "x" * 501}
            assert submit(registrar, path, longer).status_code in (200, 422), path
        for path in (f"{admin}/add/", f"/{row._meta.model_name}s/new/"):
            assert 'name="change_reason"' not in registrar.get(path).content.decode(), path


def test_date_fields_are_native_and_a_date_is_never_misread(registrar: Client) -> None:
    term = TermFactory.create()
    path = f"/admin/courses/term/{term.pk}/change/"
    page = registrar.get(path).content.decode()
    assert page.count('type="date"') == 4
    assert fields_of(page)["starts_on"] == [term.starts_on.isoformat()]
    answer = submit(registrar, path, {"ends_on": "10/11/2028"})
    assert "Enter a valid date" in answer.content.decode()
    assert Term.objects.get().ends_on == term.ends_on
    submit(registrar, path, {"ends_on": "2028-11-10"})
    assert Term.objects.get().ends_on.isoformat() == "2028-11-10"


@pytest.mark.parametrize(("language", "pattern"), [("en", "%Y-%m-%d"), ("de", "%d.%m.%Y")])
def test_pages_and_admin_write_dates_in_one_way(
    registrar: Client, language: str, pattern: str
) -> None:
    term = TermFactory.create()
    for path in ("/terms/", "/admin/courses/term/"):
        text = registrar.get(path, headers={"accept-language": language}).content.decode()
        assert term.starts_on.strftime(pattern) in text, path


def test_a_correction_can_have_a_reason(registrar: Client) -> None:
    row = enrolled(StudentFactory.create(), CourseFactory.create())
    path = f"/admin/students/enrollment/{row.pk}/change/"
    assert 'name="reason"' in registrar.get(path).content.decode()
    submit(registrar, path, {"status": "withdrawn", "reason": "moved away"})
    assert Enrollment.history.filter(id=row.pk).latest().history_change_reason == "moved away"
    other = enrolled(row.student, CourseFactory.create())
    path = f"/admin/students/student/{row.student_id}/change/"
    submit(registrar, path, {"withdraw": [str(other.pk)], "reason": "wrong course"})
    assert Enrollment.history.filter(id=other.pk).latest().history_change_reason == "wrong course"


def test_selecting_all_is_offered_only_if_it_can_be_done(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    StudentFactory.create_batch(4)
    monkeypatch.setattr("students.admin.options.StudentAdmin.list_per_page", 2)
    monkeypatch.setattr("core.admin.paginator.MAX_COUNT", 4)
    assert "Select all 4" in registrar.get("/admin/students/student/").content.decode()
    StudentFactory.create()
    assert "Select all 4" not in registrar.get("/admin/students/student/").content.decode()
