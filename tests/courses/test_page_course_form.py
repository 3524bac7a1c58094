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


def test_creates_a_course(registrar: Client, term: Term, fields: dict[str, object]) -> None:
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


def test_an_empty_capacity_is_unlimited(registrar: Client, fields: dict[str, object]) -> None:
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
def test_a_wrong_value_is_an_error_and_the_input_is_shown_again(
    registrar: Client, fields: dict[str, object], field: str, value: str
) -> None:
    answer = registrar.post("/courses/new/", fields | {field: value})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    text = answer.content.decode()
    assert f'href="#id_{field}"' in text
    assert "What lives." in text
    assert not Course.objects.exists()


def test_a_duplicate_code_is_an_error(
    registrar: Client, term: Term, fields: dict[str, object]
) -> None:
    CourseFactory.create(term=term, code="BIO-1")
    answer = registrar.post("/courses/new/", fields)
    assert answer.status_code == 422
    assert answer.context["form"].errors["code"] == [
        "This term already has a course with this code and section."
    ]


def test_changes_one_field_and_keeps_the_change_of_another_person(
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


def test_a_new_course_is_inserted_after_its_cycle_was_refused(
    registrar: Client, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    CourseFactory.create(code="BIO-2", prerequisites=["BIO-1"])
    monkeypatch.setattr(Course, "clean", lambda course: None)
    answer = registrar.post("/courses/new/", fields | {"prerequisites": "BIO-2"})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "prerequisites": ["A course cannot come before itself: BIO-1 → BIO-2 → BIO-1."]
    }
    assert answer.context["row"] is None
    assert Course.objects.count() == 1
