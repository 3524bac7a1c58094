"""`PUT /api/v1/students/by-number/{number}`: one request a student for a nightly sync."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from students.models import Student
from tests.school.test_problems import problem_of

pytestmark = pytest.mark.django_db
ANN = {"first_name": "Ann", "last_name": "Lee", "email": "ann@school.example"}


def url(number: str) -> str:
    return f"/api/v1/students/by-number/{quote(number, safe='')}"


@pytest.mark.parametrize("number", ["D-1", "2026/17", "A & B", "Zoë"])
def test_a_new_number_is_created_and_a_known_one_is_changed(api: APIClient, number: str) -> None:
    created = api.put(url(number), ANN)
    assert (created.status_code, created.json()["number"]) == (201, number)
    student = Student.objects.get()
    assert created["Location"].endswith(f"/api/v1/students/{student.pk}")
    assert created["ETag"] == api.get(f"/api/v1/students/{student.pk}")["ETag"]
    changed = api.put(url(number), {"number": number, "first_name": "Anne"})
    assert (changed.status_code, changed.json()["first_name"]) == (200, "Anne")
    assert changed.json()["last_name"] == "Lee"
    assert changed["ETag"] == api.get(f"/api/v1/students/{student.pk}")["ETag"]
    assert list(student.history.values_list("history_type", flat=True)) == ["~", "+"]


@pytest.mark.parametrize("number", ["D-1", "D/", "2026/17", "2026//17", "D//", "D/-/", "Zoë/"])
@pytest.mark.parametrize("variable", ["REQUEST_URI", "RAW_URI"])
def test_an_encoded_slash_belongs_to_the_number_and_another_at_the_end_does_not(
    api: APIClient, number: str, variable: str
) -> None:
    def put(path: str, **headers: str) -> Any:
        extra: Any = {variable: path, **headers}
        return api.put(path, ANN, **extra)

    created = put(url(number))
    assert (created.status_code, created.json()["number"]) == (201, number)
    for ending in ("/", "//"):
        changed = put(url(number) + ending)
        assert (changed.status_code, changed.json()["id"]) == (200, created.json()["id"])
    problem_of(put(url(number), HTTP_IF_NONE_MATCH="*"), 412, "stale")


def test_the_same_again_writes_nothing(api: APIClient) -> None:
    api.put(url("D-1"), ANN)
    assert api.put(url("D-1"), ANN).status_code == 200
    assert Student.history.count() == 1


def test_one_form_of_text_is_one_student(api: APIClient) -> None:
    assert api.put(url("Zoë"), ANN).status_code == 201
    assert api.put(url("Zoe\u0308"), ANN).status_code == 200


def test_another_number_in_the_body_is_a_contradiction(api: APIClient) -> None:
    answer = api.put(url("D-1"), {**ANN, "number": "D-2"})
    [error] = problem_of(answer, 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/number", "contradiction")


@pytest.mark.parametrize("number", ["D-1", "D-2"])
def test_a_taken_email_is_an_error_of_the_email(api: APIClient, number: str) -> None:
    StudentFactory(number="D-2")
    StudentFactory(email="ann@school.example")
    [error] = problem_of(api.put(url(number), ANN), 400, "invalid")["errors"]
    assert error["pointer"] == "/email"


@pytest.mark.parametrize(
    ("number", "body", "pointer"),
    [
        ("!", ANN, "/number"),
        ("D-1", {**ANN, "nonsense": 1}, "/nonsense"),
        ("D-1", [], ""),
        ("D-1", {"first_name": "Ann"}, "/last_name"),
    ],
)
def test_a_wrong_body_or_number_is_400(
    api: APIClient, number: str, body: Any, pointer: str
) -> None:
    errors = problem_of(api.put(url(number), body), 400, "invalid")["errors"]
    assert pointer in [error["pointer"] for error in errors]
    assert not Student.objects.exists()


def test_preconditions(api: APIClient) -> None:
    problem_of(api.put(url("D-1"), ANN, HTTP_IF_MATCH="*"), 412, "stale")
    created = api.put(url("D-1"), ANN, HTTP_IF_NONE_MATCH="*")
    assert created.status_code == 201
    problem_of(api.put(url("D-1"), ANN, HTTP_IF_NONE_MATCH="*"), 412, "stale")
    problem_of(api.put(url("D-1"), ANN, HTTP_IF_MATCH='"stale"'), 412, "stale")
    assert api.put(url("D-1"), ANN, HTTP_IF_MATCH=created["ETag"]).status_code == 200


def test_the_etag_covers_the_courses(api: APIClient) -> None:
    created = api.put(url("D-1"), ANN)
    enrolled(Student.objects.get(), CourseFactory())
    problem_of(api.put(url("D-1"), ANN, HTTP_IF_MATCH=created["ETag"]), 412, "stale")


def test_creating_and_changing_need_the_rights_to_do_so(api_of: Callable[[str], APIClient]) -> None:
    StudentFactory(number="D-2")
    clerk = api_of("Clerk")
    for number in ("D-1", "D-2"):
        problem_of(clerk.put(url(number), ANN), 403, "permission_denied")


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_creates_and_the_other_changes(
    api_of: Callable[[str], APIClient],
) -> None:
    client = api_of("admin")

    def put(name: str) -> int:
        try:
            return int(client.put(url("D-1"), {**ANN, "first_name": name}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(put, ["Ann", "Anne"])) == [200, 201]
    assert Student.objects.count() == 1
