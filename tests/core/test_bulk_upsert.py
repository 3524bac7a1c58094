"""Rows written in one statement."""

from decimal import Decimal

import pytest
from django.db import connection

from core.db.bulk_upsert import BulkUpsert
from courses.factories import CourseFactory, TermFactory
from courses.models import Course

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("returns", [True, False])
def test_writes_new_rows_and_over_those_that_are_there(
    returns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a SQLite that does not return what it has written, as those before 3.35."""
    monkeypatch.setattr(
        BulkUpsert, "returns", returns and connection.features.can_return_rows_from_bulk_insert
    )
    put = BulkUpsert(
        Course,
        ["term", "code", "section"],
        ["title", "description", "credits", "prerequisites", "is_open"],
    )
    term, other = TermFactory(), CourseFactory(code="NEW")
    there = CourseFactory(term=term, code="OLD", capacity=7)
    new = Course(
        term=term, code="NEW", title="New “one”", credits=3, prerequisites="[]", is_open=True
    )
    changed = Course(
        term=term, code="OLD", title="Old\none", credits=4, prerequisites="[]", is_open=False
    )
    put([new, changed])
    assert changed.pk == there.pk
    assert list(
        Course.objects.filter(term=term)
        .order_by("code")
        .values_list("pk", "title", "credits", "is_open", "capacity")
    ) == [
        (new.pk, "New “one”", Decimal(3), True, None),
        (there.pk, "Old\none", Decimal(4), False, 7),
    ]
    assert Course.objects.get(pk=other.pk).title == other.title
    assert not new._state.adding


def test_nothing_is_nothing() -> None:
    BulkUpsert(Course, ["term", "code"], ["title"])([])
