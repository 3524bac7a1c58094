"""Random operations on the product and on a reference model: both agree after every step."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.imports.csv_reader import ImportRejected
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.rules import OVERRIDABLE
from students.enrollment.transitions import (
    COMPLETE,
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
    Result,
)
from students.factories import StudentFactory
from students.imports import import_enrollments
from students.models import CreditLimit, Enrollment, Status
from tests.students.enrollment.reference import Requirement, School, Wish

# The runs are random, so each database, and each time, has other ones.
RUNS = int(os.environ.get("SCHOOL_MODEL_RUNS", "15"))
STEPS = 50
# The last two courses are sections of one.
STUDENTS, CODES = 5, [0, 1, 2, 2]
COURSES = len(CODES)
who, what = st.integers(0, STUDENTS - 1), st.integers(0, COURSES - 1)
overrides = st.sets(st.sampled_from([refusal.value for refusal in OVERRIDABLE]), max_size=2)
TRANSITIONS = {"active": ENROLL, "withdrawn": WITHDRAW, "completed": COMPLETE}
wishes = st.lists(st.tuples(who, what, st.sampled_from([*TRANSITIONS])), min_size=1, max_size=6)
limits = st.one_of(st.none(), st.integers(0, 9))
# Hours of Monday, as (first, last) of them.
hours = st.one_of(st.none(), st.sampled_from([(8, 9), (9, 10), (8, 11), (10, 12)]))
requirements = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(CODES), min_size=1, max_size=2),
        st.sampled_from([False, True, True]),
    ),
    max_size=2,
)
# A file names courses without sections.
lines = st.dictionaries(
    st.tuples(who, st.integers(0, 1)),
    st.sampled_from(["active", "completed", "withdrawn"]),
    min_size=1,
    max_size=5,
)


def status_rows(results: Iterable[Result]) -> list[Any]:
    """What is told of each."""
    return [
        (
            result.outcome,
            result.enrollment and (result.enrollment.status, result.enrollment.position),
            [reason.code for reason in result.refusals],
        )
        for result in results
    ]


class Comparison(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.students = StudentFactory.create_batch(STUDENTS)
        self.term = TermFactory.create()
        self.courses = [
            CourseFactory.create(term=self.term, code=str(code), section=str(number), capacity=1)
            for number, code in enumerate(CODES)
        ]
        self.recorded: dict[tuple[int, int], int] = {}
        self.school = School(
            active=dict.fromkeys(range(STUDENTS), True),
            capacity=dict.fromkeys(range(COURSES), 1),
            is_open=dict.fromkeys(range(COURSES), True),
            asks_for={number: [] for number in range(COURSES)},
            code=dict(enumerate(CODES)),
            credits=dict.fromkeys(range(COURSES), 3),
        )

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def done(
        self,
        act: Callable[..., list[Result]],
        changes: list[EnrollmentChange],
        options: Options,
        **how: bool,
    ) -> list[Result]:
        """Do `act`, and check that its preview said the same. Raises Refused."""
        with service.collect_promotions() as promised:
            reported = act(changes, options, **{**how, "validate_only": True})
        refused: Refused | None = None
        with service.collect_promotions() as promoted:
            try:
                results = act(changes, options, **how)
            except Refused as error:
                refused, results = error, list(error.results)
        assert status_rows(reported) == status_rows(results)
        assert [row.pk for row in promised] == [row.pk for row in promoted]
        if refused:
            raise refused
        return results

    def change(self, student: int, course: int, transition: Any) -> EnrollmentChange:
        return EnrollmentChange(self.students[student].pk, self.courses[course].pk, transition)

    @rule(student=who, course=what, wait=st.booleans(), override=overrides)
    def enroll(self, student: int, course: int, wait: bool, override: set[str]) -> None:
        [result] = self.done(
            service.apply_changes,
            [self.change(student, course, ENROLL)],
            Options(wait, override),
            all_or_nothing=False,
        )
        self.school, [outcome] = self.school.decide(
            [(student, course, "active")],
            lambda school, _wish: school.enroll(student, course, wait=wait, override=override),
        )
        assert result.outcome == outcome

    @rule(student=who, course=what)
    def withdraw(self, student: int, course: int) -> None:
        [result] = self.done(
            service.apply_changes, [self.change(student, course, WITHDRAW)], Options()
        )
        assert result.outcome == self.school.leave(student, course, "withdrawn")
        self.school.promote_waiting()

    @rule(student=who, course=what)
    def complete(self, student: int, course: int) -> None:
        [result] = self.done(
            service.apply_changes,
            [self.change(student, course, COMPLETE)],
            Options(),
            all_or_nothing=False,
        )
        assert result.outcome == self.school.leave(student, course, "completed")
        self.school.promote_waiting()

    @rule(
        list_=wishes, wait=st.booleans(), all_or_nothing=st.booleans(), validate_only=st.booleans()
    )
    def batch(
        self,
        list_: list[tuple[int, int, str]],
        wait: bool,
        all_or_nothing: bool,
        validate_only: bool,
    ) -> None:
        def act(school: School, wish: Wish) -> str:
            student, course, status = wish
            if status == "active":
                return school.enroll(student, course, wait=wait, override=set())
            return school.leave(student, course, status)

        expected, outcomes = self.school.decide(list_, act)
        changes = [
            self.change(student, course, TRANSITIONS[status]) for student, course, status in list_
        ]
        try:
            results = self.done(
                service.apply_changes,
                changes,
                Options(wait),
                all_or_nothing=all_or_nothing,
                validate_only=validate_only,
            )
        except Refused as refused:
            assert all_or_nothing
            results = list(refused.results)
        else:
            if not validate_only:
                self.school = expected
        assert [result.outcome for result in results] == outcomes

    @rule(lines=lines, wait=st.booleans())
    def load(self, lines: dict[tuple[int, int], str], wait: bool) -> None:
        wishes = [
            (student, course, status)
            for (student, course), status in sorted(
                lines.items(), key=lambda line: line[1] == "active"
            )
        ]
        expected, outcomes = self.school.decide(
            wishes, lambda school, wish: school.load(*wish, wait=wait)
        )
        rows = [
            f"{self.students[student].number},{self.term.code},{CODES[course]},{status}"
            for (student, course), status in lines.items()
        ]
        try:
            counts = import_enrollments(
                StringIO("\n".join(["student_number,term_code,course_code,status", *rows])),
                Options(wait),
            )
        except ImportRejected:
            assert "refused" in outcomes
            return
        self.school = expected
        assert counts == Counter(outcomes)

    @rule(student=who, courses=st.sets(what), wait=st.booleans(), override=overrides)
    def replace(self, student: int, courses: set[int], wait: bool, override: set[str]) -> None:
        held = [
            course
            for course in range(COURSES)
            if self.school.status.get((student, course)) in ("active", "waitlisted")
        ]
        wanted = sorted(courses)
        wishes = [(student, course, "active") for course in wanted]
        wishes += [(student, course, "withdrawn") for course in held if course not in courses]

        def act(school: School, wish: Wish) -> str:
            _student, course, status = wish
            if status == "withdrawn":
                return school.leave(student, course, status)
            overridden = set() if course in held else override
            return school.enroll(student, course, wait=wait, override=overridden)

        expected, outcomes = self.school.decide(wishes, act)
        try:
            results = self.done(
                partial(service.replace_courses, self.students[student].pk),
                [self.change(student, course, ENROLL) for course in wanted],
                Options(wait, override),
            )
        except Refused:
            assert "refused" in outcomes
            return
        self.school = expected
        assert sorted(result.outcome for result in results) == sorted(outcomes)

    @rule(course=what, capacity=st.one_of(st.none(), st.integers(0, 4)))
    def resize(self, course: int, capacity: int | None) -> None:
        self.save(course, capacity=capacity)
        self.school.capacity[course] = capacity
        self.school.promote_waiting()

    @rule(course=what, is_open=st.booleans())
    def open_or_close(self, course: int, is_open: bool) -> None:
        self.save(course, is_open=is_open)
        self.school.is_open[course] = is_open
        self.school.promote_waiting()

    @rule(course=what, asked=requirements)
    def ask_for(self, course: int, asked: list[Requirement]) -> None:
        values = [
            {"any": [str(code) for code in sorted(codes)], "concurrent": concurrent}
            for codes, concurrent in asked
        ]
        try:
            self.save(course, prerequisites=values)
        except ValidationError:
            # Nobody could ever meet it.
            return
        self.school.asks_for[course] = asked
        self.school.promote_waiting()

    @rule(course=what, codes=st.sets(st.sampled_from(CODES), max_size=2))
    def exclude(self, course: int, codes: set[int]) -> None:
        self.save(course, excludes=[str(code) for code in sorted(codes)])
        self.school.excludes[course] = codes
        self.school.promote_waiting()

    @rule(accepts=st.booleans())
    def accept_in_progress(self, accepts: bool) -> None:
        self.term.accepts_in_progress = accepts
        self.term.save()
        self.school.accepts_in_progress = accepts
        self.school.promote_waiting()

    @rule(course=what, repeatable=st.booleans())
    def allow_to_repeat(self, course: int, repeatable: bool) -> None:
        self.save(course, repeatable=repeatable)
        self.school.repeatable -= {course}
        self.school.repeatable |= {course} if repeatable else set()
        self.school.promote_waiting()

    @rule(apart=st.booleans())
    def move_dates_of_the_last_section(self, apart: bool) -> None:
        last = COURSES - 1
        day = timezone.localdate() + timedelta(days=1000) if apart else None
        self.save(last, starts_on=day, ends_on=day)
        self.school.apart = {last} if apart else set()
        self.school.promote_waiting()

    @rule(course=what, hours=hours)
    def change_meetings(self, course: int, hours: tuple[int, int] | None) -> None:
        self.save(course, meetings="Mon {:02}:00-{:02}:00".format(*hours) if hours else "")
        minutes = range(hours[0] * 60, hours[1] * 60) if hours else ()
        self.school.minutes[course] = set(minutes)
        self.school.promote_waiting()

    @rule(course=what, number=st.integers(0, 5))
    def change_credits(self, course: int, number: int) -> None:
        self.save(course, credits=number)
        self.school.credits[course] = number
        self.school.promote_waiting()

    @rule(limit=limits)
    def limit_credits(self, limit: int | None) -> None:
        self.term.max_credits = limit
        self.term.save()
        self.school.max_credits = limit
        self.school.promote_waiting()

    @rule(student=who, limit=limits, deletes=st.booleans())
    def limit_credits_of_one(self, student: int, limit: int | None, deletes: bool) -> None:
        pair = {"student": self.students[student], "term": self.term}
        row = CreditLimit.objects.filter(**pair).first() or CreditLimit(**pair)
        if not deletes:
            row.max_credits = limit
            row.save()
            self.school.credit_limits[student] = limit
        elif row.pk:
            row.delete()
            del self.school.credit_limits[student]
        self.school.promote_waiting()

    @rule(window=st.booleans())
    def open_or_close_the_window(self, window: bool) -> None:
        self.term.enrollment_closes_on = (
            None if window else timezone.localdate() - timedelta(days=1)
        )
        self.term.save()
        self.school.window = window
        self.school.promote_waiting()

    @rule(is_over=st.booleans())
    def end_or_extend_the_term(self, is_over: bool) -> None:
        today = timezone.localdate()
        self.term.ends_on = today - timedelta(days=1) if is_over else today
        self.term.save()
        self.school.is_over = is_over
        self.school.promote_waiting()

    @rule(student=who, active=st.booleans())
    def activate(self, student: int, active: bool) -> None:
        row = self.students[student]
        row.is_active = active
        row.save()
        self.school.active[student] = active
        self.school.promote_waiting()

    def save(self, course: int, **values: Any) -> None:
        row = Course.objects.get(pk=self.courses[course].pk)
        for name, value in values.items():
            setattr(row, name, value)
        row.full_clean()
        row.save()

    @invariant()
    def agrees(self) -> None:
        student_of = {row.pk: number for number, row in enumerate(self.students)}
        course_of = {row.pk: number for number, row in enumerate(self.courses)}
        rows = list(Enrollment.objects.filter(course__in=self.courses).with_position())
        pair_of = {row.pk: (student_of[row.student_id], course_of[row.course_id]) for row in rows}
        assert {pair_of[row.pk]: row.status for row in rows} == self.school.status
        places = {pair_of[row.pk]: row.position for row in rows if row.status == Status.WAITLISTED}
        assert places == {
            (student, course): place
            for course, queue in self.school.queue.items()
            for place, student in enumerate(queue, 1)
        }
        for course in Course.objects.filter(pk__in=course_of).with_seats():
            number = course_of[course.pk]
            assert (course.taken, course.waiting) == (
                self.school.taken(number),
                len(self.school.queue[number]),
            )
            assert not any(
                self.school.may_move_up(student, number) for student in self.school.queue[number]
            ), "a free seat beside one who may have it"
        assert {pair_of[row.pk]: set(row.overridden) for row in rows} == {
            pair: self.school.overridden[pair] for pair in self.school.status
        }
        reported: dict[tuple[int, int], list[str]] = {}
        for key, status in (
            Enrollment.history.model.objects.filter(id__in=pair_of)
            .order_by("history_id")
            .values_list("id", "status")
        ):
            reported.setdefault(pair_of[key], []).append(status)
        for pair, statuses in self.school.history.items():
            # One write is one record, of where it ended.
            statuses[self.recorded.get(pair, 0) :] = statuses[self.recorded.get(pair, 0) :][-1:]
        assert reported == {
            pair: list(statuses) for pair, statuses in self.school.history.items() if statuses
        }
        self.recorded = {pair: len(statuses) for pair, statuses in reported.items()}


@pytest.mark.django_db
def test_the_product_does_what_the_reference_does() -> None:
    run_state_machine_as_test(
        Comparison,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_outcomes_are_the_same_words() -> None:
    assert {
        "created",
        "reactivated",
        "waitlisted",
        "unchanged",
        "withdrawn",
        "completed",
        "refused",
    } == set(Outcome.values)
