"""A change that waited for a lock is made to the row as it is then, with its related rows."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from courses.viewsets import CourseViewSet
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory
from tests.students.enrollment.test_rules_that_change_meanwhile import change, meanwhile

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def api(admin: User) -> APIClient:
    _token, secret = AuthToken.objects.create(admin)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def admin_session(admin: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    return client


def test_a_course_that_was_moved_to_another_term_is_still_there(api: APIClient) -> None:
    course, other = CourseFactory.create(), TermFactory.create()
    answer = meanwhile(
        lambda: change(course, term=other),
        lambda: api.patch(f"/api/v1/courses/{course.pk}", {"title": "New"}),
    )
    assert answer.status_code == 200, answer.content
    assert (answer.json()["title"], answer.json()["term"]) == ("New", other.code)


def test_so_it_is_for_the_form(admin_session: Client) -> None:
    course, other = CourseFactory.create(), TermFactory.create()
    fields = {
        "term": course.term_id,
        "code": course.code,
        "title": "New",
        "credits": course.credits,
        "is_open": "on",
    }
    shown = {f"initial-{name}": value for name, value in {**fields, "title": course.title}.items()}
    answer = meanwhile(
        lambda: change(course, term=other),
        lambda: admin_session.post(f"/courses/{course.pk}/edit/", fields | shown),
    )
    assert answer.status_code == 302, answer.content
    course.refresh_from_db()
    assert (course.title, course.term_id) == ("New", other.pk)


@pytest.mark.parametrize("kind", ["courses", "students"])
def test_if_match_is_compared_with_the_seats_as_they_are_by_then(kind: str, api: APIClient) -> None:
    course, student = CourseFactory.create(capacity=5), StudentFactory.create()
    path, changes = {
        "courses": (f"courses/{course.pk}", {"capacity": 1}),
        "students": (f"students/{student.pk}", {"first_name": "New"}),
    }[kind]
    seen = api.get(f"/api/v1/{path}")["ETag"]
    answer = meanwhile(
        lambda: service.enroll([(student.pk, course.pk)]),
        lambda: api.patch(f"/api/v1/{path}", changes, HTTP_IF_MATCH=seen),
    )
    assert answer.status_code == 412, answer.content


def test_if_match_is_compared_with_the_student_who_was_moved_up_by_then(api: APIClient) -> None:
    course, (seated, waiting) = CourseFactory.create(capacity=1), StudentFactory.create_batch(2)
    service.enroll([(seated.pk, course.pk), (waiting.pk, course.pk)], Options(waitlist=True))
    path = f"/api/v1/students/{waiting.pk}"
    seen = api.get(path)["ETag"]
    answer = meanwhile(
        lambda: service.withdraw([(seated.pk, course.pk)]),
        lambda: api.put(f"{path}/courses", {"course_ids": []}, HTTP_IF_MATCH=seen),
    )
    assert answer.status_code == 412, answer.content
    assert [row["status"] for row in api.get(path).json()["courses"]] == ["active"]


@pytest.mark.parametrize("door", ["api", "staff"])
def test_a_term_deleted_while_a_course_is_moved_to_it_is_no_500(
    door: str, api: APIClient, admin_session: Client
) -> None:
    course, gone = CourseFactory.create(), TermFactory.create(code="GONE")
    fields = {
        "term": gone.pk,
        "code": course.code,
        "title": course.title,
        "credits": course.credits,
        "is_open": "on",
    }

    def move() -> Any:
        return (
            api.patch(f"/api/v1/courses/{course.pk}", {"term": "GONE"})
            if door == "api"
            else admin_session.post(f"/courses/{course.pk}/edit/", fields)
        )

    # PostgreSQL reports it at commit, without the field. A second request gets the answer below.
    assert meanwhile(gone.delete, move).status_code in (503, 400, 422)
    assert move().status_code == (400 if door == "api" else 422)
    assert Course.objects.get().term_id == course.term_id


def test_a_term_that_goes_between_the_write_and_the_answer_is_no_500(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = CourseFactory.create(title="Old")
    without_term = CourseViewSet.queryset.filter(term__code="GONE")
    save = Course.save

    def save_and_lose_the_term(row: Course, *args: Any, **kwargs: Any) -> None:
        save(row, *args, **kwargs)
        monkeypatch.setattr(CourseViewSet, "queryset", without_term)

    monkeypatch.setattr(Course, "save", save_and_lose_the_term)
    answer = api.patch(f"/api/v1/courses/{course.pk}", {"title": "New"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert Course.objects.get().title == "Old"
