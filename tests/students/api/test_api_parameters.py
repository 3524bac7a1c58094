"""Unknown and repeated query parameters are errors at every method of every path."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student
from tests.school.test_problems import problem_of

pytestmark = pytest.mark.django_db
# Method, path and body of a request that would succeed.
REQUESTS: list[tuple[str, str, Any]] = [
    ("get", "/students", None),
    ("post", "/students", {"number": "N", "first_name": "A", "last_name": "B", "email": "a@b.de"}),
    ("get", "/students/{s}", None),
    ("patch", "/students/{s}", {"first_name": "Other"}),
    ("put", "/students/by-number/N", {"first_name": "A", "last_name": "B", "email": "a@b.de"}),
    ("delete", "/students/{free}", None),
    ("get", "/students/{s}/courses", None),
    ("post", "/students/{s}/courses", {"course_id": 1}),
    ("patch", "/students/{s}/courses", {"remove": []}),
    ("put", "/students/{s}/courses", {"course_ids": []}),
    ("delete", "/students/{s}/courses/{c}", None),
    ("get", "/courses", None),
    ("get", "/courses/{c}", None),
    ("patch", "/courses/{c}", {"title": "Other"}),
    ("get", "/courses/{c}/students", None),
    ("post", "/courses/{c}/students", {"student_id": 1}),
    ("get", "/terms", None),
    ("patch", "/terms/{t}", {"name": "Other"}),
    ("get", "/enrollments", None),
    ("post", "/enrollments", {"student_id": 1, "course_id": 1}),
    ("get", "/enrollments/{e}", None),
    ("patch", "/enrollments/{e}", {"status": "withdrawn"}),
    ("delete", "/enrollments/{e}", None),
    ("get", "/enrollments/{e}/history", None),
    ("get", "/problems/invalid", None),
]


@pytest.mark.parametrize("query", ["nonsense=1", "format=xml", "format=json", "dry_run=true"])
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_an_unknown_one_is_refused_and_nothing_is_done(
    api: APIClient, method: str, path: str, body: Any, query: str
) -> None:
    row = enrolled(StudentFactory(), CourseFactory())
    ids = {"s": row.student_id, "c": row.course_id, "e": row.pk, "t": row.course.term.code}
    url = "/api/v1" + path.format(**ids, free=StudentFactory().pk)
    rows = [*Student.objects.values(), *Enrollment.objects.values()]
    answer = getattr(api, method)(f"{url}?{query}", body)
    [error] = problem_of(answer, 400, "invalid")["errors"]
    assert (error["parameter"], error["code"]) == (query.partition("=")[0], "unknown_parameter")
    assert [*Student.objects.values(), *Enrollment.objects.values()] == rows


@pytest.mark.parametrize(
    "path",
    ["/students?course=1&course=2", "/enrollments?student=1&student=2", "/courses?limit=1&limit=1"],
)
def test_a_repeated_one_is_refused(api: APIClient, path: str) -> None:
    [error] = problem_of(api.get(f"/api/v1{path}"), 400, "invalid")["errors"]
    assert error["code"] == "repeated_parameter"


def test_a_filter_of_the_list_is_unknown_for_one_row(api: APIClient) -> None:
    student = StudentFactory()
    answer = api.get(f"/api/v1/students/{student.pk}?is_active=true")
    problem_of(answer, 400, "invalid")


def test_a_student_is_found_by_exactly_the_number_or_the_email(api: APIClient) -> None:
    one, other = StudentFactory(number="D-1", email="Ann@x.example"), StudentFactory(number="D-10")
    rows = [enrolled(student, CourseFactory()) for student in (one, other)]
    for query in ("number=D-1", "email=ann@X.example"):
        [found] = api.get(f"/api/v1/students?{query}").json()["results"]
        assert found["id"] == one.pk
    [found] = api.get("/api/v1/enrollments?student_number=D-1").json()["results"]
    assert found["id"] == rows[0].pk
    assert api.get("/api/v1/students?number=D").json()["results"] == []
