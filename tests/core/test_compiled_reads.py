"""What is read by compiled SQL is what the serializers and the ORM would have answered."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from core.api.compiled_reads import compile_page
from courses.factories import CourseFactory
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db
LISTS = ["/students", "/students/{s}/courses", "/courses/{c}/students", "/enrollments"]


@pytest.fixture
def rows() -> dict[str, int]:
    """Students with courses of every status, one of whom waits."""
    students, courses = (
        StudentFactory.create_batch(7),
        CourseFactory.create_batch(7, credits="2.50"),
    )
    full = CourseFactory(capacity=1)
    service.enroll([(student.pk, course.pk) for student in students for course in courses])
    service.enroll([(student.pk, full.pk) for student in students], Options(waitlist=True))
    enrolled(students[3], courses[1], Status.COMPLETED)
    service.withdraw([(students[3].pk, courses[2].pk), (students[4].pk, courses[1].pk)])
    return {"s": students[3].pk, "c": full.pk, "e": students[3].enrollments.get(course=full).pk}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [2, 100])
def test_a_list_is_the_same_with_and_without_a_filter(
    api: APIClient, rows: dict[str, int], path: str, limit: int
) -> None:
    """`count` asks the ORM as a filter does."""
    address: str | None = f"/api/v1{path.format(**rows)}?limit={limit}"
    pages = 0
    while address:
        compiled, built = api.get(address).json(), api.get(f"{address}&count=true").json()
        assert compiled["results"] == built["results"] != []
        back = compiled["previous"] and api.get(compiled["previous"]).json()
        assert (pages > 0) == bool(back)
        pages, address = pages + 1, compiled["next"]
    assert (pages > 1) == (limit == 2)


@pytest.mark.parametrize("path", ["/students/{s}", "/enrollments/{e}"])
def test_one_row_is_the_same_in_both_ways(api: APIClient, rows: dict[str, int], path: str) -> None:
    """With If-Match, the row is read by the ORM and shown by the serializer."""
    address = f"/api/v1{path.format(**rows)}"
    compiled = api.get(address)
    built = api.get(address, headers={"If-Match": compiled["ETag"]})
    assert (built.content, built["ETag"]) == (compiled.content, compiled["ETag"])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_times_are_in_utc_in_every_school(
    api: APIClient, rows: dict[str, int], settings: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    address = f"/api/v1/enrollments/{rows['e']}"
    answer = api.get(address)
    assert answer.json()["enrolled_at"].endswith("Z")
    assert (
        api.patch(address, {"status": "withdrawn"}, headers={"If-Match": answer["ETag"]})
        .json()["updated_at"]
        .endswith("Z")
    )


@pytest.mark.parametrize(
    "path",
    [
        "/students",
        "/students/{s}",
        "/students/{s}/courses",
        "/courses/{c}/students",
        "/enrollments/{e}",
    ],
)
def test_what_was_compiled_shows_what_is_there_now(
    api: APIClient, rows: dict[str, int], path: str
) -> None:
    address = f"/api/v1{path.format(**rows)}"
    before = api.get(address).json()
    StudentFactory()
    service.withdraw([(rows["s"], rows["c"])])
    assert api.get(address).json() != before


def test_a_list_is_not_narrowed_by_what_an_earlier_request_asked(
    api: APIClient, rows: dict[str, int]
) -> None:
    everybody = api.get("/api/v1/students").json()
    assert len(api.get("/api/v1/students?search=nobody").json()["results"]) == 0
    api.get("/api/v1/students?is_active=false")
    assert api.get("/api/v1/students").json() == everybody


@pytest.mark.parametrize("number", [2**63, 2**64, 10**30])
@pytest.mark.parametrize(
    "path", ["/students/{}", "/students/{}/courses", "/courses/{}/students", "/enrollments/{}"]
)
def test_a_number_that_no_table_has_is_not_found(api: APIClient, path: str, number: int) -> None:
    assert api.get(f"/api/v1{path.format(number)}").status_code == 404


def test_a_list_takes_the_query_of_the_token_and_its_own(
    api: APIClient, rows: dict[str, int]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.get("/api/v1/students")
    assert len(queries) == 2


def test_any_limit_is_read_by_one_of_two_questions(api: APIClient, rows: dict[str, int]) -> None:
    """What is compiled is kept, and PostgreSQL keeps a plan of it on each connection."""
    compile_page.cache_clear()
    for limit in (1, 2, 49, 50, 51, 199, 200):
        assert len(api.get(f"/api/v1/students?limit={limit}").json()["results"]) == min(
            limit, Student.objects.count()
        )
    assert compile_page.cache_info().currsize == 2
