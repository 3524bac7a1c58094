"""Two people change one row on the staff pages at the same time."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.factories import StudentFactory
from students.models import Student
from tests.admin_page import Fields, fields_of, submit

pytestmark = pytest.mark.django_db


def edit_page(row: Any) -> str:
    if isinstance(row, Term):
        return f"/terms/{row.code}/edit/"
    return f"/{row._meta.model_name}s/{row.pk}/edit/"


def opened(browser: Client, row: Any) -> Fields:
    return fields_of(browser.get(edit_page(row)).content.decode())


def colleague_saves(row: Any, **values: Any) -> None:
    """Another registrar saves `values`, as a program of hers would."""
    now = type(row).objects.get(pk=row.pk)
    for name, value in values.items():
        setattr(now, name, value)
    request = RequestFactory().get("/")
    request.user = User.objects.get_or_create(username="bea")[0]
    with record_changes_as(Door.API, request):
        now.save(update_fields=list(values))


def test_the_same_field_comes_back_with_both_values_and_who_and_when(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = opened(registrar, course)
    colleague_saves(course, title="Biology")

    answer = submit(
        registrar, edit_page(course), {"title": "Living things", "capacity": "12"}, page=page
    )

    assert answer.status_code == 422
    when = timezone.localtime(course.history.latest().history_date).strftime("%Y-%m-%d %H:%M")
    message = f"It was “Life” when you began. bea has changed it to “Biology” meanwhile ({when}). Save again to put yours in its place."
    assert answer.context["form"].errors == {"title": [message]}
    course.refresh_from_db()
    assert (course.title, course.capacity) == ("Biology", 10)
    kept = fields_of(answer.content.decode())
    assert (kept["title"], kept["initial-title"], kept["capacity"]) == (
        ["Living things"],
        ["Biology"],
        ["12"],
    )


def test_saving_again_takes_mine(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = opened(registrar, course)
    colleague_saves(course, title="Biology", is_open=False)
    refused = submit(
        registrar, edit_page(course), {"title": "Living things", "capacity": "12"}, page=page
    )

    assert (
        submit(registrar, edit_page(course), page=fields_of(refused.content.decode())).status_code
        == 302
    )

    course.refresh_from_db()
    assert (course.title, course.capacity, course.is_open) == ("Living things", 12, False)


def test_who_saves_once_more_in_between_is_seen_too(registrar: Client) -> None:
    course = CourseFactory.create(title="Life")
    page = opened(registrar, course)
    colleague_saves(course, title="Biology")
    refused = submit(registrar, edit_page(course), {"title": "Living things"}, page=page)
    colleague_saves(course, title="Botany")

    answer = submit(registrar, edit_page(course), page=fields_of(refused.content.decode()))

    assert (
        "It was “Biology” when you began. bea has changed it to “Botany”"
        in answer.context["form"].errors["title"][0]
    )


def test_two_who_want_the_same_agree(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = opened(registrar, course)
    colleague_saves(course, title="Biology")

    assert submit(registrar, edit_page(course), {"title": "Biology"}, page=page).status_code == 302

    assert course.history.count() == 2


def test_a_colleague_who_came_back_to_what_it_was_has_changed_nothing(registrar: Client) -> None:
    course = CourseFactory.create(title="Life")
    page = opened(registrar, course)
    colleague_saves(course, title="Biology")
    colleague_saves(course, title="Life")

    assert submit(registrar, edit_page(course), {"title": "Botany"}, page=page).status_code == 302


def test_how_lines_end_is_no_change(registrar: Client) -> None:
    course = CourseFactory.create(description="One\nTwo")
    page = opened(registrar, course) | {"initial-description": ["One\r\nTwo"]}

    assert (
        submit(
            registrar, edit_page(course), {"description": "One\r\nTwo\r\nThree"}, page=page
        ).status_code
        == 302
    )


@pytest.mark.parametrize(
    ("field", "before", "theirs", "mine", "was", "now"),
    [
        ("capacity", None, 0, "5", "nothing", "0"),
        ("capacity", 0, None, "5", "0", "nothing"),
        ("credits", "2.50", "3.00", "4", "2.50", "3.00"),
        ("prerequisites", ["ONE"], ["TWO", "ONE"], "", "ONE", "TWO, ONE"),
        ("description", "", "It <lives>.", "x", "nothing", "It <lives>."),
    ],
)
def test_every_kind_of_value_is_told_in_words(
    registrar: Client, field: str, before: Any, theirs: Any, mine: str, was: str, now: str
) -> None:
    CourseFactory.create(code="ONE"), CourseFactory.create(code="TWO")
    course = CourseFactory.create(**{field: before})
    page = opened(registrar, course)
    colleague_saves(course, **{field: theirs})

    answer = submit(registrar, edit_page(course), {field: mine}, page=page)

    [error] = answer.context["form"].errors[field]
    assert f"It was “{was}” when you began. bea has changed it to “{now}” meanwhile" in error
    assert "<lives>" not in answer.content.decode()
    assert (
        submit(registrar, edit_page(course), page=fields_of(answer.content.decode())).status_code
        == 302
    )


def test_a_term_is_told_by_its_code_and_a_date_as_a_date(registrar: Client) -> None:
    first, second, third = TermFactory.create_batch(3)
    course = CourseFactory.create(term=first)
    page = opened(registrar, course)
    colleague_saves(course, term=second)
    answer = submit(registrar, edit_page(course), {"term": third.pk}, page=page)
    assert (
        f"It was “{first}” when you began. bea has changed it to “{second}”"
        in answer.context["form"].errors["term"][0]
    )

    page = opened(registrar, first)
    day = first.ends_on
    colleague_saves(first, ends_on=day + timedelta(days=1))
    answer = submit(
        registrar, edit_page(first), {"ends_on": str(day + timedelta(days=2))}, page=page
    )
    assert (
        f"It was “{day}” when you began. bea has changed it to “{day + timedelta(days=1)}”"
        in answer.context["form"].errors["ends_on"][0]
    )


def test_a_box_that_both_ticked_or_that_one_unticked_is_no_conflict(registrar: Client) -> None:
    """A box has two values: whoever changes it from what both saw wants what the other wants."""
    student = StudentFactory.create(is_active=True)
    page = opened(registrar, student)
    colleague_saves(student, is_active=False)
    assert (
        submit(
            registrar, edit_page(student), {"is_active": None, "first_name": "Ann"}, page=page
        ).status_code
        == 302
    )
    student.refresh_from_db()
    assert (student.is_active, student.first_name) == (False, "Ann")


def test_where_no_record_tells_who_it_was_somebody(registrar: Client) -> None:
    student = StudentFactory.create(first_name="Ann")
    page = opened(registrar, student)
    Student.objects.filter(pk=student.pk).update(first_name="Anna")

    answer = submit(registrar, edit_page(student), {"first_name": "Anne"}, page=page)

    expected = "It was “Ann” when you began. Somebody has changed it to “Anna” meanwhile. Save again to put yours in its place."
    assert answer.context["form"].errors == {"first_name": [expected]}


def test_what_the_page_says_it_showed_may_be_anything(registrar: Client) -> None:
    course = CourseFactory.create(capacity=7)
    page = opened(registrar, course) | {"initial-capacity": ["many"], "initial-term": ["x"]}

    answer = submit(registrar, edit_page(course), {"capacity": "8"}, page=page)

    assert answer.status_code == 422
    assert "It was “many” when you began." in answer.context["form"].errors["capacity"][0]


def test_a_row_that_was_deleted_meanwhile_is_said_plainly(registrar: Client) -> None:
    course = CourseFactory.create()
    page = opened(registrar, course)
    Course.objects.get().delete()

    answer = submit(registrar, edit_page(course), {"title": "New"}, page=page)

    assert answer.status_code == 404
    assert "It does not exist, or not any more. Nothing was saved." in answer.content.decode()
