"""Private responses are stored by no cache and no browser."""

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
    assert "no-store" in registrar.post("/students/new/", {}).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/healthz", "/api/schema/", "/api/v1/problems/course_full"])
def test_public_responses_may_be_stored(client: Client, path: str) -> None:
    assert "no-store" not in client.get(path).headers.get("Cache-Control", "")


def test_static_files_stay_in_caches() -> None:
    assert settings.MIDDLEWARE.index("whitenoise.middleware.WhiteNoiseMiddleware") < (
        settings.MIDDLEWARE.index("school.middleware.forbid_storing")
    )
