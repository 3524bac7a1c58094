"""The domain of an email is stored in lower case, as SQLite ignores the case of ASCII only."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from students.models import Student
from tests.admin_page import submit
from tests.importing import import_csv

pytestmark = pytest.mark.django_db
BODY = {"number": "1", "first_name": "Ann", "last_name": "Lee", "email": "Ann@BÜCHER.Example"}
KEPT = "Ann@bücher.example"


def test_over_the_api(api: APIClient) -> None:
    answer = api.post("/api/v1/students", BODY)
    assert (answer.status_code, answer.json()["email"]) == (201, KEPT)
    again = api.post("/api/v1/students", BODY | {"number": "2", "email": "ann@Bücher.example"})
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (400, "/email")
    assert (
        api.patch(answer["Location"], {"email": "ANN@BÜCHER.EXAMPLE"}).json()["email"]
        == "ANN@bücher.example"
    )


@pytest.mark.parametrize("path", ["/students/new/", "/admin/students/student/add/"])
def test_on_a_form(browser_of: Callable[[str], Client], path: str) -> None:
    registrar = browser_of("Registrar")
    submit(registrar, path, BODY)
    assert Student.objects.get().email == Student.history.get().email == KEPT
    answer = submit(registrar, path, BODY | {"number": "2", "email": "ann@Bücher.example"})
    assert "A student with this email already exists." in answer.content.decode()


def test_in_a_file() -> None:
    text = ",".join(BODY) + "\n" + ",".join(BODY.values()) + "\n"
    assert import_csv("students", text) == "students: 1 created, 0 changed, 0 unchanged"
    assert Student.objects.get().email == KEPT
    assert import_csv("students", text) == "students: 0 created, 0 changed, 1 unchanged"
