"""`/api/v1/courses` and `/api/v1/courses/{id}`."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Status

pytestmark = pytest.mark.django_db
URL = "/api/v1/courses"


def course_data(**changes: Any) -> dict[str, Any]:
    return {
        "code": "BIO-101",
        "title": "Biology",
        "description": "",
        "credits": "3.00",
        "term": "2026-FA",
        "capacity": 30,
        "prerequisites": [],
        "is_open": True,
    } | changes


def result_ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_rows_have_the_seats_counted(api: APIClient) -> None:
    course = CourseFactory(capacity=3, term=TermFactory(code="2026-FA"))
    for status in Status.ACTIVE, Status.ACTIVE, Status.COMPLETED, Status.WITHDRAWN:
        enrolled(StudentFactory(), course, status)
    [row] = api.get(URL).json()["results"]
    assert (row["term"], row["seats"]) == (
        "2026-FA",
        {"capacity": 3, "taken": 2, "left": 1, "waiting": 0},
    )


def test_unlimited_and_overbooked_seats(api: APIClient) -> None:
    unlimited, overbooked = CourseFactory(), CourseFactory()
    enrolled(StudentFactory(), overbooked)
    Course.objects.filter(pk=overbooked.pk).update(capacity=0)
    assert api.get(f"{URL}/{unlimited.pk}").json()["seats"] == {
        "capacity": None,
        "taken": 0,
        "left": None,
        "waiting": 0,
    }
    assert api.get(f"{URL}/{overbooked.pk}").json()["seats"] == {
        "capacity": 0,
        "taken": 1,
        "left": 0,
        "waiting": 0,
    }


def test_filters(api: APIClient) -> None:
    full, closed = (
        CourseFactory(capacity=0, title="Deep Sea Biology"),
        CourseFactory(is_open=False, term=TermFactory(code="A")),
    )
    assert result_ids(api.get(URL, {"search": "sea bio"})) == [full.pk]
    assert result_ids(api.get(URL, {"term": "A"})) == [closed.pk]
    assert result_ids(api.get(URL, {"is_open": "true"})) == [full.pk]
    assert result_ids(api.get(URL, {"has_seats": "true"})) == [closed.pk]
    assert result_ids(api.get(URL, {"has_seats": "false"})) == [full.pk]


def test_create(api: APIClient) -> None:
    TermFactory(code="2026-FA")
    answer = api.post(URL, course_data())
    assert answer.status_code == 201
    assert answer.json() == course_data(
        id=Course.objects.get().pk,
        seats={"capacity": 30, "taken": 0, "left": 30, "waiting": 0},
        section="",
        starts_on=None,
        ends_on=None,
        repeatable=False,
        excludes=[],
        meetings=[],
        teachers=[],
    )
    assert answer["Location"].endswith(f"{URL}/{Course.objects.get().pk}")


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"term": "nope"}, "/term", "not_found"),
        ({"term": 7}, "/term", "invalid"),
        ({"term": "a\0"}, "/term", "not_found"),
        ({"capacity": -1}, "/capacity", "min_value"),
        ({"capacity": 10**9}, "/capacity", "max_value"),
        ({"capacity": "30"}, "/capacity", "invalid"),
        ({"credits": "-1"}, "/credits", "min_value"),
        ({"credits": "1000.00"}, "/credits", "max_digits"),
        ({"credits": "NaN"}, "/credits", "invalid"),
        ({"code": ""}, "/code", "blank"),
        ({"code": "a\nb"}, "/code", "invalid"),
        ({"is_open": 1}, "/is_open", "invalid"),
        ({"prerequisites": "CHM-1"}, "/prerequisites", "not_a_list"),
        ({"prerequisites": [7]}, "/prerequisites/0", "invalid"),
        ({"prerequisites": ["NONE-1"]}, "/prerequisites", "not_found"),
        ({"prerequisites": ["BIO-101"]}, "/prerequisites", "circular"),
        ({"seats": {}}, "/seats", "read_only_field"),
    ],
)
def test_errors_have_a_pointer_and_a_code(
    api: APIClient, change: dict[str, Any], pointer: str, code: str
) -> None:
    TermFactory(code="2026-FA")
    answer = api.post(URL, course_data(**change))
    assert answer.status_code == 400, answer.content
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        (pointer, code)
    ]
    assert not Course.objects.exists()


def test_a_course_can_be_changed_after_the_code_of_a_prerequisite_was_changed(
    api: APIClient,
) -> None:
    first, course = CourseFactory(code="A-1"), CourseFactory(prerequisites=["A-1"])
    assert api.patch(f"{URL}/{first.pk}", {"code": "A-2"}).status_code == 200
    assert api.patch(f"{URL}/{course.pk}", {"capacity": 5}).status_code == 200
    assert api.patch(f"{URL}/{course.pk}", {"prerequisites": ["A-1", "A-2"]}).status_code == 200
    answer = api.patch(f"{URL}/{course.pk}", {"prerequisites": ["A-1", "A-3"]})
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (
        400,
        "There is no course with the code A-3.",
    )


def test_prerequisites_have_no_duplicates(api: APIClient) -> None:
    CourseFactory(code="A-1")
    course = CourseFactory()
    assert api.patch(f"{URL}/{course.pk}", {"prerequisites": ["A-1", " A-1"]}).json()[
        "prerequisites"
    ] == ["A-1"]
    CourseFactory(code="A-2")
    assert (
        api.patch(f"{URL}/{course.pk}", {"prerequisites": ["A-1,A-2"]}).json()["errors"][0]["code"]
        == "not_found"
    )


def test_a_code_is_unique_in_its_term(api: APIClient) -> None:
    CourseFactory(code="BIO-101", term=TermFactory(code="2026-FA"))
    answer = api.post(URL, course_data())
    assert (
        answer.status_code,
        answer.json()["errors"][0]["pointer"],
        answer.json()["errors"][0]["code"],
    ) == (400, "/code", "unique")
    TermFactory(code="2027-SP")
    assert api.post(URL, course_data(term="2027-SP")).status_code == 201


def test_patch_below_the_seats_taken_evicts_nobody(api: APIClient) -> None:
    course = CourseFactory(capacity=2)
    rows = [enrolled(StudentFactory(), course) for _ in range(2)]
    answer = api.patch(f"{URL}/{course.pk}", {"capacity": 1})
    assert (answer.status_code, answer.json()["seats"]) == (
        200,
        {"capacity": 1, "taken": 2, "left": 0, "waiting": 0},
    )
    assert all(type(row).objects.get(pk=row.pk).status == Status.ACTIVE for row in rows)
    assert list(course.history.order_by("history_id").values_list("capacity", flat=True)) == [2, 1]


def test_put_accepts_the_representation_of_get(api: APIClient) -> None:
    course = CourseFactory()
    read = api.get(f"{URL}/{course.pk}").json()
    assert api.put(f"{URL}/{course.pk}", read | {"title": "Other"}).json()["title"] == "Other"


def test_delete_an_unused_course(api: APIClient) -> None:
    course = CourseFactory()
    assert api.delete(f"{URL}/{course.pk}").status_code == 204
    assert not Course.objects.exists()


def test_a_course_in_use_is_protected(api: APIClient) -> None:
    row = enrolled(StudentFactory(), CourseFactory(), Status.WITHDRAWN)
    answer = api.delete(f"{URL}/{row.course_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "protected")
    assert "Close the course instead" in answer.json()["detail"]


def test_a_description_has_a_maximal_length(api: APIClient) -> None:
    TermFactory(code="2026-FA")
    answer = api.post(URL, course_data(description="x" * 10_001))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/description")
    with pytest.raises(ValidationError):
        CourseFactory.build(term=TermFactory.create(), description="x" * 10_001).full_clean()
