"""Private responses are stored by no cache, and by a browser only for the Back button."""

import pytest
from django.conf import settings
from django.test import Client

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled

pytestmark = pytest.mark.django_db


def test_private_responses_are_not_stored(registrar: Client, client: Client) -> None:
    row = enrolled(StudentFactory.create(), CourseFactory.create())
    for path in (
        "/",
        "/students/",
        f"/students/{row.student_id}/",
        f"/courses/{row.course_id}/",
        f"/courses/{row.course_id}/roster.csv",
        f"/courses/{row.course_id}/sheet/",
        "/students/99999/",
        "/admin/",
        f"/admin/students/student/{row.student_id}/change/",
        f"/api/v1/students/{row.student_id}",
        "/api/v1/enrollments",
        "/api/v1/students/99999",
    ):
        answer = registrar.get(path)
        assert "no-store" in answer.headers.get("Cache-Control", ""), path
    assert "no-store" in client.get("/login/").headers["Cache-Control"]
    assert "no-store" in client.get("/students/").headers["Cache-Control"]
    assert "no-store" in registrar.post("/api/v1/students", {}).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/login/", "/tokens/", "/account/password/"])
def test_a_refused_form_of_an_account_is_kept_for_the_back_button(
    registrar: Client, client: Client, path: str
) -> None:
    sender = client if path == "/login/" else registrar
    sent = {"username": "registrar", "password": "wrong", "days": "many"}
    assert sender.post(path, sent).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/students/new/", "/admin/students/student/add/"])
def test_a_page_that_answers_a_form_is_kept_for_the_back_button(
    registrar: Client, path: str
) -> None:
    refused = registrar.post(path, {})
    assert refused.headers["Cache-Control"] == "private, no-cache"
    # The copy is valid for the same cookies only.
    assert "Cookie" in refused.headers["Vary"]
    sent = {"number": "N-1", "first_name": "Nora", "last_name": "New", "email": "n@school.example"}
    rows = {"enrollments-TOTAL_FORMS": 0, "enrollments-INITIAL_FORMS": 0}
    saved = registrar.post(path, {**sent, **rows})
    assert (saved.status_code, saved.headers["Cache-Control"]) == (302, "no-store")


def test_a_secret_is_not_kept(registrar: Client) -> None:
    made = registrar.post("/tokens/", {})
    assert "Your new token" in made.content.decode()
    assert made.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/logout/", "/admin/logout/"])
def test_signing_out_clears_what_the_browser_keeps(registrar: Client, path: str) -> None:
    assert "Clear-Site-Data" not in registrar.get("/").headers
    assert registrar.post(path).headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("path", ["/healthz", "/api/schema/", "/api/v1/problems/course_full"])
def test_public_responses_may_be_stored(client: Client, path: str) -> None:
    assert "no-store" not in client.get(path).headers.get("Cache-Control", "")


def test_static_files_stay_in_caches() -> None:
    assert settings.MIDDLEWARE.index("whitenoise.middleware.WhiteNoiseMiddleware") < (
        settings.MIDDLEWARE.index("school.middleware.set_cache_control")
    )
