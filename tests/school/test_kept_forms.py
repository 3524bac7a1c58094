"""A form keeps its values when the session ended, the CSRF token is old, the language changes."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from students.models import Student
from tests.admin_page import fields_of, fill_in

pytestmark = pytest.mark.django_db

Browser = Callable[[str], Client]
TYPED = {"number": "N-1", "first_name": "Nora", "last_name": "New", "email": "n@school.example"}
SAME_SITE = {"origin": "http://testserver"}


@pytest.fixture
def registrar_user() -> User:
    user = User.objects.create_user("regina", password="a long password")
    user.groups.add(Group.objects.get(name="Registrar"))
    return user


def fields(answer: Any, action: str) -> dict[str, str]:
    """Return the hidden fields of the form with this action."""
    form = re.search(
        rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', answer.content.decode(), re.S
    )
    assert form, f"There is no form for {action}."
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form[1])
    return {name: html.unescape(value) for name, value in found}


def sign_in(client: Client, answer: Any) -> Any:
    data = fields(answer, "/login/") | {"username": "regina", "password": "a long password"}
    return client.post("/login/", data)


@pytest.mark.parametrize("path", ["/students/new/", "/admin/students/student/add/"])
def test_a_form_sent_after_the_sign_in_ended_can_be_sent_after_signing_in(
    client: Client, registrar_user: User, path: str
) -> None:
    page = client.post(path, TYPED)
    assert page.status_code == 200
    assert not Student.objects.exists()
    wrong = client.post(
        "/login/", fields(page, "/login/") | {"username": "regina", "password": "wrong"}
    )
    answer = sign_in(client, wrong)
    assert "What you typed is kept" in answer.content.decode()
    assert "Send it now" in answer.content.decode()
    kept = fields(answer, path)
    assert {name: kept[name] for name in TYPED} == TYPED


def test_all_values_of_a_field_are_kept(client: Client, registrar_user: User) -> None:
    student, courses = StudentFactory.create(), CourseFactory.create_batch(2)
    path = f"/students/{student.pk}/courses/"
    page = client.post(path, {"courses": [course.pk for course in courses], "on_full": "waitlist"})
    text = sign_in(client, page).content.decode()
    for course in courses:
        assert f'name="courses" value="{course.pk}"' in text


def test_passwords_are_never_kept(client: Client) -> None:
    sent = {"old_password": "secret-1", "new_password1": "secret-2", "note": "kept"}
    page = client.post("/account/password/", sent).content.decode()
    assert "secret" not in page
    assert "note=kept" in page


def test_an_empty_post_is_redirected_to_the_sign_in_page(client: Client) -> None:
    assert client.post("/undo/").status_code == 302


def test_only_addresses_of_this_site_are_offered(client: Client, registrar_user: User) -> None:
    for address in ("https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"):
        data = {"kept": "a=1", "kept_address": address}
        answer = client.post(
            "/login/", data | {"username": "regina", "password": "a long password"}
        )
        assert answer.status_code == 302
        client.logout()


class TestToken:
    def test_an_old_csrf_token_keeps_the_form(self, registrar_user: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(registrar_user)
        client.get("/students/new/")
        old = {**TYPED, "csrfmiddlewaretoken": "a" * 32}
        answer = client.post("/students/new/", old, headers=SAME_SITE)
        assert answer.status_code == 403
        kept = fields(answer, "/students/new/")
        assert kept["csrfmiddlewaretoken"] != "a" * 32
        assert client.post("/students/new/", kept, headers=SAME_SITE).status_code == 302
        assert Student.objects.get().number == "N-1"

    @pytest.mark.parametrize("origin", [{}, {"origin": "https://elsewhere.example"}])
    def test_a_form_of_another_site_is_not_kept(
        self, registrar_user: User, origin: dict[str, str]
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(registrar_user)
        answer = client.post("/students/new/", TYPED, headers=origin)
        assert answer.status_code == 403
        assert "Nora" not in answer.content.decode()


class TestLanguage:
    def test_the_switch_keeps_the_form_and_leads_back_to_it(self, registrar: Client) -> None:
        page = registrar.get("/students/new/").content.decode()
        assert 'formaction="/language/?language=de&amp;next=/students/new/"' in page
        answer = registrar.post("/language/?language=de&next=/students/new/", TYPED)
        assert answer.cookies["django_language"].value == "de"
        # The browser posts the same fields to the form.
        assert answer.status_code == 307
        assert answer["Location"] == "/students/new/?do=check"
        back = registrar.post("/students/new/?do=check", TYPED)
        assert back.status_code == 200
        for value in TYPED.values():
            assert f'value="{value}"' in back.content.decode()
        assert "summary" not in back.content.decode().partition("<main")[2]
        assert not Student.objects.exists()

    def test_a_form_of_the_admin_is_shown_filled_in(self, registrar: Client) -> None:
        student, course = StudentFactory.create(), CourseFactory.create()
        path = f"/admin/students/student/{student.pk}/change/"
        page = registrar.get(path).content.decode()
        assert 'form="student_form"' in page
        assert f'formaction="/language/?language=de&amp;next={path}"' in page
        typed = {
            "first_name": "Nora",
            "email": "",
            "enrollments-0-course": course.pk,
            "override": "course_full",
            "reason": "",
        }
        sent = fill_in(fields_of(page), typed)
        answer = registrar.post(f"/language/?language=de&next={path}", sent, follow=True)
        assert answer.redirect_chain == [(f"{path}?do=check", 307)]
        text = answer.content.decode()
        assert '<html lang="de"' in text
        assert "errornote" not in text
        assert "errorlist" not in text
        shown = fields_of(text)
        assert {name: shown[name] for name in typed} == {name: sent[name] for name in typed}
        assert f'action="{path}"' in text
        student.refresh_from_db()
        assert student.first_name != "Nora"
        # Saving says what is missing.
        assert "errornote" in registrar.post(path, sent).content.decode()

    def test_a_form_that_cannot_be_shown_again_is_kept(self, browser_of: Browser) -> None:
        admin, user = browser_of("admin"), User.objects.get()
        path = f"/admin/auth/user/{user.pk}/change/"
        assert 'form="user_form"' in admin.get(path).content.decode()
        answer = admin.post(f"/language/?language=de&next={path}", {"last_name": "New"})
        assert answer.status_code == 200
        assert fields(answer, path)["last_name"] == "New"

    def test_without_a_form_it_goes_back_at_once(self, registrar: Client) -> None:
        answer = registrar.post("/language/", {"language": "de", "next": "/students/"})
        assert (answer.status_code, answer["Location"]) == (302, "/students/")

    def test_a_reason_can_be_shown_again(self, registrar: Client) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create())
        for path in (
            f"/students/{row.student_id}/courses/{row.course_id}/withdraw/",
            f"/courses/{row.course_id}/withdraw/",
        ):
            data = {"reason": "moved away", "students": [row.student_id]}
            text = registrar.post(f"{path}?do=check", data).content.decode()
            assert "moved away" in text
        row.refresh_from_db()
        assert row.is_current
