"""The students, courses and enrollments that a list of changes is about, read together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError
from django.db.models import Count

from core.db.compiled import CompiledQuery, Query, execute_all
from core.db.parameters import IdList, IdListParameter, IdPairListParameter, InIdList, InIdPairs
from core.db.transactions import held_locks
from courses.models import Course, Term
from students.enrollment import change_feed
from students.enrollment.change_feed import ChangeTimes, find_change_times
from students.enrollment.locks import (
    COURSES,
    STUDENTS,
    WAITED_FOR,
    for_update,
    lock_before_reading,
    lock_courses,
    valid_ids,
)
from students.enrollment.transitions import EnrollmentChange
from students.models import Enrollment, Status, Student

SEEN_STUDENTS = CompiledQuery(STUDENTS)
SEEN_COURSES = CompiledQuery(COURSES)
LOCKED_STUDENTS = CompiledQuery(for_update(STUDENTS))
LOCKED_COURSES = CompiledQuery(for_update(COURSES))
TERMS = CompiledQuery(Term.objects.filter(pk__in=COURSES.order_by().values("term")).order_by())
ENROLLMENTS = CompiledQuery(
    Enrollment.objects.filter(
        InIdPairs("student", "course", IdPairListParameter("pairs"))
    ).order_by()
)
LIMITED_COURSES = COURSES.filter(capacity__isnull=False).order_by()
SEATS_TAKEN = CompiledQuery(
    Enrollment.objects.filter(course__in=LIMITED_COURSES, status="active")
    .order_by()
    .values_list("course")
    .annotate(n=Count("*"))
)
WAITING = CompiledQuery(
    Enrollment.objects.filter(InIdList("course", IdListParameter("courses")), status="waitlisted")
    .order_by()
    .values_list("course")
    .annotate(n=Count("*"))
)


class Snapshot:
    """The rows behind a list of changes: as read, then as the decisions change them.

    With `locks`, students and courses are locked when they are read, and all else is read under
    these locks. `more_courses` are read, and locked, beside those of the changes. So are the
    courses that students wait for who leave or complete a course by the changes: they may become
    eligible there. Raises RunAgain.

    Attributes: `students` and `courses` by id; `enrollments` by (student id, course id); `taken`,
    the active enrollments of each course that has a capacity; `waiting`, the waitlisted ones of
    each course; `times`, those of the changes.
    """

    def __init__(
        self,
        changes: Sequence[EnrollmentChange],
        more_courses: Iterable[int] = (),
        *,
        locks: bool = True,
    ) -> None:
        student_ids = valid_ids(change.student_id for change in changes)
        course_ids = valid_ids(change.course_id for change in changes)
        pairs = [
            (change.student_id, change.course_id)
            for change in changes
            if change.student_id in student_ids and change.course_id in course_ids
        ]
        course_ids |= valid_ids(more_courses)
        leaving = {
            change.student_id for change in changes if change.transition.status != Status.ACTIVE
        }
        if locks:
            lock_before_reading(student_ids, course_ids)
        ids = {"students": student_ids, "courses": course_ids, "leaving": student_ids & leaving}
        waited_for = self._read(**ids, pairs=pairs, locks=locks) - course_ids
        if waited_for:
            if locks:
                lock_courses(waited_for)
            self._read(**{**ids, "courses": course_ids | waited_for}, pairs=pairs, locks=locks)
        # By student id and code: the courses with this code that the student has completed.
        self._completed: dict[tuple[int, str], set[int]] = {}
        self.read_completed(self.students, self.courses.values())

    def _read(self, *, locks: bool, **ids: Any) -> set[int]:
        """Read what the class describes. Return the courses that `leaving` students wait for."""
        queries: list[Query] = [TERMS, ENROLLMENTS, SEATS_TAKEN, WAITING]
        if ids["leaving"]:
            queries.append(WAITED_FOR)
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
        students, courses, terms, enrollments, taken, waiting, *further = found
        self.students = {row.id: row for row in SEEN_STUDENTS.instances(students)}
        self.courses = {row.id: row for row in SEEN_COURSES.instances(courses)}
        if locks:
            held_locks()[Student] |= self.students.keys()
            held_locks()[Course] |= self.courses.keys()
        self._link_terms({row.id: row for row in TERMS.instances(terms)})
        self.enrollments: dict[tuple[int, int], Enrollment] = {}
        for row in ENROLLMENTS.instances(enrollments):
            # Without locks, a row can appear or vanish between two of the queries.
            if row.student_id in self.students and row.course_id in self.courses:
                self.add(row)
        self.taken = Counter[int](dict(taken))  # type: ignore[arg-type]
        self.waiting = Counter[int](dict(waiting))  # type: ignore[arg-type]
        return {course for [course] in further[0]} if ids["leaving"] else set()

    def _link_terms(self, terms: Mapping[int, Term]) -> None:
        for course in self.courses.values():
            if course.term_id not in terms:
                # With locks: this transaction gave the course a term that was then deleted.
                # Without: the course was moved to another term between two of the queries.
                raise IntegrityError("The term of a course was changed or deleted meanwhile.")
            course._state.fields_cache["term"] = terms[course.term_id]

    def add(self, row: Enrollment) -> None:
        """Add an enrollment of a student and a course that are in the snapshot."""
        row._state.fields_cache["student"] = self.students[row.student_id]
        row._state.fields_cache["course"] = self.courses[row.course_id]
        self.enrollments[row.student_id, row.course_id] = row

    def has_free_seat(self, course: Course) -> bool:
        return course.capacity is None or self.taken[course.id] < course.capacity

    def count_move(self, course_id: int, before: str | None, after: str) -> None:
        """Count the seats and the waitlist anew after an enrollment's status changed."""
        self.taken[course_id] += (after == Status.ACTIVE) - (before == Status.ACTIVE)
        self.waiting[course_id] += (after == Status.WAITLISTED) - (before == Status.WAITLISTED)

    def find_missing_prerequisites(self, student: Student, course: Course) -> list[str]:
        """The codes that `course` requires and the student has not completed."""
        return [
            code for code in course.prerequisites if not self._completed.get((student.id, code))
        ]

    def set_completed(self, student_id: int, course_id: int, *, completed: bool) -> None:
        key = student_id, self.courses[course_id].code
        courses = self._completed.setdefault(key, set())
        if completed:
            courses.add(course_id)
        else:
            courses.discard(course_id)

    def read_completed(self, students: Iterable[int], courses: Iterable[Course]) -> None:
        """Read which prerequisites of `courses` the students have completed."""
        codes = {code for course in courses for code in course.prerequisites}
        if not codes:
            return
        completed = Enrollment.objects.filter(
            InIdList("student", IdList([*students])),
            status=Status.COMPLETED,
            course__code__in=codes,
        ).order_by()
        for student, course, code in completed.values_list("student", "course", "course__code"):
            row = self.enrollments.get((student, course))
            # The decisions may have changed the status, and the database does not have that yet.
            if row is None or row.status == Status.COMPLETED:
                self._completed.setdefault((student, code), set()).add(course)
