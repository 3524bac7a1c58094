"""The fixture in conftest.py that detects queries for each row detects them."""

from collections.abc import Iterable, Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from zeal.middleware import zeal_middleware

from students.factories import StudentFactory
from students.models import Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def detected(no_row_by_row_reads: list[str]) -> Iterator[list[str]]:
    """The detected queries, which do not fail these tests."""
    yield no_row_by_row_reads
    no_row_by_row_reads.clear()


def page_of(students: Iterable[Student]) -> HttpResponse:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(str([list(student.enrollments.all()) for student in students]))

    response = zeal_middleware(view)(RequestFactory().get("/"))
    assert isinstance(response, HttpResponse)
    return response


def test_a_query_for_each_row_is_detected(detected: list[str]) -> None:
    StudentFactory.create_batch(2)
    page_of(Student.objects.all())
    assert len(detected) == 1
    assert detected[0].startswith("N+1 detected on students.Student.enrollments at ('")


def test_a_query_for_all_rows_is_not_detected(detected: list[str]) -> None:
    StudentFactory.create_batch(2)
    page_of(Student.objects.prefetch_related("enrollments"))
    assert detected == []
