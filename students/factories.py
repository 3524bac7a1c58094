"""Factories of students and enrollments, for the demo school and the tests."""

from typing import TYPE_CHECKING, Any

import factory
from factory.django import DjangoModelFactory

from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import ENROLL, IMPORT_TRANSITIONS, EnrollmentChange, Options
from students.models import Enrollment, Status, Student


class StudentFactory(DjangoModelFactory[Student]):
    """An active student."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Student: ...  # type: ignore[misc]

    class Meta:
        model = Student

    number: Any = factory.Sequence(lambda n: f"S{n:06d}")
    # Not random: a random name might be the one that a test searches for.
    first_name: Any = factory.Sequence(lambda n: f"Given{n}")
    last_name: Any = factory.Sequence(lambda n: f"Family{n}")
    email: Any = factory.LazyAttribute(lambda student: f"{student.number.lower()}@school.example")


def enrolled(student: Student, course: Course, status: Status = Status.ACTIVE) -> Enrollment:
    """Enroll `student` in `course` through the service, with the transitions of an import.

    The dates of the term are not checked. Only a full course puts the student on its waitlist
    (`Status.WAITLISTED`).
    """
    waits = status == Status.WAITLISTED
    transition = ENROLL if waits else IMPORT_TRANSITIONS[status]
    [result] = service.apply_changes(
        [EnrollmentChange(student.pk, course.pk, transition)],
        Options(waitlist=waits, check_window=False),
    )
    assert result.enrollment is not None
    assert result.enrollment.status == status
    return result.enrollment
