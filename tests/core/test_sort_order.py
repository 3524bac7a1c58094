"""Lists have the same order on every database, however the database was created."""

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from core.db.fields import CodePointOrderMixin
from courses.factories import CourseFactory
from students.factories import StudentFactory

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Others have one collation.")
def test_columns_that_lists_are_sorted_by_have_one_collation() -> None:
    expected = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, CodePointOrderMixin)
    }
    assert {
        ("students_student", "number"),
        ("students_student", "email"),
        ("students_student", "last_name"),
        ("students_student", "name_key"),
        ("courses_course", "title"),
        ("courses_term", "code"),
    } <= expected
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND collation_name = 'C'"
        )
        found = set(cursor.fetchall())
    assert expected - found == set()


def test_numbers_emails_and_titles_are_sorted_by_code_points(viewer: Client) -> None:
    for index, number in enumerate(["b1", "B 2", "a-1", "A1", "a1", "\u00c91"]):
        StudentFactory.create(number=number, email=f"{'bAcBaC'[index]}{index}@school.example")
        CourseFactory.create(code=f"C-{index}", title=number)
    for path, key in (("students", "number"), ("students", "email"), ("courses", "title")):
        rows = viewer.get(f"/api/v1/{path}?ordering={key}").json()["results"]
        values = [row[key] for row in rows]
        assert values == sorted(values)
        assert len(values) == 6
