"""Keyset pagination of the API's lists."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from core.db.keyset import Cursor
from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled

pytestmark = pytest.mark.django_db
URL = "/api/v1/students"


def walk(api: APIClient, url: str | None, way: str = "next") -> list[list[int]]:
    pages = []
    while url:
        body = api.get(url).json()
        pages.append([row["id"] for row in body["results"]])
        url = body[way]
    return pages


@pytest.mark.parametrize("ordering", ["id", "-id", "last_name", "-last_name", "number", "-email"])
def test_every_row_once_to_the_end_and_back(api: APIClient, ordering: str) -> None:
    for name in ["Smith", "Abel", "Smith", "Smith", "Baker", "Abel", "Smith"]:
        StudentFactory(last_name=name)
    [whole] = walk(api, f"{URL}?ordering={ordering}")
    pages = walk(api, f"{URL}?ordering={ordering}&limit=2")
    assert [key for page in pages for key in page] == whole
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    last = f"{URL}?ordering={ordering}&limit=2"
    while following := api.get(last).json()["next"]:
        last = following
    assert walk(api, last, "previous")[::-1] == pages


def test_a_page_that_is_exactly_full_is_the_last(api: APIClient) -> None:
    StudentFactory.create_batch(2)
    body = api.get(f"{URL}?limit=2").json()
    assert (len(body["results"]), body["next"], body["previous"]) == (2, None, None)


def test_rows_that_come_and_go_shift_nothing(api: APIClient) -> None:
    students = StudentFactory.create_batch(6)
    first = api.get(f"{URL}?limit=3").json()
    students[0].delete()
    assert [row["id"] for row in api.get(first["next"]).json()["results"]] == [
        student.pk for student in students[3:]
    ]


def test_filters_stay_in_the_links(api: APIClient) -> None:
    StudentFactory.create_batch(3, is_active=False)
    assert [len(page) for page in walk(api, f"{URL}?limit=2&is_active=false")] == [2, 1]


def test_counts_when_asked(api: APIClient) -> None:
    StudentFactory.create_batch(3)
    assert api.get(f"{URL}?limit=1&count=true").json()["count"] == 3
    assert "count" not in api.get(f"{URL}?limit=1&count=false").json()


def test_the_feed_of_changes_is_paged_by_time(api: APIClient) -> None:
    student = StudentFactory()
    rows = [enrolled(student, CourseFactory()) for _ in range(5)]
    assert walk(api, "/api/v1/enrollments?limit=2&updated_since=2000-01-01T00:00Z") == [
        [rows[0].pk, rows[1].pk],
        [rows[2].pk, rows[3].pk],
        [rows[4].pk],
    ]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e2", "٣", "9" * 5000])
def test_a_wrong_limit_is_400(api: APIClient, limit: str) -> None:
    answer = api.get(URL, {"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "limit")


def test_the_limit_is_50_unless_asked_and_200_at_most(api: APIClient) -> None:
    StudentFactory.create_batch(201)
    assert [len(api.get(URL, params).json()["results"]) for params in ({}, {"limit": 200})] == [
        50,
        200,
    ]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "AAAA",
        "%00",
        "W10",
        Cursor([]).encode(),
        Cursor(["x"]).encode(),
        Cursor([1, 2]).encode(),
        Cursor([None]).encode(),
        Cursor([[1]]).encode(),
        Cursor(["a\0"]).encode(),
        Cursor([{"a": 1}]).encode(),
    ],
)
def test_a_cursor_that_is_not_one_is_400(api: APIClient, cursor: str) -> None:
    StudentFactory()
    answer = api.get(URL, {"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "cursor")


@pytest.mark.parametrize("value", [2**63 - 1, 0, -5])
def test_a_cursor_beyond_all_rows_is_an_empty_page_or_the_first(api: APIClient, value: int) -> None:
    StudentFactory()
    assert api.get(URL, {"cursor": Cursor([value]).encode()}).status_code == 200


@pytest.mark.parametrize(
    "values", [["x", 1], ["2026-01-01T00:00:00+00:00", "x"], ["2026-99-99T00:00:00+00:00", 1]]
)
def test_a_cursor_of_another_list_is_400(api: APIClient, values: list[Any]) -> None:
    enrolled(StudentFactory(), CourseFactory())
    answer = api.get(
        "/api/v1/enrollments", {"updated_since": "2026-01-01", "cursor": Cursor(values).encode()}
    )
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "cursor")
