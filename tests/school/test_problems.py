"""Errors of the API are problems; no mistake of a client is a 500."""

from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from school.api.problems import PROBLEMS
from students.enrollment.rules import Refusal
from students.factories import StudentFactory

pytestmark = pytest.mark.django_db
JSON = "application/json"


def problem_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"], answer["Content-Type"]) == (
        status,
        status,
        code,
        "application/problem+json",
    ), answer.content
    assert set(body) >= {"type", "title", "status", "detail", "code"}
    return body


@pytest.mark.parametrize("code", [*PROBLEMS])
def test_the_type_of_every_problem_can_be_opened_by_anybody(code: str) -> None:
    answer = Client().get(f"/api/v1/problems/{code}")
    assert answer.status_code == 200
    assert answer.json() == {
        "code": code,
        "status": PROBLEMS[code].status,
        "title": str(PROBLEMS[code].title),
        "explanation": str(PROBLEMS[code].explanation),
    }


def test_every_refusal_is_explained() -> None:
    assert set(Refusal) <= set(PROBLEMS)


@pytest.mark.parametrize("accept", [JSON, "text/plain", "image/*"])
@pytest.mark.parametrize("path", ["/api/docs/?script=", "/api/docs/", "/api/schema/", "/api/none"])
def test_a_problem_is_json_whatever_the_view_renders(
    client: Client, path: str, accept: str
) -> None:
    answer = client.get(path, HTTP_ACCEPT=accept)
    if answer.status_code >= 400:
        problem_of(answer, answer.status_code, answer.json()["code"])
    answer = client.delete(path, HTTP_ACCEPT=accept)
    assert answer.status_code >= 400
    problem_of(answer, answer.status_code, answer.json()["code"])


def test_an_unknown_problem_is_404(client: Client) -> None:
    problem_of(client.get("/api/v1/problems/nonsense"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/",
        "/api/v2/students",
        "/api/v1/students/x",
        "/api/v1/students/1/courses/x",
        "/api/v1/%00",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_path_that_is_not_there(api: APIClient, path: str, method: str) -> None:
    problem_of(getattr(api, method)(path), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"student_id": NaN}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"student_id": ' + b"9" * 5000 + b"}",
        b'{"student_id": 1, "course_id": 1}}',
        '{"student_id": "\ud800"}'.encode("utf-8", "surrogatepass"),
    ],
)
def test_what_is_not_json(api: APIClient, body: bytes) -> None:
    answer = api.post("/api/v1/enrollments", body, content_type=JSON)
    problem_of(answer, 400, "malformed" if body else "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"7",
        b'"x"',
        b"[]",
        b"true",
        b'{"enrollments": {"0": 1}}',
        b'{"enrollments": [[[[]]]]}',
        b'{"": ""}',
    ],
)
def test_json_of_another_shape(api: APIClient, body: bytes) -> None:
    problem_of(api.post("/api/v1/enrollments", body, content_type=JSON), 400, "invalid")


@pytest.mark.parametrize("number", ["9" * 30, "-1", "1e3", "1.5", "9223372036854775808"])
def test_numbers_that_are_no_ids(api: APIClient, number: str) -> None:
    body = problem_of(
        api.post(
            "/api/v1/enrollments",
            f'{{"student_id": {number}, "course_id": 1}}'.encode(),
            content_type=JSON,
        ),
        400,
        "invalid",
    )
    assert body["errors"][0]["pointer"] == "/student_id"


@pytest.mark.parametrize(
    "path",
    [
        "/students?term=%00",
        "/courses?term=a%00",
        "/enrollments?term=%00",
        "/terms/%00",
        "/students?search=%00",
    ],
)
def test_a_nul_is_nobodys_fault_but_the_clients(api: APIClient, path: str) -> None:
    answer = api.get(f"/api/v1{path}")
    assert answer.status_code in (400, 404)
    assert answer["Content-Type"] == "application/problem+json"


def test_pointers_are_escaped(api: APIClient) -> None:
    assert (
        api.post("/api/v1/enrollments", {"a/b~c": 1}).json()["errors"][0]["pointer"] == "/a~1b~0c"
    )


def test_a_body_that_is_too_large(api: APIClient) -> None:
    problem_of(
        api.post("/api/v1/enrollments", b"[" + b" " * 2**20 + b"]", content_type=JSON),
        413,
        "too_large",
    )


def test_another_format(api: APIClient) -> None:
    problem_of(
        api.post("/api/v1/enrollments", b"a=1", content_type="application/x-www-form-urlencoded"),
        415,
        "unsupported_media_type",
    )
    problem_of(api.get("/api/v1/students", HTTP_ACCEPT="text/csv"), 406, "not_acceptable")


def test_another_method(api: APIClient) -> None:
    answer = api.delete("/api/v1/students")
    problem_of(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]
    problem_of(api.generic("BREW", "/api/v1/students"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    ["/students", "/students/1", "/courses", "/terms", "/enrollments", "/students/1/courses"],
)
def test_options_tells_what_there_is(api: APIClient, path: str) -> None:
    StudentFactory.create(pk=1)
    answer = api.options(f"/api/v1{path}")
    assert answer.status_code == 200
    assert answer.json()["allow"] == answer["Allow"].split(", ")


def test_nobody_signed_in(client: Client) -> None:
    answer = client.get("/api/v1/students")
    problem_of(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_role_that_may_not(api_of: Any) -> None:
    problem_of(api_of("Viewer").post("/api/v1/students", {}), 403, "permission_denied")


def test_a_session_without_csrf_token_may_not_write(browser_of: Any) -> None:
    client = browser_of("Clerk")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    answer = strict.post(
        "/api/v1/enrollments",
        {"student_id": StudentFactory().pk, "course_id": CourseFactory().pk},
        content_type=JSON,
    )
    assert "CSRF" in problem_of(answer, 403, "permission_denied")["detail"]
    assert strict.get("/api/v1/students").status_code == 200


def test_the_database_is_away(api: APIClient) -> None:
    with patch(
        "students.enrollment.snapshot.execute_all",
        side_effect=OperationalError("canceling statement due to lock timeout"),
    ):
        answer = api.post(
            "/api/v1/enrollments",
            {"student_id": StudentFactory().pk, "course_id": CourseFactory().pk},
        )
    problem_of(answer, 503, "unavailable")
    assert int(answer["Retry-After"]) > 0


def test_an_error_nobody_foresaw_is_a_problem_too(api: APIClient) -> None:
    with (
        patch("school.api.problems.exception_handler", return_value=None),
        patch(
            "students.api.viewsets.StudentViewSet.get_paginated_response",
            side_effect=RuntimeError("secret"),
        ),
    ):
        answer = api.get("/api/v1/students")
    assert "secret" not in str(problem_of(answer, 500, "server_error"))


class TestPages:
    """Outside the API the same errors are pages."""

    def test_missing(self, client: Client) -> None:
        answer = client.get("/nothing/")
        assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (OperationalError("away"), 503),
            (RuntimeError("secret"), 500),
            (SuspiciousOperation("odd"), 400),
        ],
    )
    def test_broken(self, error: Exception, status: int) -> None:
        client = Client(raise_request_exception=False)
        with (
            patch("school.urls.healthz"),
            patch("django.contrib.auth.views.LoginView.dispatch", side_effect=error),
        ):
            answer = client.get("/login/")
        assert (answer.status_code, "Retry-After" in answer) == (status, status == 503)
        assert "secret" not in answer.content.decode()
