"""`/terms/`, `/terms/new/` and `/terms/{code}/edit/`."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import TermFactory
from courses.models import Term

pytestmark = pytest.mark.django_db

FIELDS = {
    "code": "2026-FA",
    "name": "Fall",
    "starts_on": "2026-09-01",
    "ends_on": "2026-12-20",
    "enrollment_opens_on": "2026-08-01",
    "enrollment_closes_on": "",
}


def test_the_list_shows_the_latest_term_first(registrar: Client) -> None:
    today = timezone.localdate()
    old = TermFactory.create(
        starts_on=today - timedelta(days=400), enrollment_closes_on=today - timedelta(days=390)
    )
    new = TermFactory.create(enrollment_opens_on=today + timedelta(days=1))
    answer = registrar.get("/terms/")
    assert answer.context["page"].rows == [new, old]
    text = " ".join(answer.content.decode().split())
    for words in (
        f"until {old.enrollment_closes_on}",
        f"from {new.enrollment_opens_on}",
        "not yet",
        "over",
    ):
        assert words in text


def test_creates_a_term(registrar: Client) -> None:
    answer = registrar.post("/terms/new/", FIELDS)
    assert (answer.status_code, answer["Location"]) == (302, "/terms/")
    term = Term.objects.get()
    assert (term.code, term.starts_on, term.enrollment_opens_on, term.enrollment_closes_on) == (
        "2026-FA",
        date(2026, 9, 1),
        date(2026, 8, 1),
        None,
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("code", "a/b", "made of letters, digits"),
        ("ends_on", "2026-08-31", "A term cannot end before it starts."),
        ("enrollment_closes_on", "2026-07-31", "Enrollment cannot close before it opens."),
        ("starts_on", "soon", "Enter a valid date."),
    ],
)
def test_a_wrong_value_is_an_error_and_the_input_is_shown_again(
    registrar: Client, field: str, value: str, words: str
) -> None:
    answer = registrar.post("/terms/new/", FIELDS | {field: value})
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert 'value="Fall"' in answer.content.decode()
    assert f'value="{value}"' in answer.content.decode()


def test_changes_a_term(registrar: Client) -> None:
    TermFactory.create(code="2026-FA", name="Fall")
    text = registrar.get("/terms/2026-FA/edit/").content.decode()
    assert 'type="date"' in text
    assert (
        registrar.post(
            "/terms/2026-FA/edit/", FIELDS | {"name": "Autumn", "code": "2026-AU"}
        ).status_code
        == 302
    )
    term = Term.objects.get()
    assert (term.code, term.name) == ("2026-AU", "Autumn")
