"""ETag and If-Match: nobody overwrites what they have not seen."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory, enrolled
from students.models import Status

pytestmark = pytest.mark.django_db
RESOURCES: dict[str, tuple[Callable[[], str], dict[str, Any]]] = {
    "student": (lambda: f"/api/v1/students/{StudentFactory.create().pk}", {"first_name": "Other"}),
    "course": (lambda: f"/api/v1/courses/{CourseFactory.create().pk}", {"title": "Other"}),
    "term": (lambda: f"/api/v1/terms/{TermFactory.create().code}", {"name": "Other"}),
    "enrollment": (
        lambda: (
            f"/api/v1/enrollments/{enrolled(StudentFactory.create(), CourseFactory.create()).pk}"
        ),
        {"status": "completed"},
    ),
}
every_resource = pytest.mark.parametrize(
    ("make", "change"), RESOURCES.values(), ids=RESOURCES.keys()
)


@every_resource
def test_every_single_resource_has_a_strong_one(
    api: APIClient, make: Callable[[], str], change: dict[str, Any]
) -> None:
    url = make()
    tag = api.get(url)["ETag"]
    assert tag.startswith('"')
    assert api.get(url)["ETag"] == tag
    changed = api.patch(url, change)
    assert changed["ETag"] not in ("", tag)
    assert api.get(url)["ETag"] == changed["ETag"]


@every_resource
def test_if_match_lets_the_one_who_has_seen_it_change_it(
    api: APIClient, make: Callable[[], str], change: dict[str, Any]
) -> None:
    url = make()
    answer = api.patch(url, change, HTTP_IF_MATCH=f'"other", {api.get(url)["ETag"]}')
    assert answer.status_code == 200, answer.content


@every_resource
@pytest.mark.parametrize("method", ["patch", "delete"])
@pytest.mark.parametrize("tag", ['"stale"', "nonsense", "", '"{}x"', '"{}-zip"'])
def test_a_stale_one_is_412_and_changes_nothing(
    api: APIClient, make: Callable[[], str], change: dict[str, Any], method: str, tag: str
) -> None:
    url = make()
    before = api.get(url)
    answer = getattr(api, method)(
        url,
        change if method == "patch" else None,
        HTTP_IF_MATCH=tag.format(before["ETag"].strip('"')),
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert api.get(url).content == before.content


@every_resource
@pytest.mark.parametrize("tag", ['W/"{}"', '"{}-gzip"', 'W/"{}-br"', '"{};gzip"', '"{}:zstd"'])
def test_a_tag_that_a_compressing_proxy_has_changed_stands_for_ours(
    api: APIClient, make: Callable[[], str], change: dict[str, Any], tag: str
) -> None:
    url = make()
    changed = tag.format(api.get(url)["ETag"].strip('"'))
    answer = api.get(url, HTTP_IF_NONE_MATCH=changed)
    assert (answer.status_code, answer.content) == (304, b"")
    assert api.patch(url, change, HTTP_IF_MATCH=changed).status_code == 200
    assert api.patch(url, change, HTTP_IF_MATCH=changed).status_code == 412


@every_resource
def test_if_none_match_is_304_on_get_and_412_on_writes(
    api: APIClient, make: Callable[[], str], change: dict[str, Any]
) -> None:
    url = make()
    tag = api.get(url)["ETag"]
    for query in ("", "?"):
        for known in (tag, "*", f'"other", {tag}'):
            answer = api.get(url + query, HTTP_IF_NONE_MATCH=known)
            assert (answer.status_code, answer["ETag"], answer.content) == (304, tag, b"")
    assert api.head(url, HTTP_IF_NONE_MATCH=tag).status_code == 304
    assert api.get(url, HTTP_IF_NONE_MATCH='"other"').status_code == 200
    for method in ("patch", "delete"):
        for known in ("*", tag):
            answer = getattr(api, method)(url, change, HTTP_IF_NONE_MATCH=known)
            assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert api.get(url)["ETag"] == tag
    assert api.patch(url, change, HTTP_IF_NONE_MATCH='"other"').status_code == 200


@every_resource
def test_a_star_is_anything(
    api: APIClient, make: Callable[[], str], change: dict[str, Any]
) -> None:
    assert api.patch(make(), change, HTTP_IF_MATCH="*").status_code == 200


def test_delete_with_the_right_one(api: APIClient) -> None:
    for name, (make, _change) in RESOURCES.items():
        url = make()
        assert api.delete(url, HTTP_IF_MATCH=api.get(url)["ETag"]).status_code == 204, name


def test_a_student_changes_with_the_courses(api: APIClient) -> None:
    row = enrolled(StudentFactory.create(), CourseFactory.create(), Status.WITHDRAWN)
    url = f"/api/v1/students/{row.student_id}"
    tag = api.get(url)["ETag"]
    api.patch(f"/api/v1/enrollments/{row.pk}", {"status": "active"})
    assert api.patch(url, {"first_name": "Other"}, HTTP_IF_MATCH=tag).status_code == 412


def test_what_is_created_has_one_too(api: APIClient) -> None:
    answer = api.post(
        "/api/v1/terms",
        {"code": "A", "name": "A", "starts_on": "2026-01-01", "ends_on": "2026-02-01"},
    )
    assert answer["ETag"] == api.get("/api/v1/terms/A")["ETag"]
    answer = api.post(
        "/api/v1/enrollments",
        {"student_id": StudentFactory.create().pk, "course_id": CourseFactory.create().pk},
    )
    assert answer["ETag"] == api.get(f"/api/v1/enrollments/{answer.json()['id']}")["ETag"]


COURSES: dict[str, Callable[[int, int], tuple[str, dict[str, Any]]]] = {
    "post": lambda _held, new: ("", {"course_id": new}),
    "patch": lambda held, new: ("", {"add": [new], "remove": [held]}),
    "put": lambda _held, new: ("", {"course_ids": [new]}),
    "delete": lambda held, _new: (f"/{held}", {}),
}


@pytest.mark.parametrize("method", COURSES)
def test_the_courses_of_a_student_are_changed_by_one_who_has_seen_the_student_with_them(
    api: APIClient, method: str
) -> None:
    row, new, other = (
        enrolled(StudentFactory.create(), CourseFactory.create()),
        CourseFactory.create(),
        CourseFactory.create(),
    )
    url = f"/api/v1/students/{row.student_id}"
    ending, body = COURSES[method](row.course_id, new.pk)
    stale = api.get(url)["ETag"]
    enrolled(row.student, other)
    before = api.get(url)
    for headers in ({"HTTP_IF_MATCH": stale}, {"HTTP_IF_NONE_MATCH": "*"}):
        answer = getattr(api, method)(f"{url}/courses{ending}", body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert api.get(url).content == before.content
    assert getattr(api, method)(
        f"{url}/courses{ending}", body, HTTP_IF_MATCH=before["ETag"]
    ).status_code in (200, 201, 204)
    assert api.get(url)["ETag"] != before["ETag"]


def test_the_courses_of_nobody(api: APIClient) -> None:
    assert (
        api.put("/api/v1/students/77/courses", {"course_ids": []}, HTTP_IF_MATCH="*").status_code
        == 404
    )
