"""The OpenAPI schema and its interactive page."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client: Client) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content
    )
    return made


def test_is_valid_without_a_warning(tmp_path: Any) -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml")
    )


def test_is_openapi_3_1_and_open_to_all(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")


def test_has_every_path_of_the_map(schema: dict[str, Any]) -> None:
    parts: list[Any] = get_resolver().url_patterns
    routes = {
        str(pattern.pattern)
        for part in parts
        if str(part.pattern) == "api/v1/"
        for pattern in part.url_patterns
    }
    documented = {
        path.removeprefix("/api/v1/").replace("{", "").replace("}", "") for path in schema["paths"]
    }
    plain = {
        re.sub("<(int|str|path):", "", route).replace(">", "").replace("pk", "id")
        for route in routes
        if not route.startswith("problems/")
    }
    assert plain == documented


def test_every_operation_names_its_problems(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            assert "application/problem+json" in operation["responses"]["403"]["content"]


def test_the_docs_load_nothing_from_outside(client: Client) -> None:
    for url in ("/api/docs/", "/api/docs/?script="):
        text = client.get(url).content.decode()
        assert "http://" not in text.replace("http://testserver", "")
        assert "https://" not in text


PAIR = {"student": {"number": "D-1"}, "course": {"term": "T", "code": "C-1"}}
COURSES = "/api/v1/students/{student_id}/courses"


@pytest.mark.parametrize(
    ("path", "method", "body", "is_valid"),
    [
        ("/api/v1/enrollments", "post", PAIR, True),
        ("/api/v1/enrollments", "post", {"enrollments": [PAIR]}, True),
        ("/api/v1/enrollments", "post", {"student_id": 1, "course": PAIR["course"]}, True),
        ("/api/v1/enrollments", "post", {"student_id": 1, **PAIR}, False),
        ("/api/v1/enrollments", "post", {"student_id": 1}, False),
        ("/api/v1/enrollments", "post", {"enrollments": [{"student_id": 1, **PAIR}]}, False),
        ("/api/v1/enrollments", "post", {"enrollments": [{"student_id": 1}]}, False),
        (COURSES, "post", {"courses": [1, PAIR["course"]]}, True),
        (COURSES, "post", {"courses": [PAIR["student"]]}, False),
        (COURSES, "post", {"courses": [1], "course_ids": [1]}, False),
        (COURSES, "patch", {"add": [PAIR["course"]], "remove": [2]}, True),
        (COURSES, "patch", {"remove": [2]}, True),
        (COURSES, "patch", {"remove": [2], "courses": [1]}, False),
        (COURSES, "patch", {}, False),
        (COURSES, "put", {"courses": [], "term": "T"}, True),
        (COURSES, "put", {"term": "T"}, False),
    ],
)
def test_bodies_are_valid_by_the_schema_where_they_are_for_the_server(
    api: APIClient, schema: dict[str, Any], path: str, method: str, body: Any, is_valid: bool
) -> None:
    student = StudentFactory(number="D-1")
    for number in (1, 2):
        CourseFactory(pk=number, code=f"C-{number}", term=TermFactory(code="T" * number))
    described = schema["paths"][path][method]["requestBody"]["content"]["application/json"]
    whole = described["schema"] | {"components": schema["components"]}
    assert Draft202012Validator(whole).is_valid(body) == is_valid
    if "student_id" in body:
        body = body | {"student_id": student.pk}
    answer = getattr(api, method)(path.format(student_id=student.pk), body)
    assert (answer.status_code < 400) == is_valid, answer.content
