"""The courses that students take and have completed, for rules about a student's other courses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Q

from core.db.parameters import IdList, InIdList
from courses.models import Course, Term
from students.models import Enrollment, Status, Student

# What is read of an enrollment in another course: see `build_course`.
COURSE_FIELDS = [
    "course",
    "course__code",
    "course__section",
    "course__starts_on",
    "course__ends_on",
    "course__term__code",
    "course__term__starts_on",
    "course__term__ends_on",
]


def build_course(values: Sequence[Any]) -> Course:
    """A course with its name and its dates, from the values of COURSE_FIELDS."""
    pk, code, section, starts_on, ends_on, term, term_starts_on, term_ends_on = values
    return Course(
        pk=pk,
        code=code,
        section=section,
        starts_on=starts_on,
        ends_on=ends_on,
        term=Term(code=term, starts_on=term_starts_on, ends_on=term_ends_on),
    )


class OtherCourses:
    """Active and completed courses by student id and code: as read, then as decisions change them.

    Only those that a rule may need are read.
    """

    def __init__(self) -> None:
        self._by_status: dict[str, dict[tuple[int, str], dict[int, Course]]] = {
            Status.ACTIVE: defaultdict(dict),
            Status.COMPLETED: defaultdict(dict),
        }

    def set_status(self, student_id: int, course: Course, status: str) -> None:
        """Count `course` as one that the student takes, has completed, or neither."""
        for counted, courses in self._by_status.items():
            if counted == status:
                courses[student_id, course.code][course.pk] = course
            else:
                courses[student_id, course.code].pop(course.pk, None)

    def stop_taking(self, student_id: int, course: Course) -> None:
        """Do not count `course` as one that the student takes."""
        self._by_status[Status.ACTIVE][student_id, course.code].pop(course.pk, None)

    def find_missing_prerequisites(self, student: Student, course: Course) -> list[str]:
        """The codes that `course` requires and the student has not completed."""
        completed = self._by_status[Status.COMPLETED]
        return [code for code in course.prerequisites if not completed[student.pk, code]]

    def find_other_sections(self, student: Student, course: Course) -> list[Course]:
        """The other courses with the code of `course` in which the student is active."""
        taken = self._by_status[Status.ACTIVE][student.pk, course.code]
        return [other for key, other in sorted(taken.items()) if key != course.pk]

    def read(
        self,
        students: Collection[int],
        *,
        taken: Collection[str] = (),
        completed: Collection[str] = (),
        known: Mapping[tuple[int, int], Enrollment],
    ) -> None:
        """Read which courses with the codes `taken` and `completed` students take or have done.

        The enrollments of `known` count with their present status, which may not be written yet.
        """
        if not (students and (taken or completed)):
            return
        wanted = Q(status=Status.ACTIVE, course__code__in=taken) | Q(
            status=Status.COMPLETED, course__code__in=completed
        )
        of_students = InIdList("student", IdList([*students]))
        rows = Enrollment.objects.filter(wanted, of_students).order_by()
        for student, status, *values in rows.values_list("student", "status", *COURSE_FIELDS):
            course = build_course(values)
            row = known.get((student, course.pk))
            if row is None or row.status == status:
                self.set_status(student, course, status)
