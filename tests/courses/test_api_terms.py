"""`/api/v1/terms` and `/api/v1/terms/{code}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Term

pytestmark = pytest.mark.django_db
URL = "/api/v1/terms"
FALL = {
    "code": "2026-FA",
    "name": "Fall 2026",
    "starts_on": "2026-09-01",
    "ends_on": "2026-12-20",
    "enrollment_opens_on": "2026-08-01",
    "enrollment_closes_on": None,
    "max_credits": "18.00",
    "accepts_in_progress": True,
}


def test_create_read_change_delete(api: APIClient) -> None:
    answer = api.post(URL, FALL)
    assert (answer.status_code, answer.json()) == (201, FALL)
    assert answer["Location"].endswith(f"{URL}/2026-FA")
    assert api.get(f"{URL}/2026-FA").json() == FALL
    assert api.get(URL).json()["results"] == [FALL]
    assert api.patch(f"{URL}/2026-FA", {"name": "Autumn"}).json()["name"] == "Autumn"
    assert api.put(f"{URL}/2026-FA", FALL).json() == FALL
    assert api.delete(f"{URL}/2026-FA").status_code == 204
    assert not Term.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"ends_on": "2026-08-31"}, "/ends_on", "ends_before_start"),
        ({"enrollment_closes_on": "2026-07-31"}, "/enrollment_closes_on", "closes_before_opening"),
        ({"starts_on": "2026-13-01"}, "/starts_on", "invalid"),
        ({"starts_on": None}, "/starts_on", "null"),
        ({"max_credits": -1}, "/max_credits", "min_value"),
        ({"max_credits": "1000"}, "/max_credits", "max_whole_digits"),
        ({"code": "a/b"}, "/code", "invalid"),
        ({"code": "a b"}, "/code", "invalid"),
        ({"code": "."}, "/code", "invalid"),
    ],
)
def test_errors_have_a_pointer_and_a_code(
    api: APIClient, change: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api.post(URL, FALL | change)
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        (pointer, code)
    ]
    assert not Term.objects.exists()


def test_a_term_may_last_one_day(api: APIClient) -> None:
    same = "2026-09-01"
    assert (
        api.post(
            URL, FALL | {"ends_on": same, "enrollment_opens_on": same, "enrollment_closes_on": same}
        ).status_code
        == 201
    )


def test_codes_are_unique(api: APIClient) -> None:
    TermFactory(code="2026-FA")
    answer = api.post(URL, FALL)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unique")


def test_a_term_with_courses_is_protected(api: APIClient) -> None:
    course = CourseFactory()
    answer = api.delete(f"{URL}/{course.term.code}")
    assert (answer.status_code, answer.json()["code"]) == (409, "protected")
    assert "has courses" in answer.json()["detail"]


@pytest.mark.parametrize("code", ["nope", "%00", "a%2Fb", "é"])
def test_an_unknown_code_is_404(api: APIClient, code: str) -> None:
    assert api.get(f"{URL}/{code}").status_code == 404
