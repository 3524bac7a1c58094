"""Teachers in the API, and the teachers of a course."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TeacherFactory, TeachingFactory, TermFactory
from courses.models import Course, Teacher, Teaching

pytestmark = pytest.mark.django_db
TEACHERS = "/api/v1/teachers"
COURSES = "/api/v1/courses"


def teachers_url(course: Course) -> str:
    return f"{COURSES}/{course.pk}/teachers"


def put(api: APIClient, course: Course, *rows: dict[str, Any], **headers: Any) -> Any:
    return api.put(teachers_url(course), {"teachers": list(rows)}, **headers)


def row(teacher: Teacher, **changes: Any) -> dict[str, Any]:
    return {"teacher_id": teacher.pk, "is_primary": False} | changes


def errors_of(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_teacher_is_created_read_changed_and_deleted(api: APIClient) -> None:
    body = {
        "number": "P-1",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@school.example",
        "is_active": True,
    }
    answer = api.post(TEACHERS, body)
    pk = Teacher.objects.get().pk
    assert (answer.status_code, answer.json()) == (201, {"id": pk, **body})
    assert answer["Location"].endswith(f"{TEACHERS}/{pk}")
    etag = answer["ETag"]
    changed = api.patch(f"{TEACHERS}/{pk}", {"email": ""}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["email"]) == (200, "")
    stale = api.put(f"{TEACHERS}/{pk}", body, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert api.get(f"{TEACHERS}/{pk}").json() == {"id": pk, **body, "email": ""}
    assert api.delete(f"{TEACHERS}/{pk}").status_code == 204
    assert [record.history_type for record in Teacher.history.order_by("history_id")] == [
        *"+~-",
    ]


def test_wrong_teachers_are_refused(api: APIClient) -> None:
    TeacherFactory.create(number="P-1", email="ada@school.example")
    body = {"number": "P-1", "first_name": "", "last_name": "", "email": "ADA@school.example"}
    assert sorted(errors_of(api.post(TEACHERS, body))) == [
        ("/email", "unique"),
        ("/last_name", "no_name"),
        ("/number", "unique"),
    ]


def test_teachers_are_found(api: APIClient) -> None:
    ada = TeacherFactory.create(number="P-1", last_name="Lovelace", email="ada@school.example")
    bea = TeacherFactory.create(number="P-10", last_name="Byron", is_active=False)
    for query, found in {
        "": [ada, bea],
        "?number=P-1": [ada],
        "?email=ADA@school.example": [ada],
        "?is_active=false": [bea],
        "?search=byr": [bea],
        "?ordering=last_name": [bea, ada],
    }.items():
        results = api.get(f"{TEACHERS}{query}").json()["results"]
        assert [result["id"] for result in results] == [teacher.pk for teacher in found], query
    assert api.get(f"{TEACHERS}?nr=1").status_code == 400


def test_a_course_has_exactly_the_teachers_that_were_put(api: APIClient) -> None:
    course = CourseFactory.create()
    ada, bea, eve = (TeacherFactory.create(last_name=name) for name in ("Ada", "Bea", "Eve"))
    answer = put(api, course, row(bea), row(ada, is_primary=True))
    expected = [row(ada, name="Ada Ada", is_primary=True), row(bea, name="Ada Bea")]
    assert (answer.status_code, answer.json()) == (200, {"teachers": expected})
    assert api.get(teachers_url(course)).json() == answer.json()
    assert api.get(f"{COURSES}/{course.pk}").json()["teachers"] == [
        {"id": ada.pk, "name": "Ada Ada", "is_primary": True},
        {"id": bea.pk, "name": "Ada Bea", "is_primary": False},
    ]
    [listed] = api.get(f"{COURSES}?teacher={bea.pk}").json()["results"]
    assert listed["id"] == course.pk

    # The primary teacher changes, one leaves and one comes; what was read may be sent back.
    assert put(api, course, *expected[1:], row(eve, is_primary=True)).status_code == 200
    assert put(api, course, row(bea), row(eve, is_primary=True)).status_code == 200
    former = Teaching.objects.get(teacher=ada)
    assert (former.ended_at is not None, former.is_primary) == (True, True)
    assert api.get(f"{COURSES}?teacher={ada.pk}").json()["results"] == []
    assert api.delete(f"{TEACHERS}/{ada.pk}").json()["code"] == "protected"

    # The same row is opened again.
    assert put(api, course, row(ada, is_primary=True)).status_code == 200
    assert list(Teaching.objects.current().values_list("pk", flat=True)) == [former.pk]
    records = Teaching.history.filter(teacher=ada).order_by("history_id")
    assert [(entry.history_type, entry.ended_at is None, entry.door) for entry in records] == [
        ("+", True, "api"),
        ("~", False, "api"),
        ("~", True, "api"),
    ]


def test_wrong_teachers_of_a_course_are_refused(api: APIClient) -> None:
    course = TeachingFactory.create().course
    ada, bea = TeacherFactory.create_batch(2)
    before = list(Teaching.objects.values())
    for rows, expected in [
        ([{"teacher_id": 10**9}], [("/teachers/0/teacher_id", "not_found")]),
        ([row(ada), row(ada)], [("/teachers/1/teacher_id", "repeated")]),
        (
            [row(ada, is_primary=True), row(bea, is_primary=True)],
            [("/teachers/1/is_primary", "second_primary")],
        ),
        ([row(ada, since=1)], [("/teachers/0/since", "unknown_field")]),
        ([{"is_primary": True}], [("/teachers/0/teacher_id", "required")]),
        ([{"teacher_id": "3"}], [("/teachers/0/teacher_id", "invalid")]),
    ]:
        assert errors_of(put(api, course, *rows)) == expected
    assert errors_of(api.put(teachers_url(course), {})) == [("/teachers", "required")]
    assert api.put(f"{COURSES}/999999/teachers", {"teachers": []}).status_code == 404
    assert api.get(f"{COURSES}/{10**30}/teachers").status_code == 404
    assert list(Teaching.objects.values()) == before


def test_a_stale_list_of_teachers_is_not_written(api: APIClient) -> None:
    course = CourseFactory.create()
    ada, bea = TeacherFactory.create_batch(2)
    etag = api.get(teachers_url(course))["ETag"]
    changed = put(api, course, row(ada), headers={"If-Match": etag})
    assert changed.status_code == 200
    assert put(api, course, row(bea), headers={"If-Match": etag}).status_code == 412
    assert put(api, course, row(bea), headers={"If-Match": changed["ETag"]}).status_code == 200
    again = api.get(teachers_url(course), headers={"If-None-Match": changed["ETag"]})
    assert again.status_code == 200


def test_only_who_changes_courses_changes_their_teachers(
    api_of: Callable[[str], APIClient],
) -> None:
    course = TeachingFactory.create().course
    for role, status in {"Registrar": 200, "Clerk": 403, "Viewer": 403}.items():
        client = api_of(role)
        assert client.get(teachers_url(course)).status_code == 200
        assert put(client, course).status_code == status


def test_the_courses_of_a_page_are_read_with_their_teachers_at_once(api: APIClient) -> None:
    TeachingFactory.create()

    def count_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert api.get(COURSES).status_code == 200
        return len(queries)

    before = count_queries()
    TeachingFactory.create_batch(3)
    assert count_queries() == before


def test_courses_are_found_by_exact_code_and_section(api: APIClient) -> None:
    term = TermFactory.create()
    whole, first, _second, _other = (
        CourseFactory.create(term=term, code=code, section=section)
        for code, section in [("CSE 8", ""), ("CSE 8", "A1"), ("CSE 8", "A10"), ("CSE 80", "")]
    )
    for query, found in {
        "code=CSE 8&section=A1": [first],
        "code=CSE 8&section=": [whole],
        "section=A1": [first],
    }.items():
        results = api.get(f"{COURSES}?{query}").json()["results"]
        assert [result["id"] for result in results] == [course.pk for course in found], query
    results = api.get(f"{COURSES}?code=CSE 8").json()["results"]
    assert len(results) == 3
    assert {result["section"] for result in results} == {"", "A1", "A10"}
