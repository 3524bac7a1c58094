"""What a list of changes comes to: what it is about is read at once, and each change is decided by the rules. Nothing is written here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.compiled import CompiledQuery, Query, build_instance, execute_all
from core.db.parameters import IdList, IdListParameter, IdPairListParameter, InIdList, InIdPairs
from core.formatting import LocalizedStr
from courses.models import Course, Term
from students.enrollment import change_feed
from students.enrollment.change_feed import INSTANT, commit_timestamp
from students.enrollment.locks import (
    COURSES,
    STUDENTS,
    WAITED_FOR,
    for_update,
    lock_students,
    valid_ids,
)
from students.enrollment.rules import Refusal, find_refusals
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    EnrollmentChange,
    Options,
    Outcome,
    Result,
    Transition,
)
from students.models import Enrollment, Status, Student

SEEN_STUDENTS, SEEN_COURSES = CompiledQuery(STUDENTS), CompiledQuery(COURSES)
LOCKED_STUDENTS, LOCKED_COURSES = (
    CompiledQuery(for_update(STUDENTS)),
    CompiledQuery(for_update(COURSES)),
)
TERMS = CompiledQuery(Term.objects.filter(pk__in=COURSES.order_by().values("term")).order_by())
HELD = CompiledQuery(
    Enrollment.objects.filter(
        InIdPairs("student", "course", IdPairListParameter("pairs"))
    ).order_by()
)
LIMITED = Course.objects.filter(
    InIdList("pk", IdListParameter("courses")), capacity__isnull=False
).order_by()
SEATS = CompiledQuery(
    Enrollment.objects.filter(course__in=LIMITED, status="active")
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


class EnrollmentDecisions:
    """The rows that `changes` are about, the seats taken, and what becomes of them: rows `created`, `changed` and `promoted` from a waitlist.

    Students and courses are locked when they are read, and `courses` with them; without `locks` they are only looked at.
    """

    def __init__(
        self,
        changes: Sequence[EnrollmentChange],
        options: Options = DEFAULT_OPTIONS,
        courses: Iterable[int] = (),
        *,
        locks: bool = True,
    ) -> None:
        self.options, self.locks = options, locks
        self.today = timezone.localdate()
        self._read(changes, courses)
        # (student id, code) -> the courses with that code that the student has completed.
        self.completed: dict[tuple[int, str], set[int]] = {}
        self._read_completed(self.students, self.courses.values())
        self.queues: dict[int, list[Enrollment]] = {}
        # Courses where nobody else who waits can move up until somebody leaves, begins to wait or completes a course.
        self.settled_courses: set[int] = set()
        self.created: list[Enrollment] = []
        self.changed: dict[int, Enrollment] = {}
        self.promoted: dict[int, Enrollment] = {}
        self.overridden: dict[tuple[int, int], list[str]] = {}

    def _read(self, changes: Sequence[EnrollmentChange], others: Iterable[int]) -> None:
        student_ids = valid_ids(change.student_id for change in changes)
        course_ids = valid_ids(
            [*others, *(change.course_id for change in changes), *self._opened_by(changes)]
        )
        pairs = [
            (change.student_id, change.course_id)
            for change in changes
            if change.student_id in student_ids and change.course_id in course_ids
        ]
        (students, courses, terms, held, taken, waiting, *_stamp), self.now = self._ask(
            students=student_ids, courses=course_ids, pairs=pairs
        )
        self.students = {student.id: student for student in SEEN_STUDENTS.instances(students)}
        self.courses = {course.id: course for course in SEEN_COURSES.instances(courses)}
        self._link_terms({term.id: term for term in TERMS.instances(terms)})
        # What is only looked at may come and go between one question and the next.
        rows = (
            row
            for row in HELD.instances(held)
            if row.student_id in self.students and row.course_id in self.courses
        )
        self.rows = {(row.student_id, row.course_id): self._linked(row) for row in rows}
        # Seats taken of the courses that have a limit, and those who wait for any.
        self.taken, self.waiting = (Counter[int](dict(counted)) for counted in (taken, waiting))  # type: ignore[arg-type]

    def _link_terms(self, terms: Mapping[int, Term]) -> None:
        for course in self.courses.values():
            if course.term_id not in terms:
                # Locked, the course was just given it here, and the database will say so at the end; not locked, it was given another one.
                raise IntegrityError("The term of a course was changed or deleted meanwhile.")
            course._state.fields_cache["term"] = terms[course.term_id]

    def _ask(self, **about: Any) -> tuple[list[list[Sequence[Any]]], datetime]:
        """Students, courses, terms, the rows of the pairs, seats taken and who waits, as they are when the locks are had; and the moment of the changes."""
        rest: list[Query] = [TERMS, HELD, SEATS, WAITING]
        now = change_feed.clock()
        if not self.locks:
            return execute_all([SEEN_STUDENTS, SEEN_COURSES, *rest], about), now
        found = execute_all(
            [LOCKED_STUDENTS, LOCKED_COURSES, *rest, *change_feed.clock_queries()],
            {**about, **change_feed.announcement_params(now)},
        )
        return found, commit_timestamp(now, found[-1])

    def decide(self, change: EnrollmentChange) -> Result:
        """What becomes of the pair by `change`, after those that were decided before."""
        pair = change.student_id, change.course_id
        row = self.rows.get(pair)
        before = Status(row.status) if row else None
        if change.student_id not in self.students or change.course_id not in self.courses:
            return Result(change, Outcome.REFUSED, None, tuple(self._missing(change)))
        outcome = self._outcome(change.transition, before)
        if outcome is None and change.transition.strict and before != change.transition.status:
            return Result(change, Outcome.REFUSED, row, (_no_such_move(before, change.transition),))
        if outcome is None:
            return Result(change, Outcome.UNCHANGED, row)
        if change.transition.status != Status.ACTIVE:
            return Result(change, outcome, self._set_status(row, pair, change.transition.status))
        return self._admit(change, row, outcome)

    def _admit(self, change: EnrollmentChange, row: Enrollment | None, outcome: Outcome) -> Result:
        """Gives a seat, or a place on the waitlist, unless refused."""
        pair = change.student_id, change.course_id
        student, course = self.students[change.student_id], self.courses[change.course_id]
        # Those who wait come before whoever comes now.
        self._move_up(course)
        if row is not None and row.status == Status.ACTIVE:
            # The queue has just brought in the very one who was asked for.
            return Result(change, outcome, row)
        reasons = self._refusals(student, course, check_window=self.options.check_window)
        left = tuple(reason for reason in reasons if not self.options.overrides(reason))
        may_wait = self.options.waitlist and [reason.code for reason in left] == [
            Refusal.COURSE_FULL
        ]
        waits = row is not None and row.status == Status.WAITLISTED
        if left and waits and (may_wait or not change.transition.strict):
            return Result(change, Outcome.UNCHANGED, row)
        if left and not may_wait:
            return Result(change, Outcome.REFUSED, row, left)
        if len(left) < len(reasons):
            self.overridden[pair] = [str(reason.code) for reason in reasons if reason not in left]
        if left:
            return Result(
                change, Outcome.WAITLISTED, self._set_status(row, pair, Status.WAITLISTED)
            )
        return Result(change, outcome, self._set_status(row, pair, Status.ACTIVE))

    def promote_waiting(self) -> None:
        """Move up who waits, now that all is decided."""
        for course in self.courses.values():
            self._move_up(course)

    def set_positions(self, results: Iterable[Result]) -> None:
        """Give the enrollment of each of `results` that waits the place that it has now."""
        courses = {
            result.change.course_id
            for result in results
            if result.enrollment and result.enrollment.status == Status.WAITLISTED
        }
        self._read_queues(courses)
        for course in courses:
            waiting = [row for row in self.queues[course] if row.status == Status.WAITLISTED]
            for place, row in enumerate(waiting, 1):
                row.position = place

    def _move_up(self, course: Course) -> None:
        """Give free seats to those who wait, first come first; one who cannot be enrolled now is passed over and keeps the place."""
        if not self._may_move(course):
            return
        for row in self._queue(course):
            student = self.students.get(row.student_id) or row.student
            if (
                row.status == Status.WAITLISTED
                and self._has_room(course)
                and not self._refusals(student, course)
            ):
                self._promote(row)
        self.settled_courses.add(course.id)

    def _promote(self, row: Enrollment) -> None:
        row.status, row.enrolled_at, row.updated_at = Status.ACTIVE, self.now, self.now
        self.taken[row.course_id] += 1
        self.waiting[row.course_id] -= 1
        if row.id and row.id not in self.changed:
            self.promoted[row.id] = row

    def _may_move(self, course: Course) -> bool:
        return (
            bool(self.waiting[course.id])
            and course.id not in self.settled_courses
            and self._has_room(course)
        )

    def _queue(self, course: Course) -> list[Enrollment]:
        """Those who wait, as they came; some may have gone since. Read together with the queues that will be asked for next."""
        if course.id not in self.queues:
            self._read_queues(
                {
                    course.id,
                    *(
                        other.id
                        for other in self.courses.values()
                        if self.options.waitlist or self._may_move(other)
                    ),
                }
            )
        return self.queues[course.id]

    def _read_queues(self, courses: Set[int]) -> None:
        new = courses - self.queues.keys()
        if not new:
            return
        self.queues |= {course: [] for course in new}
        waiting = (
            Enrollment.objects.filter(course__in=new, status=Status.WAITLISTED)
            .select_related("student")
            .order_by("enrolled_at", "pk")
        )
        students = set()
        for row in waiting:
            self.queues[row.course_id].append(
                self.rows.setdefault((row.student_id, row.course_id), row)
            )
            students.add(row.student_id)
        self._read_completed(students, [self.courses[course] for course in new])

    def _opened_by(self, changes: Sequence[EnrollmentChange]) -> Iterable[int]:
        """The courses that students wait for who now complete another one: it may let them in."""
        completing = valid_ids(
            change.student_id for change in changes if change.transition.status == Status.COMPLETED
        )
        if not completing:
            return ()
        if self.locks:
            completing &= {*lock_students(change.student_id for change in changes)}
        return [course for [course] in WAITED_FOR(students=completing)]

    def _has_room(self, course: Course) -> bool:
        return course.capacity is None or self.taken[course.id] < course.capacity

    def _read_completed(self, students: Iterable[int], courses: Iterable[Course]) -> None:
        """Which of the courses that these ask for each student has completed."""
        codes = {code for course in courses for code in course.prerequisites}
        if not codes:
            return
        rows = Enrollment.objects.filter(
            InIdList("student", IdList([*students])),
            status=Status.COMPLETED,
            course__code__in=codes,
        )
        for student, course, code in rows.order_by().values_list(
            "student", "course", "course__code"
        ):
            row = self.rows.get((student, course))
            # What was decided here is not in the database yet.
            if row is None or row.status == Status.COMPLETED:
                self.completed.setdefault((student, code), set()).add(course)

    def _missing(self, change: EnrollmentChange) -> Iterable[ValidationError]:
        if change.student_id not in self.students:
            yield _not_found(
                _("There is no student with the id %(student_id)s."), student_id=change.student_id
            )
        if change.course_id not in self.courses:
            yield _not_found(
                _("There is no course with the id %(course_id)s."), course_id=change.course_id
            )

    def _outcome(self, transition: Transition, before: Status | None) -> Outcome | None:
        """What coming from `before` is called; None where nothing is to be done, or nothing can."""
        if transition.seats_waiting and before == Status.WAITLISTED and self.options.override:
            return Outcome.REACTIVATED
        return transition.outcomes.get(before)

    def _refusals(
        self, student: Student, course: Course, *, check_window: bool = True
    ) -> list[ValidationError]:
        missing = [
            code for code in course.prerequisites if not self.completed.get((student.id, code))
        ]
        return list(
            find_refusals(
                student,
                course,
                taken=self.taken[course.id],
                today=self.today,
                missing=missing,
                check_window=check_window,
            )
        )

    def _set_status(
        self, row: Enrollment | None, pair: tuple[int, int], after: Status
    ) -> Enrollment:
        student, course = pair
        before = row.status if row else None
        if row is None:
            row = self.rows[pair] = self._new(student, course, after)
            self.created.append(row)
        elif row.id:
            self.changed[row.id] = row
            self.promoted.pop(row.id, None)
        if after == Status.ACTIVE:
            row.enrolled_at = self.now
        if after == Status.WAITLISTED:
            self._enqueue(row)
        if Status.COMPLETED in (before, after):
            completed = self.completed.setdefault((student, self.courses[course].code), set())
            (completed.add if after == Status.COMPLETED else completed.discard)(course)
            self.settled_courses.clear()
        if after != Status.ACTIVE:
            self.settled_courses.discard(course)
        row.status, row.updated_at = after, self.now
        self.taken[course] += (after == Status.ACTIVE) - (before == Status.ACTIVE)
        self.waiting[course] += (after == Status.WAITLISTED) - (before == Status.WAITLISTED)
        return row

    def _new(self, student: int, course: int, status: Status) -> Enrollment:
        values = {
            "id": None,
            "student_id": student,
            "course_id": course,
            "status": status,
            "enrolled_at": self.now,
            "updated_at": self.now,
        }
        return self._linked(build_instance(Enrollment, values.items(), adding=True))

    def _enqueue(self, row: Enrollment) -> None:
        queue = self._queue(self.courses[row.course_id])
        queue[:] = [other for other in queue if other is not row]
        # After everybody who waits, whatever the clocks of the servers say.
        row.enrolled_at = max(self.now, queue[-1].enrolled_at + INSTANT) if queue else self.now
        queue.append(row)

    def _linked(self, row: Enrollment) -> Enrollment:
        row._state.fields_cache.update(
            student=self.students[row.student_id], course=self.courses[row.course_id]
        )
        return row


def _not_found(message: Any, **key: int) -> ValidationError:
    return ValidationError(message, code="not_found", params=key)


def _no_such_move(before: Status | None, transition: Transition) -> ValidationError:
    message = _("An enrollment that is %(before)s cannot become %(after)s.")
    params = {
        "before": before and LocalizedStr(before, before.label),
        "after": LocalizedStr(transition.status, transition.status.label),
    }
    return ValidationError(message, code="invalid_status", params=params)
