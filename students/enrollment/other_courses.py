"""The courses that students take and have completed, for rules about a student's other courses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from core.db.parameters import IdList, InIdList
from courses.meetings import Meeting
from courses.models import Course, course_label
from students.models import CreditLimit, Enrollment, Status, Student

# What is read of an enrollment in another course: the fields of OtherCourse.
COURSE_FIELDS = [
    "course",
    "course__code",
    "course__section",
    "course__starts_on",
    "course__ends_on",
    "course__credits",
    "course__meetings",
    "course__term",
    "course__term__code",
    "course__term__starts_on",
    "course__term__ends_on",
]


class OtherCourse(NamedTuple):
    """What the rules need to know of a course that a student takes or has completed."""

    pk: int
    code: str
    section: str
    starts_on: date | None
    ends_on: date | None
    credits: Decimal
    meetings: list[Meeting]
    term_id: int
    term_code: str
    term_starts_on: date
    term_ends_on: date

    @classmethod
    def of(cls, course: Course) -> OtherCourse:
        term = course.term
        return cls(
            course.pk,
            course.code,
            course.section,
            course.starts_on,
            course.ends_on,
            course.credits,
            course.meetings,
            term.pk,
            term.code,
            term.starts_on,
            term.ends_on,
        )

    def __str__(self) -> str:
        return course_label(self.code, self.section, self.term_code)

    @property
    def first_day(self) -> date:
        return self.starts_on or self.term_starts_on

    @property
    def last_day(self) -> date:
        return self.ends_on or self.term_ends_on


class Load(NamedTuple):
    """The credits that a student takes in a term, and how many are allowed (None: no limit)."""

    credits: Decimal
    limit: Decimal | None


NO_LIMIT = Load(Decimal(0), None)


class OtherCourses:
    """Active and completed courses of students: as read, then as decisions change them.

    Of the completed ones, only those are read that a rule may need.
    """

    def __init__(self) -> None:
        # By student id and course id.
        self._active: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        self._completed: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        # Those that this request completes: their credits count from the beginning.
        self._completing: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        # Student id and course id of those that do not count any more, whatever is read.
        self._stopped: set[tuple[int, int]] = set()
        # By student id and term id.
        self._credit_limits: dict[tuple[int, int], Decimal | None] = {}

    def set_status(self, student_id: int, course: OtherCourse, status: str) -> None:
        """Count `course` as one that the student takes, has completed, or neither."""
        for counted, courses in (
            (Status.ACTIVE, self._active[student_id]),
            (Status.COMPLETED, self._completed[student_id]),
        ):
            if counted == status:
                courses[course.pk] = course
            else:
                courses.pop(course.pk, None)

    def stop_taking(self, student_id: int, course_id: int, *, completes: bool) -> None:
        """Do not count the course as one that the student takes.

        The credits of one that the student completes count.
        """
        self._stopped.add((student_id, course_id))
        course = self._active[student_id].pop(course_id, None)
        if course and completes:
            self._completing[student_id][course_id] = course

    def set_credit_limit(self, student_id: int, term_id: int, limit: Decimal | None) -> None:
        self._credit_limits[student_id, term_id] = limit

    def find_missing_prerequisites(self, student: Student, course: Course) -> list[str]:
        """The codes that `course` requires and the student has not completed."""
        if not course.prerequisites:
            return []
        completed = {other.code for other in self._completed[student.pk].values()}
        return [code for code in course.prerequisites if code not in completed]

    def find_taken(self, student: Student, course: Course) -> list[OtherCourse]:
        """The courses beside `course` in which the student is active."""
        return [other for pk, other in self._active[student.pk].items() if pk != course.pk]

    def find_load(self, student: Student, course: Course) -> Load:
        """The student's credits in the term of `course`, without this course, and their limit."""
        limit = self._get_limit(student.pk, course)
        if limit is None:
            return NO_LIMIT
        counted = {
            **self._completing[student.pk],
            **self._completed[student.pk],
            **self._active[student.pk],
        }
        of_term = [
            other.credits
            for pk, other in counted.items()
            if other.term_id == course.term_id and pk != course.pk
        ]
        return Load(sum(of_term, Decimal(0)), limit)

    def _get_limit(self, student_id: int, course: Course) -> Decimal | None:
        limit: Decimal | None = course.term.max_credits
        return self._credit_limits.get((student_id, course.term_id), limit)

    def read_completed(
        self,
        students: Collection[int],
        courses: Iterable[Course],
        known: Mapping[tuple[int, int], Enrollment],
    ) -> None:
        """Read the completed courses of students that the rules of `courses` ask for.

        The enrollments of `known` count with their present status, which may not be written yet.
        """
        self._read(students, self._find_wanted(students, courses), known)

    def read_all(
        self,
        students: Collection[int],
        courses: Collection[Course],
        known: Mapping[tuple[int, int], Enrollment],
    ) -> None:
        """Read also the credit limits and the active courses of students."""
        if not students:
            return
        terms = {course.term_id for course in courses}
        limits = CreditLimit.objects.filter(InIdList("student", IdList([*students])))
        limits = limits.filter(term__in=terms).order_by()
        for row in limits.values_list("student", "term", "max_credits"):
            self.set_credit_limit(*row)
        active = Q(status=Status.ACTIVE)
        wanted = self._find_wanted(students, courses)
        self._read(students, active if wanted is None else active | wanted, known)

    def _find_wanted(self, students: Collection[int], courses: Iterable[Course]) -> Q | None:
        """The condition of completed enrollments that rules ask for; None where none does."""
        codes: set[str] = set()
        terms: set[int] = set()
        limited = {term for student, term in self._credit_limits if student in students}
        for course in courses:
            codes.update(course.prerequisites)
            if course.credits and (
                course.term.max_credits is not None or course.term_id in limited
            ):
                terms.add(course.term_id)
        if not (students and (codes or terms)):
            return None
        return Q(Q(course__code__in=codes) | Q(course__term__in=terms), status=Status.COMPLETED)

    def _read(
        self,
        students: Collection[int],
        wanted: Q | None,
        known: Mapping[tuple[int, int], Enrollment],
    ) -> None:
        if wanted is None:
            return
        of_students = InIdList("student", IdList([*students]))
        rows = Enrollment.objects.filter(wanted, of_students).order_by()
        for student, status, *values in rows.values_list("student", "status", *COURSE_FIELDS):
            course = OtherCourse(*values)
            row = known.get((student, course.pk))
            if status == Status.ACTIVE and (student, course.pk) in self._stopped:
                continue
            if row is None or row.status == status:
                self.set_status(student, course, status)
