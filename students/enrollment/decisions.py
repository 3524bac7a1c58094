"""Decides by the rules what a list of changes does to each enrollment. Nothing is written here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.formatting import LocalizedValue
from courses.models import Course
from courses.requirements import Requirement, find_opening_codes, has_concurrent
from students.enrollment.locks import lock_promoted
from students.enrollment.other_courses import OtherCourse
from students.enrollment.prerequisites import find_excluding, find_unmet
from students.enrollment.rules import COURSE, STUDENT, PairError, PairField, Refusal, find_refusals
from students.enrollment.snapshot import Snapshot
from students.enrollment.transitions import (
    DEFAULT_OPTIONS,
    EnrollmentChange,
    Options,
    Outcome,
    Result,
    Transition,
)
from students.enrollment.waitlist import Waitlists
from students.models import Enrollment, Status, Student


def decide_changes(
    changes: Sequence[EnrollmentChange],
    options: Options = DEFAULT_OPTIONS,
    more_courses: Iterable[int] = (),
    *,
    locks: bool = True,
) -> EnrollmentDecisions:
    """Decide each of `changes` in turn, then give the seats that are left to those who wait.

    `more_courses` are courses whose waitlists shall move too. With `locks`, students and courses
    are locked; this needs a transaction, in which the caller writes what was decided. Raises
    RunAgain.
    """
    more_courses = {*more_courses}
    unmet: UnmetAtEnd = {}
    while True:
        snapshot = Snapshot(changes, more_courses, locks=locks)
        decisions = EnrollmentDecisions(snapshot, options, unmet)
        decisions.add_results(changes)
        if found := decisions.find_unmet_at_end():
            # What these courses rest on was refused, so they are refused as well.
            unmet = {**unmet, **found}
            continue
        decisions.promote_all_waiting()
        if opened := decisions.find_opened_courses():
            more_courses |= opened
            unmet = {}
            continue
        promoted = {row.student_id for row in decisions.promoted.values()}
        if not (locks and lock_promoted(promoted)):
            return decisions
        # Those who move up may have enrolled elsewhere before they were locked: decide it again.
        unmet = {}


# By student id and course id: the prerequisites that are not met at the end of the request.
UnmetAtEnd = Mapping[tuple[int, int], Sequence[Requirement]]


class EnrollmentDecisions:
    """The results of a list of changes, and the rows to write.

    Where a prerequisite may be taken at the same time, all enrollments that the request asks for
    count, wherever they are in it. Those of `unmet` have turned out to rest on a refused one.

    Attributes: `results`, one for each change; the rows `created`, `changed` and `promoted` (moved
    up from a waitlist); `overridden`, the codes of the overridden refusals by (student id, course
    id).
    """

    def __init__(
        self,
        snapshot: Snapshot,
        options: Options = DEFAULT_OPTIONS,
        unmet: UnmetAtEnd | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.options = options
        self.unmet = unmet or {}
        self.today = timezone.localdate()
        self.waitlists = Waitlists(snapshot)
        # Courses in which nobody who waits can move up before somebody leaves or completes a
        # course, begins to wait, or takes a course with one of `opening_codes`.
        self.settled_courses: set[int] = set()
        self.opening_codes: set[str] = set()
        self.has_concurrent = False
        for course in snapshot.courses.values():
            self.opening_codes |= find_opening_codes(
                course.prerequisites, accepts_in_progress=course.term.accepts_in_progress
            )
            self.has_concurrent |= has_concurrent(course.prerequisites)
        self.results: list[Result] = []
        self.created: list[Enrollment] = []
        self.changed: dict[int, Enrollment] = {}
        self.promoted: dict[int, Enrollment] = {}
        self.overridden: dict[tuple[int, int], list[str]] = {}

    def add_results(self, changes: Sequence[EnrollmentChange]) -> None:
        """Decide each of `changes` in turn."""
        if self.has_concurrent:
            self.snapshot.expect_enrollments(changes)
        for change in changes:
            self.add_result(change)

    def add_result(self, change: EnrollmentChange) -> None:
        """Decide one change, given those decided before, and append its result."""
        student = self.snapshot.students.get(change.student_id)
        course = self.snapshot.courses.get(change.course_id)
        result = dataclasses.replace(self.decide(change), student=student, course=course)
        self.results.append(result)

    def decide(self, change: EnrollmentChange) -> Result:
        """Decide one change, given those decided before."""
        if unknown := self._find_unknown(change):
            return Result(change, Outcome.REFUSED, None, unknown)
        transition = change.transition
        row = self.snapshot.enrollments.get((change.student_id, change.course_id))
        before = Status(row.status) if row else None
        outcome = self._find_outcome(transition, before)
        if outcome is None and transition.strict and before != transition.status:
            return Result(change, Outcome.REFUSED, row, (_invalid_status(before, transition),))
        if outcome is None:
            return Result(change, Outcome.UNCHANGED, row)
        if transition.status == Status.ACTIVE:
            return self._enroll(change, row, outcome)
        return Result(change, outcome, self._set_status(change, row, transition.status))

    def _find_unknown(self, change: EnrollmentChange) -> tuple[PairError, ...]:
        errors = []
        if change.student_id not in self.snapshot.students:
            errors.append(_find_unknown_error(change, STUDENT))
        if change.course_id not in self.snapshot.courses:
            errors.append(_find_unknown_error(change, COURSE))
        return tuple(errors)

    def _find_outcome(self, transition: Transition, before: Status | None) -> Outcome | None:
        """The outcome if nothing is refused; None where there is nothing to do, or no way."""
        if transition.seats_waiting and before == Status.WAITLISTED and self.options.override:
            return Outcome.REACTIVATED
        return transition.outcomes.get(before)

    def _enroll(self, change: EnrollmentChange, row: Enrollment | None, outcome: Outcome) -> Result:
        """Give a seat, or a place on the waitlist, unless a rule refuses."""
        student = self.snapshot.students[change.student_id]
        course = self.snapshot.courses[change.course_id]
        # Those who wait come before the student of this change.
        self.promote_waiting(course)
        if row is not None and row.status == Status.ACTIVE:
            # The student was among those who waited, and has just moved up.
            return Result(change, outcome, row)

        before = row.status if row is not None else None
        refusals = self._find_refusals(
            student, course, check_window=self.options.check_window, is_requested=True
        )
        if row is not None and before == Status.WAITLISTED:
            # What was overridden when the student was put on the waitlist stays overridden.
            refusals = [error for error in refusals if error.code not in row.overridden]
        if before == Status.COMPLETED:
            # Undoing a completion needs nothing but a free seat.
            refusals = [error for error in refusals if error.code == Refusal.COURSE_FULL]
        remaining = tuple(error for error in refusals if not self.options.overrides(error))
        # A rule can refuse several times, for several other courses.
        accepted = list({str(error.code): None for error in refusals if error not in remaining})
        only_full = [error.code for error in remaining] == [Refusal.COURSE_FULL]
        may_wait = self.options.waitlist and only_full and before != Status.COMPLETED
        may_stay = may_wait or not change.transition.strict
        if remaining and row is not None and before == Status.WAITLISTED and may_stay:
            self._keep_overrides(row, accepted)
            return Result(change, Outcome.UNCHANGED, row)
        if remaining and not may_wait:
            return Result(change, Outcome.REFUSED, row, remaining)
        if remaining:
            outcome = Outcome.WAITLISTED
            row = self._set_status(change, row, Status.WAITLISTED)
        else:
            row = self._set_status(change, row, Status.ACTIVE)
        self._record_overrides(row, accepted)
        return Result(change, outcome, row)

    def _keep_overrides(self, row: Enrollment, codes: Sequence[str]) -> None:
        """Record overrides for an enrollment that stays on the waitlist."""
        if not set(codes) <= {Refusal.COURSE_FULL}:
            row.updated_at = self.snapshot.times.updated_at
            if row.id:
                self.changed[row.id] = row
            self.settled_courses.discard(row.course_id)
            self._record_overrides(row, [code for code in codes if code != Refusal.COURSE_FULL])

    def _record_overrides(self, row: Enrollment, codes: Sequence[str]) -> None:
        """Put the overridden refusals into the history, and all but course_full into the row."""
        if not codes:
            return
        self.overridden[row.student_id, row.course_id] = [*codes]
        kept = [*row.overridden, *(code for code in codes if code != Refusal.COURSE_FULL)]
        row.overridden = sorted(set(kept), key=Refusal.values.index)

    def find_unmet_at_end(self) -> UnmetAtEnd:
        """Find enrollments of this request whose prerequisites are not met at its end after all."""
        found: dict[tuple[int, int], Sequence[Requirement]] = {}
        rows = self._find_concurrent_rows() if self.has_concurrent else []
        courses = self.snapshot.other_courses
        while True:
            new = {
                (row.student_id, row.course_id): unmet
                for row in rows
                if (unmet := self._find_unmet_concurrent(row))
            }
            if not new:
                return found
            found |= new
            # What rests on these is not met either.
            for row in rows:
                if (row.student_id, row.course_id) in new:
                    other = OtherCourse.of(row.course)
                    courses.set_status(row.student_id, other, Status.WITHDRAWN)
            rows = [row for row in rows if (row.student_id, row.course_id) not in new]

    def _find_concurrent_rows(self) -> list[Enrollment]:
        """The rows that this request has enrolled where a prerequisite may be taken with it."""
        return [
            result.enrollment
            for result in self.results
            if result.enrollment
            and result.change.transition.status == Status.ACTIVE
            and result.outcome not in (Outcome.REFUSED, Outcome.UNCHANGED)
            and has_concurrent(result.enrollment.course.prerequisites)
            and Refusal.PREREQUISITE_MISSING not in result.enrollment.overridden
            and (result.change.student_id, result.change.course_id) not in self.unmet
        ]

    def _find_unmet_concurrent(self, row: Enrollment) -> list[Requirement]:
        courses = self.snapshot.other_courses
        taken = courses.find_taken(row.student, row.course)
        completed = courses.find_completed(row.student, row.course)
        unmet = find_unmet(row.course, completed=completed, taken=taken, taken_at_end=taken)
        return [requirement for requirement in unmet if requirement.concurrent]

    def _get_code(self, row: Enrollment) -> str:
        return self.snapshot.courses[row.course_id].code

    def promote_all_waiting(self) -> None:
        """Give the free seats of all courses to those who wait."""
        while True:
            for course in self.snapshot.courses.values():
                self.promote_waiting(course)
            if not any(map(self._can_promote, self.snapshot.courses.values())):
                return

    def find_opened_courses(self) -> set[int]:
        """The courses for which those who moved up may have become eligible by that.

        Courses that were read are left out: their waitlists have moved.
        """
        opened: set[int] = set()
        for row in self.promoted.values():
            opened |= self.snapshot.other_courses.find_opened(row.student_id, self._get_code(row))
        return opened - self.snapshot.courses.keys()

    def promote_waiting(self, course: Course) -> None:
        """Give the course's free seats to those who wait, in the order of arrival.

        A student whom a rule refuses at this moment is passed over and keeps the place.
        """
        if not self._can_promote(course):
            return
        for row in self._read_waitlist(course):
            student = self.snapshot.students.get(row.student_id) or row.student
            if (
                row.status == Status.WAITLISTED
                and self.snapshot.has_free_seat(course)
                and self._is_eligible(row, student, course)
            ):
                self._promote(row)
        self.settled_courses.add(course.id)

    def _is_eligible(self, row: Enrollment, student: Student, course: Course) -> bool:
        """Whether a waiting student can move up, given the refusals overridden before.

        Nobody moves up in a course that is over, whatever was overridden.
        """
        ignored = set(row.overridden) - {Refusal.TERM_OVER}
        refusals = self._find_refusals(student, course)
        return all(error.code in ignored for error in refusals)

    def _can_promote(self, course: Course) -> bool:
        """Whether anybody waits, a seat is free, and this was not tried in vain before."""
        return (
            bool(self.snapshot.waiting[course.id])
            and course.id not in self.settled_courses
            and self.snapshot.has_free_seat(course)
        )

    def _read_waitlist(self, course: Course) -> list[Enrollment]:
        if course.id not in self.waitlists.rows:
            # In the same query, the waitlists that will probably be needed next.
            ids = {course.id}
            for other in self.snapshot.courses.values():
                if self.options.waitlist or self._can_promote(other):
                    ids.add(other.id)
            self.waitlists.read(ids)
        return self.waitlists.rows[course.id]

    def _promote(self, row: Enrollment) -> None:
        self._unsettle(row, Status.ACTIVE)
        self.snapshot.count_move(row, row.status, Status.ACTIVE)
        row.status = Status.ACTIVE
        row.waitlist_number = None
        row.enrolled_at = self.snapshot.times.now
        row.updated_at = self.snapshot.times.updated_at
        # Rows that the list of changes creates or changes are written as such.
        if row.id and row.id not in self.changed:
            self.promoted[row.id] = row

    def _find_refusals(
        self,
        student: Student,
        course: Course,
        *,
        check_window: bool = True,
        is_requested: bool = False,
    ) -> list[PairError]:
        """The refusals of a pair. `is_requested`: this request asks for it."""
        others = self.snapshot.other_courses
        completed = others.find_completed(student, course)
        taken = taken_at_end = others.find_taken(student, course)
        if is_requested and self.has_concurrent:
            taken_at_end = others.find_taken_at_end(student, course)
        unmet = find_unmet(course, completed=completed, taken=taken, taken_at_end=taken_at_end)
        if is_requested and self.unmet:
            unmet = [*dict.fromkeys([*unmet, *self.unmet.get((student.pk, course.pk), ())])]
        refusals = find_refusals(
            student,
            course,
            taken=self.snapshot.taken[course.id],
            today=self.today,
            unmet=unmet,
            excluding=find_excluding(course, others.find_taken_or_completed(student, course)),
            others=taken,
            load=others.find_load(student, course),
            check_window=check_window,
        )
        return list(refusals)

    def _set_status(
        self, change: EnrollmentChange, row: Enrollment | None, after: Status
    ) -> Enrollment:
        """Give the pair of `change` this status, and remember the row to write."""
        before = row.status if row else None
        if row is None:
            row = self._build(change, after)
            self.snapshot.add(row)
            self.created.append(row)
        elif row.id:
            self.changed[row.id] = row
            self.promoted.pop(row.id, None)
        if after in (Status.ACTIVE, Status.WAITLISTED):
            row.enrolled_at = self.snapshot.times.now
        if after == Status.WAITLISTED:
            self._read_waitlist(self.snapshot.courses[row.course_id])
            self.waitlists.append(row)
        else:
            row.waitlist_number = None
        if Status.WITHDRAWN in (before, after):
            row.overridden = []
        row.status = after
        row.by_mistake = change.transition.by_mistake and after == Status.WITHDRAWN
        row.updated_at = self.snapshot.times.updated_at
        self.snapshot.count_move(row, before, after)
        self._unsettle(row, after)
        return row

    def _unsettle(self, row: Enrollment, after: Status) -> None:
        """Let courses be tried again for which somebody may be eligible by this new status."""
        if after == Status.WAITLISTED:
            self.settled_courses.discard(row.course_id)
        elif after != Status.ACTIVE or self._get_code(row) in self.opening_codes:
            self.settled_courses.clear()

    def _build(self, change: EnrollmentChange, status: Status) -> Enrollment:
        return Enrollment(
            student_id=change.student_id,
            course_id=change.course_id,
            status=status,
            enrolled_at=self.snapshot.times.now,
            updated_at=self.snapshot.times.updated_at,
        )

    def set_positions(self) -> None:
        """Set `position` on the enrollments of the results that are on a waitlist."""
        courses = {
            result.change.course_id
            for result in self.results
            if result.enrollment and result.enrollment.status == Status.WAITLISTED
        }
        self.waitlists.set_positions(courses)


def _find_unknown_error(change: EnrollmentChange, side: PairField) -> PairError:
    if side in change.keys:
        return change.keys[side].find_error()
    if side == STUDENT:
        message = _("There is no student with the id %(student_id)s.")
        return PairError(message, "not_found", {side: change.student_id}, field=side)
    message = _("There is no course with the id %(course_id)s.")
    return PairError(message, "not_found", {side: change.course_id}, field=side)


def _invalid_status(before: Status | None, transition: Transition) -> PairError:
    message = _("An enrollment that is %(before)s cannot become %(after)s.")
    after = transition.status
    params = {
        "before": before and LocalizedValue(before.value, before.label),
        "after": LocalizedValue(after.value, after.label),
    }
    return PairError(message, "invalid_status", params, field=COURSE)
