"""`manage.py fill_derived_fields`: keys of rows that were written past Django."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import translation

from core.db import search_migrations
from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory
from students.models import Student

pytestmark = pytest.mark.django_db


def fill(*arguments: str) -> str:
    output = StringIO()
    with translation.override(None):
        call_command("fill_derived_fields", *arguments, stdout=output)
    return output.getvalue()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_fills_empty_keys_and_leaves_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_migrations, "BATCH_SIZE", 2)
    StudentFactory.create_batch(5, last_name="O'Brien", first_name="Zoë")
    CourseFactory.create(code="CS-101")
    execute("UPDATE students_student SET search_key = '', name_key = ''")
    execute("UPDATE courses_course SET search_key = '', code_key = ''")
    kept = StudentFactory.create(last_name="Kept")
    execute(f"UPDATE students_student SET name_key = 'as it was' WHERE id = {kept.pk}")
    assert not Student.objects.search("obrien")
    output = fill()
    assert "students: 5 filled" in output
    assert "courses: 1 filled" in output
    assert "terms: 0 filled" in output
    assert Student.objects.search("obrien zoe").count() == 5
    assert set(Student.objects.values_list("name_key", flat=True)) == {"obrien  zoe", "as it was"}
    assert Course.objects.get().code_key == "cs 101"
    assert not Student.history.exclude(history_type="+").exists()


def test_all_corrects_the_keys_of_changed_rows() -> None:
    StudentFactory.create(last_name="Kept")
    changed = StudentFactory.create(last_name="Old")
    execute(f"UPDATE students_student SET last_name = 'New' WHERE id = {changed.pk}")
    assert "students: 0 filled" in fill()
    assert "students: 1 filled" in fill("--all")
    assert [row.pk for row in Student.objects.search("new")] == [changed.pk]
