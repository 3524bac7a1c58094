"""ColumnSerializer."""

from datetime import date

import pytest
from rest_framework import serializers

from core.api.serializers import ColumnSerializer
from core.json import dumps
from courses.models import Term


class TermDatesSerializer(ColumnSerializer[Term]):
    code = serializers.CharField()
    starts_on = serializers.DateField()


class ComputedSerializer(ColumnSerializer[Term]):
    code = serializers.CharField()
    length = serializers.SerializerMethodField()


def test_shows_dates() -> None:
    term = Term(code="2026-FA", starts_on=date(2026, 9, 1))
    data = TermDatesSerializer.serialize_instance(term)
    assert dumps(data) == b'{"code":"2026-FA","starts_on":"2026-09-01"}'


def test_names_a_field_that_is_no_column() -> None:
    with pytest.raises(TypeError, match=r"ComputedSerializer\.length is a SerializerMethodField"):
        ComputedSerializer.columns()
