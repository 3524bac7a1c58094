"""Two people edit one row on the staff pages at the same time."""

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


def edit_url(row: Any) -> str:
    if isinstance(row, Term):
        return f"/terms/{row.code}/edit/"
    return f"/{row._meta.model_name}s/{row.pk}/edit/"


def open_form(browser: Client, row: Any) -> Fields:
    return fields_of(browser.get(edit_url(row)).content.decode())


def save_as_colleague(row: Any, **values: Any) -> None:
    """Another registrar saves `values`."""
    now = type(row).objects.get(pk=row.pk)
    for name, value in values.items():
        setattr(now, name, value)
    request = RequestFactory().get("/")
    request.user = User.objects.get_or_create(username="bea")[0]
    with record_changes_as(Door.API, request):
        now.save(update_fields=list(values))


def test_the_error_has_both_values_the_user_and_the_time(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = open_form(registrar, course)
    save_as_colleague(course, title="Biology")

    answer = submit(
        registrar, edit_url(course), {"title": "Living things", "capacity": "12"}, page=page
    )

    assert answer.status_code == 422
    when = timezone.localtime(course.history.latest().history_date).strftime("%Y-%m-%d %H:%M")
    message = (
        f"It was “Life” when you began. bea has changed it to “Biology” meanwhile ({when}). "
        "Save again to put yours in its place."
    )
    assert answer.context["form"].errors == {"title": [message]}
    course.refresh_from_db()
    assert (course.title, course.capacity) == ("Biology", 10)
    shown_fields = fields_of(answer.content.decode())
    assert (shown_fields["title"], shown_fields["initial-title"], shown_fields["capacity"]) == (
        ["Living things"],
        ["Biology"],
        ["12"],
    )


def test_the_error_shows_meetings_as_text(registrar: Client) -> None:
    course = CourseFactory.create(meetings="Mon 9:00-10:00")
    page = open_form(registrar, course)
    save_as_colleague(course, meetings="Tue 9:00-10:00 HALL 1")
    answer = submit(registrar, edit_url(course), {"meetings": "Wed 9:00-10:00"}, page=page)
    assert answer.status_code == 422
    [error] = answer.context["form"].errors["meetings"]
    assert "“Mon 09:00-10:00”" in error
    assert "“Tue 09:00-10:00 HALL 1”" in error


def test_saving_again_overwrites(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = open_form(registrar, course)
    save_as_colleague(course, title="Biology", is_open=False)
    refused = submit(
        registrar, edit_url(course), {"title": "Living things", "capacity": "12"}, page=page
    )

    assert (
        submit(registrar, edit_url(course), page=fields_of(refused.content.decode())).status_code
        == 302
    )

    course.refresh_from_db()
    assert (course.title, course.capacity, course.is_open) == ("Living things", 12, False)


def test_a_further_change_by_others_is_a_new_conflict(registrar: Client) -> None:
    course = CourseFactory.create(title="Life")
    page = open_form(registrar, course)
    save_as_colleague(course, title="Biology")
    refused = submit(registrar, edit_url(course), {"title": "Living things"}, page=page)
    save_as_colleague(course, title="Botany")

    answer = submit(registrar, edit_url(course), page=fields_of(refused.content.decode()))

    assert (
        "It was “Biology” when you began. bea has changed it to “Botany”"
        in answer.context["form"].errors["title"][0]
    )


def test_equal_changes_are_no_conflict(registrar: Client) -> None:
    course = CourseFactory.create(title="Life", capacity=10)
    page = open_form(registrar, course)
    save_as_colleague(course, title="Biology")

    assert submit(registrar, edit_url(course), {"title": "Biology"}, page=page).status_code == 302

    assert course.history.count() == 2


def test_a_change_that_was_reverted_is_no_conflict(registrar: Client) -> None:
    course = CourseFactory.create(title="Life")
    page = open_form(registrar, course)
    save_as_colleague(course, title="Biology")
    save_as_colleague(course, title="Life")

    assert submit(registrar, edit_url(course), {"title": "Botany"}, page=page).status_code == 302


def test_other_newlines_are_no_change(registrar: Client) -> None:
    course = CourseFactory.create(description="One\nTwo")
    page = open_form(registrar, course) | {"initial-description": ["One\r\nTwo"]}

    assert (
        submit(
            registrar, edit_url(course), {"description": "One\r\nTwo\r\nThree"}, page=page
        ).status_code
        == 302
    )


@pytest.mark.parametrize(
    ("field", "before", "theirs", "mine", "was", "now"),
    [
        ("capacity", None, 0, "5", "nothing", "0"),
        ("capacity", 0, None, "5", "0", "nothing"),
        ("credits", "2.50", "3.00", "4", "2.50", "3"),
        ("prerequisites", ["ONE"], ["TWO", "ONE"], "", "ONE", "TWO, ONE"),
        ("description", "", "It <lives>.", "x", "nothing", "It <lives>."),
    ],
)
def test_values_are_shown_as_text(
    registrar: Client, field: str, before: Any, theirs: Any, mine: str, was: str, now: str
) -> None:
    CourseFactory.create(code="ONE"), CourseFactory.create(code="TWO")
    course = CourseFactory.create(**{field: before})
    page = open_form(registrar, course)
    save_as_colleague(course, **{field: theirs})

    answer = submit(registrar, edit_url(course), {field: mine}, page=page)

    [error] = answer.context["form"].errors[field]
    assert f"It was “{was}” when you began. bea has changed it to “{now}” meanwhile" in error
    assert "<lives>" not in answer.content.decode()
    assert (
        submit(registrar, edit_url(course), page=fields_of(answer.content.decode())).status_code
        == 302
    )


def test_terms_are_shown_by_code_and_dates_localized(registrar: Client) -> None:
    first, second, third = TermFactory.create_batch(3)
    course = CourseFactory.create(term=first)
    page = open_form(registrar, course)
    save_as_colleague(course, term=second)
    answer = submit(registrar, edit_url(course), {"term": third.pk}, page=page)
    assert (
        f"It was “{first}” when you began. bea has changed it to “{second}”"
        in answer.context["form"].errors["term"][0]
    )

    page = open_form(registrar, first)
    day = first.ends_on
    save_as_colleague(first, ends_on=day + timedelta(days=1))
    answer = submit(
        registrar, edit_url(first), {"ends_on": str(day + timedelta(days=2))}, page=page
    )
    assert (
        f"It was “{day}” when you began. bea has changed it to “{day + timedelta(days=1)}”"
        in answer.context["form"].errors["ends_on"][0]
    )


def test_boxes_never_conflict(registrar: Client) -> None:
    """A box has two values, so two people who change it change it to the same value."""
    student = StudentFactory.create(is_active=True)
    page = open_form(registrar, student)
    save_as_colleague(student, is_active=False)
    assert (
        submit(
            registrar, edit_url(student), {"is_active": None, "first_name": "Ann"}, page=page
        ).status_code
        == 302
    )
    student.refresh_from_db()
    assert (student.is_active, student.first_name) == (False, "Ann")


def test_without_a_history_record_it_was_somebody(registrar: Client) -> None:
    student = StudentFactory.create(first_name="Ann")
    page = open_form(registrar, student)
    Student.objects.filter(pk=student.pk).update(first_name="Anna")

    answer = submit(registrar, edit_url(student), {"first_name": "Anne"}, page=page)

    expected = (
        "It was “Ann” when you began. Somebody has changed it to “Anna” meanwhile. "
        "Save again to put yours in its place."
    )
    assert answer.context["form"].errors == {"first_name": [expected]}


def test_hidden_initial_values_may_be_invalid(registrar: Client) -> None:
    course = CourseFactory.create(capacity=7)
    page = open_form(registrar, course) | {"initial-capacity": ["many"], "initial-term": ["x"]}

    answer = submit(registrar, edit_url(course), {"capacity": "8"}, page=page)

    assert answer.status_code == 422
    assert "It was “many” when you began." in answer.context["form"].errors["capacity"][0]


def test_a_deleted_row_is_404_with_an_explanation(registrar: Client) -> None:
    course = CourseFactory.create()
    page = open_form(registrar, course)
    Course.objects.get().delete()

    answer = submit(registrar, edit_url(course), {"title": "New"}, page=page)

    assert answer.status_code == 404
    assert "It does not exist, or not any more. Nothing was saved." in answer.content.decode()
