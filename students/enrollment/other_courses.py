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
from courses.requirements import StoredRequirement, find_codes, find_opening_codes
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
    "course__prerequisites",
    "course__excludes",
    "course__term",
    "course__term__code",
    "course__term__starts_on",
    "course__term__ends_on",
    "course__term__accepts_in_progress",
]


# The enrollments of a student that rules may need in any case: completed courses may exclude
# others.
ALWAYS_NEEDED = Q(status__in=["active", "waitlisted"]) | (
    Q(status="completed") & ~Q(course__excludes=[])
)


class OtherCourse(NamedTuple):
    """What the rules need to know of a course that a student takes, has completed or waits for."""

    pk: int
    code: str
    section: str
    starts_on: date | None
    ends_on: date | None
    credits: Decimal
    meetings: list[Meeting]
    prerequisites: list[StoredRequirement]
    excludes: list[str]
    term_id: int
    term_code: str
    term_starts_on: date
    term_ends_on: date
    term_accepts_in_progress: bool

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
            course.prerequisites,
            course.excludes,
            term.pk,
            term.code,
            term.starts_on,
            term.ends_on,
            term.accepts_in_progress,
        )

    def __str__(self) -> str:
        return course_label(self.code, self.section, self.term_code)

    @property
    def first_day(self) -> date:
        return self.starts_on or self.term_starts_on

    @property
    def last_day(self) -> date:
        return self.ends_on or self.term_ends_on

    def can_be_opened_by(self, code: str) -> bool:
        """Whether a student who takes a course with this code may meet a prerequisite by that."""
        return code in find_opening_codes(
            self.prerequisites, accepts_in_progress=self.term_accepts_in_progress
        )


class Load(NamedTuple):
    """The credits that a student takes in a term, and how many are allowed (None: no limit)."""

    credits: Decimal
    limit: Decimal | None


NO_LIMIT = Load(Decimal(0), None)


class OtherCourses:
    """Courses that students take, have completed or wait for: as read, then as decided.

    Of those completed or waited for, only those are read that a rule may need.
    """

    def __init__(self) -> None:
        # By student id and course id.
        self._active: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        self._completed: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        self._waiting: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        # Those that this request shall enroll the student in.
        self._expected: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        # Those that this request completes: their credits count from the beginning.
        self._completing: dict[int, dict[int, OtherCourse]] = defaultdict(dict)
        # Student id and course id of those that do not count any more, whatever is read.
        self._stopped: set[tuple[int, int]] = set()
        # By student id and term id.
        self._credit_limits: dict[tuple[int, int], Decimal | None] = {}

    def set_status(self, student_id: int, course: OtherCourse, status: str) -> None:
        """Count `course` as one that the student takes, has completed, waits for, or none."""
        for counted, courses in (
            (Status.ACTIVE, self._active[student_id]),
            (Status.COMPLETED, self._completed[student_id]),
            (Status.WAITLISTED, self._waiting[student_id]),
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

    def expect(self, student_id: int, course: OtherCourse) -> None:
        """Count `course` as one that the student takes at the end of the request."""
        self._expected[student_id][course.pk] = course

    def find_completed(self, student: Student, course: Course) -> list[OtherCourse]:
        """The courses beside `course` that the student has completed."""
        return [other for pk, other in self._completed[student.pk].items() if pk != course.pk]

    def find_taken_or_completed(self, student: Student, course: Course) -> list[OtherCourse]:
        """The courses beside `course` that the student takes, has completed or now completes."""
        courses = {
            **self._completing[student.pk],
            **self._completed[student.pk],
            **self._active[student.pk],
        }
        return [other for pk, other in courses.items() if pk != course.pk]

    def find_taken(self, student: Student, course: Course) -> list[OtherCourse]:
        """The courses beside `course` in which the student is active."""
        return [other for pk, other in self._active[student.pk].items() if pk != course.pk]

    def find_taken_at_end(self, student: Student, course: Course) -> list[OtherCourse]:
        """The courses beside `course` that the student takes or completes by this request."""
        courses = {
            **self._active[student.pk],
            **self._expected[student.pk],
            **self._completing[student.pk],
        }
        return [other for pk, other in courses.items() if pk != course.pk]

    def find_waited_for(self, student_id: int) -> set[int]:
        """The ids of the courses that the student waits for."""
        return set(self._waiting[student_id])

    def find_opened(self, student_id: int, code: str) -> set[int]:
        """The ids of those courses waited for whose prerequisites the student may meet by `code`.

        That is, by taking a course with this code.
        """
        waiting = self._waiting[student_id].items()
        return {pk for pk, other in waiting if other.can_be_opened_by(code)}

    def find_load(self, student: Student, course: Course) -> Load:
        """The student's credits in the term of `course`, without this course, and their limit."""
        limit = self._get_limit(student.pk, course)
        if limit is None:
            return NO_LIMIT
        of_term = [
            other.credits
            for other in self.find_taken_or_completed(student, course)
            if other.term_id == course.term_id
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
        """Read also the credit limits, and the courses that students take or wait for."""
        if not students:
            return
        terms = {course.term_id for course in courses}
        limits = CreditLimit.objects.filter(InIdList("student", IdList([*students])))
        limits = limits.filter(term__in=terms).order_by()
        for row in limits.values_list("student", "term", "max_credits"):
            self.set_credit_limit(*row)
        wanted = self._find_wanted(students, courses)
        self._read(students, ALWAYS_NEEDED if wanted is None else ALWAYS_NEEDED | wanted, known)

    def _find_wanted(self, students: Collection[int], courses: Iterable[Course]) -> Q | None:
        """The condition of completed enrollments that rules ask for; None where none does."""
        codes: set[str] = set()
        terms: set[int] = set()
        limited = {term for student, term in self._credit_limits if student in students}
        for course in courses:
            codes.update(find_codes(course.prerequisites), course.excludes)
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
