"""The students, courses and enrollments that a list of changes is about, read together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import IntegrityError
from django.db.models import Count, Q

from core.db.compiled import CompiledQuery, Query, Rows, execute_all
from core.db.parameters import IdListParameter, InIdList
from core.db.transactions import held_locks
from courses.models import Course, Term
from students.enrollment import change_feed
from students.enrollment.change_feed import ChangeTimes, find_change_times
from students.enrollment.locks import (
    COURSES,
    STUDENTS,
    for_update,
    lock_before_reading,
    lock_courses,
    valid_ids,
)
from students.enrollment.other_courses import (
    ALWAYS_NEEDED,
    COURSE_FIELDS,
    OtherCourse,
    OtherCourses,
)
from students.enrollment.transitions import EnrollmentChange
from students.models import CreditLimit, Enrollment, Status, Student

ENROLLMENT_FIELDS = [field.attname for field in Enrollment._meta.concrete_fields]
STUDENT = ENROLLMENT_FIELDS.index("student_id")
STATUS = ENROLLMENT_FIELDS.index("status")
SEEN_STUDENTS = CompiledQuery(STUDENTS)
SEEN_COURSES = CompiledQuery(COURSES)
LOCKED_STUDENTS = CompiledQuery(for_update(STUDENTS))
LOCKED_COURSES = CompiledQuery(for_update(COURSES))
TERMS = CompiledQuery(Term.objects.filter(pk__in=COURSES.order_by().values("term")).order_by())
_OF_STUDENTS = InIdList("student", IdListParameter("students"))
_OF_COURSES = InIdList("course", IdListParameter("courses"))
# Those of the students in the courses, and what rules may need of other courses.
ENROLLMENTS = CompiledQuery(
    Enrollment.objects.filter(Q(_OF_COURSES) | ALWAYS_NEEDED, _OF_STUDENTS)
    .order_by()
    .values_list(*ENROLLMENT_FIELDS, *COURSE_FIELDS)
)
CREDIT_LIMITS = CompiledQuery(
    CreditLimit.objects.filter(_OF_STUDENTS, term__in=COURSES.order_by().values("term"))
    .order_by()
    .values_list("student", "term", "max_credits")
)
# Those who take a course without a capacity may be many, and need not be counted.
_LIMITED = Q(course__in=COURSES.filter(capacity__isnull=False).order_by())
TAKEN_AND_WAITING = CompiledQuery(
    Enrollment.objects.filter(_OF_COURSES, Q(_LIMITED, status="active") | Q(status="waitlisted"))
    .order_by()
    .values_list("course", "status")
    .annotate(n=Count("*"))
)


class Snapshot:
    """The rows behind a list of changes: as read, then as the decisions change them.

    With `locks`, students and courses are locked when they are read, and all else is read under
    these locks. `more_courses` are read, and locked, beside those of the changes. So are the
    courses that students wait for and may become eligible for by the changes. Raises RunAgain.

    Attributes: `students` and `courses` by id; `enrollments` by (student id, course id); `taken`,
    the active enrollments of each course that has a capacity; `waiting`, the waitlisted ones of
    each course; `other_courses` of the students; `times`, those of the changes.
    """

    def __init__(
        self,
        changes: Sequence[EnrollmentChange],
        more_courses: Iterable[int] = (),
        *,
        locks: bool = True,
    ) -> None:
        student_ids = valid_ids(change.student_id for change in changes)
        course_ids = valid_ids(change.course_id for change in changes) | valid_ids(more_courses)
        ending = [change for change in changes if change.transition.status != Status.ACTIVE]
        if locks:
            lock_before_reading(student_ids, course_ids)
        self._read(student_ids, course_ids, locks=locks)
        waited_for = self._find_waited_for(changes) - course_ids
        if waited_for:
            if locks:
                lock_courses(waited_for)
            self._read(student_ids, course_ids | waited_for, locks=locks)
        self.other_courses.read_completed(student_ids, self.courses.values(), self.enrollments)
        # Wherever they are in the request: additions are decided as if they were first.
        for change in ending:
            completes = change.transition.status == Status.COMPLETED
            self.other_courses.stop_taking(change.student_id, change.course_id, completes=completes)

    def expect_enrollments(self, changes: Iterable[EnrollmentChange]) -> None:
        """Count the courses that `changes` enroll students in as taken at the end."""
        for change in changes:
            course = self.courses.get(change.course_id)
            if course and change.transition.status == Status.ACTIVE:
                self.other_courses.expect(change.student_id, OtherCourse.of(course))

    def _find_waited_for(self, changes: Sequence[EnrollmentChange]) -> set[int]:
        """The courses that students wait for and may become eligible for by `changes`.

        Whoever leaves or completes a course may be for each of them; whoever takes another one
        where it is a prerequisite that may be met at the same time.
        """
        found: set[int] = set()
        for change in changes:
            if change.transition.status != Status.ACTIVE:
                found |= self.other_courses.find_waited_for(change.student_id)
            elif course := self.courses.get(change.course_id):
                found |= self.other_courses.find_opened(change.student_id, course.code)
        return found

    def _read(self, students: Collection[int], courses: Collection[int], *, locks: bool) -> None:
        """Read what the class describes."""
        ids = {"students": students, "courses": courses}
        queries: list[Query] = [TERMS, ENROLLMENTS, CREDIT_LIMITS, TAKEN_AND_WAITING]
        now = change_feed.clock()
        if locks:
            found = execute_all(
                [LOCKED_STUDENTS, LOCKED_COURSES, *queries, *change_feed.clock_queries()],
                {**ids, **change_feed.announcement_params(now)},
            )
            self.times = find_change_times(now, found[-1])
        else:
            found = execute_all([SEEN_STUDENTS, SEEN_COURSES, *queries], ids)
            self.times = ChangeTimes(now, now)
        student_rows, course_rows, terms, enrollments, limits, numbers, *_clock = found
        self.students = {row.id: row for row in SEEN_STUDENTS.instances(student_rows)}
        self.courses = {row.id: row for row in SEEN_COURSES.instances(course_rows)}
        if locks:
            held_locks()[Student] |= self.students.keys()
            held_locks()[Course] |= self.courses.keys()
        self._link_terms({row.id: row for row in TERMS.instances(terms)})
        self._read_enrollments(enrollments)
        for limit in limits:
            self.other_courses.set_credit_limit(*limit)
        self.taken = Counter[int]()
        self.waiting = Counter[int]()
        for course_id, status, number in numbers:
            counter = self.taken if status == Status.ACTIVE else self.waiting
            counter[course_id] = number

    def _link_terms(self, terms: Mapping[int, Term]) -> None:
        for course in self.courses.values():
            if course.term_id not in terms:
                # With locks: this transaction gave the course a term that was then deleted.
                # Without: the course was moved to another term between two of the queries.
                raise IntegrityError("The term of a course was changed or deleted meanwhile.")
            course._state.fields_cache["term"] = terms[course.term_id]

    def _read_enrollments(self, rows: Rows) -> None:
        self.enrollments: dict[tuple[int, int], Enrollment] = {}
        self.other_courses = OtherCourses()
        number = len(ENROLLMENT_FIELDS)
        of_courses = []
        for values in rows:
            course = OtherCourse(*values[number:])
            self.other_courses.set_status(values[STUDENT], course, values[STATUS])
            # Without locks, a row can appear or vanish between two of the queries.
            if course.pk in self.courses and values[STUDENT] in self.students:
                of_courses.append(values[:number])
        for row in ENROLLMENTS.instances(of_courses):
            self.add(row)

    def add(self, row: Enrollment) -> None:
        """Add an enrollment of a student and a course that are in the snapshot."""
        row._state.fields_cache["student"] = self.students[row.student_id]
        row._state.fields_cache["course"] = self.courses[row.course_id]
        self.enrollments[row.student_id, row.course_id] = row

    def has_free_seat(self, course: Course) -> bool:
        return course.capacity is None or self.taken[course.id] < course.capacity

    def count_move(self, row: Enrollment, before: str | None, after: str) -> None:
        """Count seats, waitlist and the student's courses anew after a status has changed."""
        course = row.course_id
        self.taken[course] += (after == Status.ACTIVE) - (before == Status.ACTIVE)
        self.waiting[course] += (after == Status.WAITLISTED) - (before == Status.WAITLISTED)
        self.other_courses.set_status(row.student_id, OtherCourse.of(self.courses[course]), after)

    def read_other_courses(self, students: Collection[int], courses: Collection[Course]) -> None:
        """Read what rules about other courses need of students who are not those of the changes."""
        self.other_courses.read_all(students, courses, self.enrollments)
