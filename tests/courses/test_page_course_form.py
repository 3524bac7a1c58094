"""`/courses/new/` and `/courses/{id}/edit/`."""

from decimal import Decimal

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term

pytestmark = pytest.mark.django_db


@pytest.fixture
def term() -> Term:
    return TermFactory.create()


@pytest.fixture
def fields(term: Term) -> dict[str, object]:
    return {
        "term": term.pk,
        "code": "BIO-1",
        "title": "Biology",
        "description": "What lives.",
        "credits": "3.5",
        "capacity": "30",
        "is_open": "on",
    }


def test_makes_a_course(registrar: Client, term: Term, fields: dict[str, object]) -> None:
    answer = registrar.post("/courses/new/", fields)
    course = Course.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/courses/{course.pk}/")
    assert (course.term, course.code, course.title, course.description) == (
        term,
        "BIO-1",
        "Biology",
        "What lives.",
    )
    assert (course.credits, course.capacity, course.is_open) == (Decimal("3.5"), 30, True)
    assert course.history.get().door == "staff"


def test_an_empty_capacity_is_no_limit(registrar: Client, fields: dict[str, object]) -> None:
    registrar.post("/courses/new/", fields | {"capacity": ""})
    assert Course.objects.get().capacity is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("term", "999"),
        ("term", str(10**30)),
        ("term", "\0"),
        ("code", ""),
        ("code", "!"),
        ("capacity", "-1"),
        ("capacity", str(10**30)),
        ("credits", "NaN"),
        ("credits", "1e99"),
        ("title", "x" * 201),
    ],
)
def test_a_wrong_value_is_said_and_all_is_kept(
    registrar: Client, fields: dict[str, object], field: str, value: str
) -> None:
    answer = registrar.post("/courses/new/", fields | {field: value})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    text = answer.content.decode()
    assert f'href="#id_{field}"' in text
    assert "What lives." in text
    assert not Course.objects.exists()


def test_a_code_that_the_term_has_already(
    registrar: Client, term: Term, fields: dict[str, object]
) -> None:
    CourseFactory.create(term=term, code="BIO-1")
    answer = registrar.post("/courses/new/", fields)
    assert answer.status_code == 422
    assert answer.context["form"].errors["code"] == [
        "This term already has a course with this code."
    ]


def test_changes_one_field_and_leaves_what_another_changed(
    registrar: Client, fields: dict[str, object]
) -> None:
    registrar.post("/courses/new/", fields)
    course = Course.objects.get()
    shown = {f"initial-{name}": value for name, value in fields.items()}
    Course.objects.update(capacity=12, is_open=False)
    answer = registrar.post(
        f"/courses/{course.pk}/edit/", fields | shown | {"initial-is_open": "True", "title": "Life"}
    )
    assert answer.status_code == 302
    course.refresh_from_db()
    assert (course.title, course.capacity, course.is_open) == ("Life", 12, False)


def test_a_new_course_that_closes_a_circle_at_the_last_moment_is_still_to_be_made(
    registrar: Client, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    CourseFactory.create(code="BIO-1")
    CourseFactory.create(code="BIO-2", prerequisites=["BIO-1"])
    monkeypatch.setattr(Course, "clean", lambda course: None)
    answer = registrar.post("/courses/new/", fields | {"prerequisites": "BIO-2"})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "prerequisites": ["A course cannot come before itself: BIO-1 → BIO-2 → BIO-1."]
    }
    assert answer.context["row"] is None
    assert Course.objects.count() == 2
