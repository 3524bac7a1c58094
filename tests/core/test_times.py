"""Times as microseconds, in Python as in SQL."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db.models import DateTimeField, Value

from core.db.times import Microseconds, to_microseconds
from courses.factories import TermFactory
from courses.models import Term

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "time",
    [
        datetime(2026, 9, 1, 10, tzinfo=UTC),
        datetime(2026, 9, 1, 10, 0, 0, 7, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 9, 1, 1, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_both_give_the_same_number(time: datetime) -> None:
    TermFactory()
    value = Value(time, output_field=DateTimeField())
    found = Term.objects.annotate(number=Microseconds(value)).values_list("number", flat=True)
    assert list(found) == [to_microseconds(time)]
    assert to_microseconds(time) // 1_000_000 == int(time.timestamp())
