"""Sections and dates of courses, and teachers: what the models and the database hold."""

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from courses.factories import CourseFactory, TeacherFactory, TeachingFactory, TermFactory
from courses.models import Course, Teacher, Teaching
from students.factories import StudentFactory, enrolled

pytestmark = pytest.mark.django_db


def errors_of(row: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as raised:
        row.full_clean()
    return {
        field: [error.code or "" for error in errors]
        for field, errors in raised.value.error_dict.items()
    }


def refuses(write: Any) -> bool:
    """Whether the database refuses `write`, a function that passes over the models' checks."""
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        return True
    return False


def test_a_code_is_offered_in_several_sections_of_a_term() -> None:
    term = TermFactory.create(code="FA24")
    first = CourseFactory.create(term=term, code="CSE 8A", section="A01")
    whole = CourseFactory.create(term=term, code="CSE 8A")
    assert [str(first), str(whole)] == ["CSE 8A · A01 (FA24)", "CSE 8A (FA24)"]

    for section in ("A01", ""):
        again = Course(term=term, code="CSE 8A", section=section, title="Programming")
        assert errors_of(again) == {"code": ["unique"]}
        assert refuses(lambda again=again: Course.objects.bulk_create([again]))
    Course(term=term, code="CSE 8A", section="A02", title="Programming").full_clean()


def test_a_section_is_written_like_a_code() -> None:
    course = CourseFactory.create()
    course.section = "A\u0308\u200b1"
    course.full_clean()
    assert course.section == "\u00c41"
    for wrong in ("-A", "A;B", "x" * 21):
        course.section = wrong
        assert "section" in errors_of(course)


def test_a_section_is_found_by_code_and_section() -> None:
    term = TermFactory.create()
    courses = [
        CourseFactory.create(term=term, code="CSE 8A", section=section, title="Programming")
        for section in ("B02", "A01", "")
    ]
    found = Course.objects.search("cse8a b02").order_by("id")
    assert list(found) == courses[:1]
    ordered = Course.objects.search("cse 8a")
    assert [course.section for course in ordered] == ["", "A01", "B02"]


def test_own_dates_take_the_place_of_those_of_the_term() -> None:
    term = TermFactory.create(starts_on=date(2026, 9, 1), ends_on=date(2026, 12, 18))
    course = CourseFactory.create(term=term)
    assert (course.first_day, course.last_day) == (term.starts_on, term.ends_on)
    course.starts_on, course.ends_on = date(2026, 8, 1), date(2027, 1, 31)
    course.full_clean()
    assert (course.first_day, course.last_day) == (date(2026, 8, 1), date(2027, 1, 31))


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "field"),
    [
        (date(2026, 10, 2), date(2026, 10, 1), "ends_on"),
        (None, date(2026, 8, 31), "ends_on"),
        (date(2026, 12, 19), None, "starts_on"),
    ],
)
def test_a_course_does_not_end_before_it_starts(
    starts_on: date | None, ends_on: date | None, field: str
) -> None:
    term = TermFactory.create(starts_on=date(2026, 9, 1), ends_on=date(2026, 12, 18))
    course = CourseFactory.create(term=term)
    course.starts_on, course.ends_on = starts_on, ends_on
    assert errors_of(course) == {field: ["ends_before_start"]}


def test_the_database_holds_the_order_of_dates() -> None:
    course = CourseFactory.create()
    rows = Course.objects.filter(pk=course.pk)
    assert refuses(lambda: rows.update(starts_on=date(2026, 10, 2), ends_on=date(2026, 10, 1)))
    rows.update(starts_on=date(2026, 10, 1), ends_on=date(2026, 10, 1))


def test_a_course_that_ended_is_listed_after_those_of_its_term() -> None:
    term = TermFactory.create()
    over = CourseFactory.create(term=term, code="A", ends_on=term.starts_on)
    running = CourseFactory.create(term=term, code="B")
    assert list(Course.objects.in_enrollment_order()) == [running, over]


def test_a_teacher_has_a_number_a_name_and_perhaps_an_email() -> None:
    ada = TeacherFactory.create(number="P-1", email="ada@school.example")
    TeacherFactory.create_batch(2)
    again = Teacher(number="P-1", email="ADA@school.example")
    assert errors_of(again) == {
        "number": ["unique"],
        "email": ["unique"],
        "last_name": ["no_name"],
    }
    for wrong in (
        Teacher(number="P-1", last_name="X"),
        Teacher(number="P-2", last_name="X", email="ADA@school.example"),
        Teacher(number="P-3"),
    ):
        assert refuses(lambda wrong=wrong: Teacher.objects.bulk_create([wrong]))
    ada.first_name = "A\u0301da\u200b"
    ada.save()
    assert Teacher.objects.get(pk=ada.pk).first_name == "\u00c1da"
    assert list(Teacher.objects.search("ad p-1")) == [ada]
    assert [record.first_name for record in ada.history.order_by("history_id")] == [
        "Ada",
        "\u00c1da",
    ]


def test_a_course_has_a_teacher_once_and_one_primary_teacher() -> None:
    first = TeachingFactory.create(is_primary=True)
    second = Teaching(course=first.course, teacher=TeacherFactory.create(), is_primary=True)
    assert errors_of(second) == {"is_primary": ["second_primary"]}
    assert refuses(lambda: Teaching.objects.bulk_create([second]))
    assert refuses(
        lambda: Teaching.objects.bulk_create([Teaching(course=first.course, teacher=first.teacher)])
    )
    first.ended_at = timezone.now()
    first.save()
    second.full_clean()
    second.save()


def test_teachings_are_deleted_with_a_course_that_never_had_an_enrollment() -> None:
    taught, enrolled_course = TeachingFactory.create(), TeachingFactory.create()
    enrolled(StudentFactory.create(), enrolled_course.course)
    with pytest.raises(ProtectedError):
        enrolled_course.course.delete()
    with pytest.raises(ProtectedError, match="inactive"):
        taught.teacher.delete()
    pk = taught.pk
    taught.course.delete()
    assert list(Teaching.objects.all()) == [enrolled_course]
    records = Teaching.history.filter(id=pk).order_by("history_id")
    assert [record.history_type for record in records] == ["+", "-"]
    taught.teacher.delete()
