"""Factories of terms, courses and teachers, for the demo school and the tests."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from courses.models import Course, Teacher, Teaching, Term


def _today() -> date:
    return timezone.localdate()


class TermFactory(DjangoModelFactory[Term]):
    """A term that is running and open for enrollment today."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Term: ...  # type: ignore[misc]

    class Meta:
        model = Term

    code: Any = factory.Sequence(lambda n: f"T{n}")
    name: Any = factory.LazyAttribute(lambda term: f"Term {term.code}")
    starts_on: Any = factory.LazyFunction(lambda: _today() - timedelta(days=30))
    ends_on: Any = factory.LazyAttribute(lambda term: term.starts_on + timedelta(days=120))


class CourseFactory(DjangoModelFactory[Course]):
    """An open course with unlimited seats."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Course: ...  # type: ignore[misc]

    class Meta:
        model = Course

    code: Any = factory.Sequence(lambda n: f"C-{n}")
    title: Any = factory.LazyAttribute(lambda course: f"Course {course.code}")
    credits: Any = 3
    term: Any = factory.SubFactory(TermFactory)


class TeacherFactory(DjangoModelFactory[Teacher]):
    """An active teacher without an email."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Teacher: ...  # type: ignore[misc]

    class Meta:
        model = Teacher

    number: Any = factory.Sequence(lambda n: f"STAFF-{n}")
    first_name: Any = "Ada"
    last_name: Any = factory.Sequence(lambda n: f"Teacher{n}")


class TeachingFactory(DjangoModelFactory[Teaching]):
    """A teacher of a course, not the primary one."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Teaching: ...  # type: ignore[misc]

    class Meta:
        model = Teaching

    course: Any = factory.SubFactory(CourseFactory)
    teacher: Any = factory.SubFactory(TeacherFactory)
