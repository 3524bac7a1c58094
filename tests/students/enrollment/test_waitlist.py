"""The waitlist: it moves in the order of arrival, in the transaction that makes it possible."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from core.db.transactions import atomic_with_reruns
from core.formatting import LocalizedValue
from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import decisions, service
from students.enrollment.rules import find_refusals
from students.enrollment.transitions import (
    ACTIVATE,
    COMPLETE,
    ENROLL,
    IMPORT_TRANSITIONS,
    WITHDRAW,
    WITHDRAW_OR_CORRECT,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
)
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.queries import count_queries

pytestmark = pytest.mark.django_db
WAIT = Options(waitlist=True)


def full(
    *, seats: int = 1, waiters: int = 2, **more: Any
) -> tuple[Course, list[Student], list[Student]]:
    """A course with no seat left: it, those who have the seats, those who wait."""
    course = CourseFactory(capacity=seats, **more)
    students = StudentFactory.create_batch(seats + waiters)
    service.enroll([(student.pk, course.pk) for student in students], WAIT)
    return course, students[:seats], students[seats:]


def standing(course: Course, *students: Student) -> list[str]:
    rows = dict(Enrollment.objects.filter(course=course).values_list("student", "status"))
    return [rows[student.pk] for student in students]


def forget_numbers(*students: Student) -> None:
    """Leave waiting rows as a server writes them that does not know `waitlist_number` yet."""
    with connection.cursor() as cursor:
        for student in students:
            cursor.execute(
                "UPDATE students_enrollment SET waitlist_number = NULL "
                "WHERE status = 'waitlisted' AND student_id = %s",
                [student.pk],
            )


def queue(course: Course) -> list[int]:
    rows = {
        row.position: row.student_id
        for row in Enrollment.objects.filter(
            course=course, status=Status.WAITLISTED
        ).with_position()
    }
    return [rows[place] for place in range(1, len(rows) + 1)]


class TestJoining:
    def test_who_finds_the_course_full_waits_in_the_order_of_coming(self) -> None:
        course, _seated, waiters = full(waiters=3)
        assert queue(course) == [student.pk for student in waiters]

    def test_is_only_for_a_course_that_is_full(self) -> None:
        [result] = service.enroll([(StudentFactory().pk, CourseFactory(capacity=1).pk)], WAIT)
        assert result.outcome == Outcome.CREATED

    def test_is_for_nobody_whom_another_rule_refuses(self) -> None:
        course, _seated, _waiters = full(waiters=0)
        with pytest.raises(Refused) as refused:
            service.enroll([(StudentFactory(is_active=False).pk, course.pk)], WAIT)
        assert [reason.code for reason in refused.value.error_list] == [
            "student_inactive",
            "course_full",
        ]

    def test_asking_again_is_unchanged_and_keeps_the_place(self) -> None:
        course, _seated, waiters = full()
        [result] = service.enroll([(waiters[0].pk, course.pk)], WAIT)
        assert result.outcome == Outcome.UNCHANGED
        assert queue(course) == [student.pk for student in waiters]

    def test_who_withdrew_comes_to_the_end(self) -> None:
        course, _seated, waiters = full()
        service.withdraw([(waiters[0].pk, course.pk)])
        [result] = service.enroll([(waiters[0].pk, course.pk)], WAIT)
        assert (result.outcome, result.enrollment and result.enrollment.position) == (
            Outcome.WAITLISTED,
            2,
        )
        assert queue(course) == [waiters[1].pk, waiters[0].pk]

    def test_a_clock_that_goes_back_does_not_change_the_order(self, time_machine: Any) -> None:
        course, _seated, waiters = full(waiters=1)
        time_machine.move_to(timezone.now() - timedelta(hours=1))
        late = StudentFactory()
        service.enroll([(late.pk, course.pk)], WAIT)
        assert queue(course) == [waiters[0].pk, late.pk]

    def test_takes_no_seat(self) -> None:
        course, _seated, _waiters = full(seats=1, waiters=3)
        row = Course.objects.with_seats().get(pk=course.pk)
        assert (row.taken, row.waiting) == (1, 3)

    def test_what_was_overridden_to_wait_is_on_record(self) -> None:
        course, student = CourseFactory(capacity=0, is_open=False), StudentFactory()
        [result] = service.enroll(
            [(student.pk, course.pk)],
            Options(waitlist=True, override=["course_closed", "window_closed"]),
        )
        assert result.outcome == Outcome.WAITLISTED
        assert Enrollment.history.model.objects.get().override == ["course_closed"]


class TestMovingUp:
    def test_by_a_withdrawal(self) -> None:
        course, seated, waiters = full()
        with record_changes_as(Door.STAFF, reason="ill"):
            service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *seated, *waiters) == ["withdrawn", "active", "waitlisted"]
        last = Enrollment.objects.get(student=waiters[0]).history.latest("history_id")
        assert (last.status, last.door, last.history_change_reason) == (
            "active",
            "staff",
            "Moved up from the waitlist.",
        )

    def test_by_a_completion(self) -> None:
        course, seated, waiters = full()
        service.apply_changes([EnrollmentChange(seated[0].pk, course.pk, COMPLETE)])
        assert standing(course, *waiters) == ["active", "waitlisted"]

    def test_by_a_set_replaced(self) -> None:
        course, seated, waiters = full()
        service.replace_courses(seated[0].pk, [])
        assert standing(course, *waiters) == ["active", "waitlisted"]

    @pytest.mark.parametrize(
        ("capacity", "expected"),
        [(2, ["active", "waitlisted"]), (3, ["active", "active"]), (None, ["active", "active"])],
    )
    def test_by_a_higher_capacity(self, capacity: int | None, expected: list[str]) -> None:
        course, _seated, waiters = full()
        course.capacity = capacity
        course.save()
        assert standing(course, *waiters) == expected

    def test_by_a_course_opened_again(self) -> None:
        course, seated, waiters = full()
        course.is_open = False
        course.save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted", "waitlisted"]
        course.is_open = True
        course.save()
        assert standing(course, *waiters) == ["active", "waitlisted"]

    def test_by_a_changed_window(self) -> None:
        course, seated, waiters = full()
        term = course.term
        term.enrollment_closes_on = timezone.localdate() - timedelta(days=1)
        term.save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted", "waitlisted"]
        term.enrollment_closes_on = None
        term.save()
        assert standing(course, *waiters) == ["active", "waitlisted"]

    def test_passes_over_who_cannot_be_enrolled_and_keeps_their_place(self) -> None:
        course, seated, waiters = full()
        waiters[0].is_active = False
        waiters[0].save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted", "active"]
        assert queue(course) == [waiters[0].pk]

    def test_by_a_student_active_again(self) -> None:
        course, seated, waiters = full(waiters=1)
        waiters[0].is_active = False
        waiters[0].save()
        service.withdraw([(seated[0].pk, course.pk)])
        waiters[0].is_active = True
        waiters[0].save()
        assert standing(course, *waiters) == ["active"]

    def test_by_a_prerequisite_completed(self) -> None:
        before = CourseFactory(code="BIO-1")
        course, seated, waiters = full(waiters=1)
        enrolled(waiters[0], before)
        course.prerequisites = ["BIO-1"]
        course.save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted"]
        service.apply_changes([EnrollmentChange(waiters[0].pk, before.pk, COMPLETE)])
        assert standing(course, *waiters) == ["active"]

    def test_by_prerequisites_taken_away(self) -> None:
        CourseFactory(code="BIO-1")
        course, seated, waiters = full(waiters=1)
        course.prerequisites = ["BIO-1"]
        course.save()
        service.withdraw([(seated[0].pk, course.pk)])
        course.prerequisites = []
        course.save()
        assert standing(course, *waiters) == ["active"]

    @pytest.mark.parametrize("fields", [None, ["code"]])
    def test_by_a_code_corrected_of_what_was_completed(self, fields: list[str] | None) -> None:
        CourseFactory(code="BIO-1")
        misnamed = CourseFactory(code="BIO-01")
        course, seated, waiters = full(waiters=2)
        enrolled(waiters[1], misnamed, Status.COMPLETED)
        course.prerequisites = ["BIO-1"]
        course.save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted", "waitlisted"]
        misnamed.code = "BIO-1"
        misnamed.save(update_fields=fields)
        assert standing(course, *waiters) == ["waitlisted", "active"]

    def test_by_the_calendar_at_the_next_write_before_anybody_else(self, time_machine: Any) -> None:
        today = timezone.localdate()
        course, seated, waiters = full(
            waiters=1, term=TermFactory(ends_on=today + timedelta(days=90))
        )
        term = course.term
        term.enrollment_opens_on = today + timedelta(days=7)
        term.save()
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted"]
        time_machine.move_to(timezone.now() + timedelta(days=8))
        with pytest.raises(Refused):
            service.enroll([(StudentFactory().pk, course.pk)])
        [result] = service.enroll([(StudentFactory().pk, course.pk)], WAIT)
        assert result.outcome == Outcome.WAITLISTED
        assert standing(course, *waiters) == ["active"]

    def test_by_the_calendar_when_the_one_who_waits_is_given_the_seat_by_hand(
        self, time_machine: Any
    ) -> None:
        today = timezone.localdate()
        course, seated, waiters = full(
            waiters=1, term=TermFactory(ends_on=today + timedelta(days=90))
        )
        term = course.term
        term.enrollment_opens_on = today + timedelta(days=7)
        term.save()
        service.withdraw([(seated[0].pk, course.pk)])
        time_machine.move_to(timezone.now() + timedelta(days=8))
        service.apply_changes([EnrollmentChange(waiters[0].pk, course.pk, ACTIVATE)])
        assert standing(course, *waiters) == ["active"]

    def test_of_several_into_several_seats_in_one_list(self) -> None:
        course, seated, waiters = full(seats=3, waiters=4)
        service.withdraw([(student.pk, course.pk) for student in seated[:2]])
        assert standing(course, *waiters) == ["active", "active", "waitlisted", "waitlisted"]

    def test_not_when_the_list_fails(self) -> None:
        course, seated, waiters = full()
        records = Enrollment.history.model.objects.count()
        with pytest.raises(Refused):
            service.apply_changes(
                [
                    EnrollmentChange(seated[0].pk, course.pk, WITHDRAW),
                    EnrollmentChange(seated[0].pk, CourseFactory(capacity=0).pk),
                ]
            )
        assert standing(course, *seated, *waiters) == ["active", "waitlisted", "waitlisted"]
        assert Enrollment.history.model.objects.count() == records

    def test_not_while_more_seats_are_taken_than_there_are(self) -> None:
        course, seated, waiters = full(seats=2, waiters=1)
        Course.objects.filter(pk=course.pk).update(capacity=1)
        service.withdraw([(seated[0].pk, course.pk)])
        assert standing(course, *waiters) == ["waitlisted"]

    def test_before_whoever_comes_in_the_same_list(self) -> None:
        course, seated, waiters = full()
        newcomer = StudentFactory()
        results = service.apply_changes(
            [
                EnrollmentChange(seated[0].pk, course.pk, WITHDRAW),
                EnrollmentChange(newcomer.pk, course.pk),
            ],
            WAIT,
        )
        assert [result.outcome for result in results] == [Outcome.WITHDRAWN, Outcome.WAITLISTED]
        assert standing(course, *seated, *waiters, newcomer) == [
            "withdrawn",
            "active",
            "waitlisted",
            "waitlisted",
        ]

    def test_and_out_again_in_the_same_list(self) -> None:
        course, seated, waiters = full()
        newcomer = StudentFactory()
        pairs = [
            (seated[0], WITHDRAW),
            (newcomer, ENROLL),
            (waiters[0], WITHDRAW),
            (waiters[0], ENROLL),
        ]
        service.apply_changes(
            [EnrollmentChange(student.pk, course.pk, transition) for student, transition in pairs],
            WAIT,
        )
        assert standing(course, *seated, waiters[1], newcomer, waiters[0]) == [
            "withdrawn",
            "active",
            "waitlisted",
            "waitlisted",
        ]
        assert queue(course) == [newcomer.pk, waiters[0].pk]

    def test_when_an_import_completes(self) -> None:
        course, seated, waiters = full(waiters=1)
        service.decide_and_save(
            [EnrollmentChange(seated[0].pk, course.pk, IMPORT_TRANSITIONS[Status.COMPLETED])]
        )
        assert standing(course, *waiters) == ["active"]


class TestOverride:
    def test_accepts_the_refusals_that_it_names_and_is_recorded(self) -> None:
        course, _seated, _waiters = full(waiters=0, is_open=True)
        student = StudentFactory()
        with record_changes_as(Door.API, reason="the dean asked"):
            [result] = service.enroll(
                [(student.pk, course.pk)], Options(override={"course_full", "course_closed"})
            )
        assert result.outcome == Outcome.CREATED
        record = Enrollment.objects.get(student=student).history.get()
        assert (record.override, record.history_change_reason) == (
            ["course_full"],
            "the dean asked",
        )

    def test_leaves_the_others(self) -> None:
        course, _seated, _waiters = full(waiters=0)
        with pytest.raises(Refused) as refused:
            service.enroll([(StudentFactory().pk, course.pk)], Options(override={"course_closed"}))
        assert [reason.code for reason in refused.value.error_list] == ["course_full"]

    def test_lets_who_waits_in_over_capacity(self) -> None:
        course, _seated, waiters = full()
        [result] = service.enroll([(waiters[1].pk, course.pk)], Options(override={"course_full"}))
        assert result.outcome == Outcome.REACTIVATED
        assert standing(course, *waiters) == ["waitlisted", "active"]

    def test_of_something_else_leaves_who_waits_where_they_are(self) -> None:
        course, _seated, waiters = full()
        [result] = service.enroll([(waiters[1].pk, course.pk)], Options(override={"course_closed"}))
        assert result.outcome == Outcome.UNCHANGED
        assert standing(course, *waiters) == ["waitlisted", "waitlisted"]

    def test_in_a_set_is_meant_for_the_courses_that_are_new_in_it(self) -> None:
        course, _seated, waiters = full()
        other = CourseFactory(capacity=0)
        wanted = [
            EnrollmentChange(waiters[1].pk, course.pk),
            EnrollmentChange(waiters[1].pk, other.pk),
        ]
        results = service.replace_courses(waiters[1].pk, wanted, Options(override={"course_full"}))
        assert [result.outcome for result in results] == [Outcome.UNCHANGED, Outcome.CREATED]
        assert standing(course, *waiters) == ["waitlisted", "waitlisted"]

    def test_is_recorded_only_for_whom_it_was_needed(self) -> None:
        course, free = CourseFactory(capacity=0), CourseFactory()
        student = StudentFactory()
        service.enroll(
            [(student.pk, course.pk), (student.pk, free.pk)], Options(override={"course_full"})
        )
        assert Enrollment.objects.get(course=free).history.get().override == []


def unprepared(course: Course) -> Course:
    """Give `course` a prerequisite that nobody has completed."""
    course.prerequisites = [CourseFactory().code]
    course.save()
    return course


class TestOverrideWhileWaiting:
    """rules.md: "An override stands while one waits."."""

    UNPREPARED = Options(waitlist=True, override={"prerequisite_missing"})

    def test_gives_the_seat_to_the_student_who_waited_longest(self) -> None:
        course, [seated], _ = full(waiters=0)
        unprepared(course)
        first, second = StudentFactory.create_batch(2)
        for student in (first, second):
            [result] = service.enroll([(student.pk, course.pk)], self.UNPREPARED)
            assert result.outcome == Outcome.WAITLISTED
        service.withdraw([(seated.pk, course.pk)])
        assert standing(course, first, second) == ["active", "waitlisted"]
        assert Enrollment.objects.get(student=first).overridden == ["prerequisite_missing"]

    def test_is_kept_and_recorded_when_it_is_given_later(self) -> None:
        course, [seated], [waiter] = full(waiters=1)
        unprepared(course)
        with record_changes_as(Door.API, reason="the dean asked"):
            [result] = service.enroll([(waiter.pk, course.pk)], self.UNPREPARED)
        assert result.outcome == Outcome.UNCHANGED
        row = Enrollment.objects.get(student=waiter)
        assert row.overridden == ["prerequisite_missing"]
        record = row.history.latest("history_id")
        assert (record.override, record.history_change_reason, record.overridden) == (
            ["prerequisite_missing"],
            "the dean asked",
            ["prerequisite_missing"],
        )
        records = Enrollment.history.count()
        service.enroll([(waiter.pk, course.pk)], self.UNPREPARED)
        assert Enrollment.history.count() == records
        service.withdraw([(seated.pk, course.pk)])
        assert standing(course, waiter) == ["active"]

    def test_stays_through_completion_and_ends_with_the_withdrawal(self) -> None:
        course, student = unprepared(CourseFactory()), StudentFactory()
        [result] = service.enroll([(student.pk, course.pk)], self.UNPREPARED)
        assert result.enrollment
        assert result.enrollment.overridden == ["prerequisite_missing"]
        service.apply_changes([EnrollmentChange(student.pk, course.pk, COMPLETE)])
        assert Enrollment.objects.get().overridden == ["prerequisite_missing"]
        service.apply_changes([EnrollmentChange(student.pk, course.pk, WITHDRAW_OR_CORRECT)])
        assert Enrollment.objects.get().overridden == []

    def test_of_a_full_course_is_not_kept(self) -> None:
        course, student = CourseFactory(capacity=0), StudentFactory()
        service.enroll([(student.pk, course.pk)], Options(override={"course_full"}))
        assert Enrollment.objects.get().overridden == []

    def test_is_not_kept_by_a_preview_or_a_refused_request(self) -> None:
        course, _seated, [waiter] = full(waiters=1)
        unprepared(course)
        wishes = [EnrollmentChange(waiter.pk, course.pk)]
        service.apply_changes(wishes, self.UNPREPARED, validate_only=True)
        with pytest.raises(Refused):
            service.apply_changes([*wishes, EnrollmentChange(404, course.pk)], self.UNPREPARED)
        assert Enrollment.objects.get(student=waiter).overridden == []

    def test_is_shown_in_the_api(self, api: APIClient) -> None:
        course, student = unprepared(CourseFactory()), StudentFactory()
        body = {"student_id": student.pk, "course_id": course.pk, "reason": "x"}
        answer = api.post("/api/v1/enrollments", {**body, "override": ["prerequisite_missing"]})
        assert answer.json()["overridden"] == ["prerequisite_missing"]
        [row] = api.get("/api/v1/enrollments").json()["results"]
        assert row["overridden"] == ["prerequisite_missing"]


class TestTermOver:
    def end_term(self, course: Course) -> None:
        course.term.ends_on = timezone.localdate() - timedelta(days=1)
        course.term.save()

    def test_nobody_moves_up_whatever_was_overridden(self) -> None:
        course, [seated], [waiter] = full(waiters=1)
        self.end_term(course)
        service.enroll([(waiter.pk, course.pk)], Options(waitlist=True, override={"term_over"}))
        service.apply_changes([EnrollmentChange(seated.pk, course.pk, COMPLETE)])
        assert standing(course, seated, waiter) == ["completed", "waitlisted"]

    def test_a_completion_there_moves_other_waitlists(self) -> None:
        past, student = CourseFactory(), StudentFactory()
        enrolled(student, past)
        course, [seated], _ = full(waiters=0)
        service.enroll([(student.pk, course.pk)], WAIT)
        course.prerequisites = [past.code]
        course.save()
        service.withdraw([(seated.pk, course.pk)])
        assert standing(course, student) == ["waitlisted"]
        self.end_term(past)
        service.apply_changes([EnrollmentChange(student.pk, past.pk, COMPLETE)])
        assert standing(course, student) == ["active"]

    def test_a_longer_term_moves_its_waitlists(self) -> None:
        course, [seated], [waiter] = full(waiters=1)
        self.end_term(course)
        service.withdraw([(seated.pk, course.pk)])
        assert standing(course, waiter) == ["waitlisted"]
        course.term.ends_on = timezone.localdate()
        course.term.save()
        assert standing(course, waiter) == ["active"]


class TestPrerequisites:
    def test_are_asked_by_code_in_any_term(self) -> None:
        earlier = CourseFactory(code="BIO-1")
        CourseFactory(code="CHM-1")
        course = CourseFactory(prerequisites=["BIO-1", "CHM-1"])
        student = StudentFactory()
        enrolled(student, earlier, Status.COMPLETED)
        with pytest.raises(Refused) as refused:
            service.enroll([(student.pk, course.pk)])
        [reason] = refused.value.error_list
        assert (reason.code, reason.params) == (
            "prerequisite_missing",
            {
                "course": str(course),
                "course_id": course.pk,
                "missing": LocalizedValue("CHM-1", "CHM-1"),
                "unmet": [{"any": ["CHM-1"], "concurrent": False}],
            },
        )
        enrolled(student, CourseFactory(code="CHM-1"), Status.COMPLETED)
        assert service.enroll([(student.pk, course.pk)])[0].outcome == Outcome.CREATED

    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.WITHDRAWN])
    def test_are_met_only_by_completion(self, status: Status) -> None:
        before = CourseFactory(code="BIO-1")
        course, student = CourseFactory(prerequisites=["BIO-1"]), StudentFactory()
        enrolled(student, before, status)
        with pytest.raises(Refused):
            service.enroll([(student.pk, course.pk)])

    def test_completed_in_the_same_list_count(self) -> None:
        before = CourseFactory(code="BIO-1")
        course, student = CourseFactory(prerequisites=["BIO-1"]), StudentFactory()
        results = service.apply_changes(
            [
                EnrollmentChange(student.pk, before.pk, IMPORT_TRANSITIONS[Status.COMPLETED]),
                EnrollmentChange(student.pk, course.pk),
            ]
        )
        assert [result.outcome for result in results] == [Outcome.CREATED, Outcome.CREATED]

    @pytest.mark.parametrize("waiting", [False, True])
    def test_withdrawn_in_the_same_list_count_no_more(self, waiting: bool) -> None:
        before, student = CourseFactory(code="BIO-1"), StudentFactory()
        course, seated, _waiters = full(waiters=0)
        Course.objects.filter(pk=course.pk).update(prerequisites=["BIO-1"])
        enrolled(student, before, Status.COMPLETED)
        if waiting:
            service.enroll([(student.pk, course.pk)], WAIT)
        changes = [
            EnrollmentChange(student.pk, before.pk, IMPORT_TRANSITIONS[Status.WITHDRAWN]),
            EnrollmentChange(seated[0].pk, course.pk, WITHDRAW),
            EnrollmentChange(student.pk, course.pk),
        ]
        results = service.apply_changes(changes, all_or_nothing=False)
        assert results[2].outcome == (Outcome.UNCHANGED if waiting else Outcome.REFUSED)
        assert not student.enrollments.filter(status=Status.ACTIVE).exists()

    def test_withdrawn_in_one_term_count_where_they_are_completed_in_another(self) -> None:
        first, second = CourseFactory(code="BIO-1"), CourseFactory(code="BIO-1")
        course, student = CourseFactory(prerequisites=["BIO-1"]), StudentFactory()
        for one in (first, second):
            enrolled(student, one, Status.COMPLETED)
        results = service.apply_changes(
            [
                EnrollmentChange(student.pk, first.pk, IMPORT_TRANSITIONS[Status.WITHDRAWN]),
                EnrollmentChange(student.pk, course.pk),
            ]
        )
        assert results[1].outcome == Outcome.CREATED


def test_who_waits_and_has_completed_what_the_course_asks_for_moves_up() -> None:
    course, seated, waiters = full(waiters=2)
    enrolled(waiters[1], CourseFactory(code="BIO-1"), Status.COMPLETED)
    Course.objects.filter(pk=course.pk).update(prerequisites=["BIO-1"])
    service.withdraw([(seated[0].pk, course.pk)])
    assert standing(course, *waiters) == ["waitlisted", "active"]


def test_records_tell_a_change_from_a_beginning() -> None:
    course, [seated], [waiter] = full(waiters=1)
    service.withdraw([(seated.pk, course.pk)])
    kinds = {
        student.pk: list(
            Enrollment.history.filter(student=student)
            .order_by("history_id")
            .values_list("history_type", flat=True)
        )
        for student in (seated, waiter)
    }
    assert kinds == {seated.pk: ["+", "~"], waiter.pk: ["+", "~"]}


class TestWithinOneList:
    @pytest.mark.parametrize("was_there", [False, True])
    def test_a_seat_goes_to_who_has_just_begun_to_wait(self, was_there: bool) -> None:
        course, [seated], _waiters = full(waiters=0)
        student = StudentFactory()
        if was_there:
            enrolled(student, course, Status.WITHDRAWN)
        records = Enrollment.history.filter(student=student).count()
        service.apply_changes(
            [
                EnrollmentChange(student.pk, course.pk),
                EnrollmentChange(seated.pk, course.pk, WITHDRAW),
            ],
            WAIT,
        )
        assert standing(course, seated, student) == ["withdrawn", "active"]
        assert Enrollment.history.filter(student=student).count() == records + 1

    def test_who_moved_up_and_is_withdrawn_after_all_has_one_record_of_it(self) -> None:
        course, [seated], waiters = full()
        changes = [
            EnrollmentChange(seated.pk, course.pk, WITHDRAW),
            # Nobody is enrolled before the queue was asked.
            EnrollmentChange(StudentFactory().pk, course.pk),
            EnrollmentChange(waiters[0].pk, course.pk, WITHDRAW),
        ]
        service.apply_changes(changes, all_or_nothing=False)
        assert standing(course, seated, *waiters) == ["withdrawn", "withdrawn", "active"]
        assert [Enrollment.history.filter(student=student).count() for student in waiters] == [2, 2]

    def test_who_is_enrolled_and_withdrawn_has_one_record_of_it(self) -> None:
        student, course = StudentFactory(), CourseFactory()
        service.apply_changes(
            [
                EnrollmentChange(student.pk, course.pk),
                EnrollmentChange(student.pk, course.pk, WITHDRAW),
            ]
        )
        assert standing(course, student) == ["withdrawn"]
        assert [(record.history_type, record.status) for record in Enrollment.history.all()] == [
            ("+", "withdrawn")
        ]

    def test_the_queue_moves_as_often_as_there_is_a_seat(self) -> None:
        course, seated, waiters = full(seats=2)
        newcomer = StudentFactory()
        changes = [
            EnrollmentChange(seated[0].pk, course.pk, WITHDRAW),
            EnrollmentChange(newcomer.pk, course.pk),
            EnrollmentChange(seated[1].pk, course.pk, WITHDRAW),
        ]
        results = service.apply_changes(changes, all_or_nothing=False)
        assert [result.outcome for result in results] == [
            Outcome.WITHDRAWN,
            Outcome.REFUSED,
            Outcome.WITHDRAWN,
        ]
        assert standing(course, *waiters) == ["active", "active"]


class TestLongQueues:
    """What a list costs where many wait whom no free seat helps."""

    def test_are_looked_through_once_while_nothing_changes_for_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        course, _seated, waiters = full(waiters=3)
        Course.objects.filter(pk=course.pk).update(capacity=9, is_open=False)
        asked: list[int] = []

        def noted(student: Student, course: Course, **more: Any) -> Any:
            asked.append(student.pk)
            return find_refusals(student, course, **more)

        monkeypatch.setattr(decisions, "find_refusals", noted)
        newcomers = StudentFactory.create_batch(4)
        service.apply_changes(
            [EnrollmentChange(student.pk, course.pk) for student in newcomers], all_or_nothing=False
        )
        assert asked == [student.pk for student in (*waiters, *newcomers)]

    def test_are_read_together(self) -> None:
        student = StudentFactory()
        courses = [full()[0] for _ in range(3)]

        def wait(*some: Course) -> int:
            return count_queries(
                lambda: service.apply_changes(
                    [EnrollmentChange(student.pk, course.pk) for course in some],
                    WAIT,
                    validate_only=True,
                )
            )

        assert wait(courses[0]) == wait(*courses)

    def test_are_read_together_where_a_term_changes(self) -> None:
        courses = [full()[0].pk for _ in range(3)]
        Course.objects.update(capacity=9, is_open=False)
        assert count_queries(lambda: service.promote_waiting(courses[:1])) == count_queries(
            lambda: service.promote_waiting(courses)
        )

    @atomic_with_reruns
    def test_are_not_read_where_nobody_can_move(self) -> None:
        [roomy, crowded] = [full()[0].pk for _ in range(2)]
        Course.objects.filter(pk=roomy).update(capacity=9)
        moved = decisions.decide_changes([], more_courses=[roomy, crowded])
        assert moved.waitlists.rows.keys() == {roomy}


class TestPartial:
    def test_what_can_be_done_is_done(self) -> None:
        student, good, bad = StudentFactory(), CourseFactory(), CourseFactory(capacity=0)
        results = service.apply_changes(
            [EnrollmentChange(student.pk, bad.pk), EnrollmentChange(student.pk, good.pk)],
            all_or_nothing=False,
        )
        assert [result.outcome for result in results] == [Outcome.REFUSED, Outcome.CREATED]
        assert Enrollment.objects.get().course == good

    def test_validate_only_tells_and_writes_nothing(self) -> None:
        course, seated, waiters = full()
        records = Enrollment.history.model.objects.count()
        newcomer = StudentFactory()
        results = service.apply_changes(
            [
                EnrollmentChange(seated[0].pk, course.pk, WITHDRAW),
                EnrollmentChange(newcomer.pk, course.pk),
                EnrollmentChange(404, course.pk),
            ],
            WAIT,
            validate_only=True,
        )
        assert [result.outcome for result in results] == [
            Outcome.WITHDRAWN,
            Outcome.WAITLISTED,
            Outcome.REFUSED,
        ]
        assert standing(course, *seated, *waiters) == ["active", "waitlisted", "waitlisted"]
        assert Enrollment.history.model.objects.count() == records


@pytest.mark.parametrize("without", [[3], [2, 3], [0, 1, 2, 3]])
def test_waiting_rows_without_a_number_keep_the_place_of_their_arrival(
    client: Client, user_of: Callable[[str], User], without: list[int]
) -> None:
    course, seated, waiters = full(waiters=4)
    forget_numbers(*(waiters[index] for index in without))
    last = StudentFactory()
    service.enroll([(last.pk, course.pk)], WAIT)
    waiters.append(last)
    assert queue(course) == [student.pk for student in waiters]
    client.force_login(user_of("Registrar"))
    rows = list(client.get(f"/courses/{course.pk}/roster.csv").content.decode().splitlines())
    assert [row.split(",")[0] for row in rows[2:]] == [student.number for student in waiters]
    for promoted in waiters:
        service.withdraw([(seated[-1].pk, course.pk)])
        seated.append(promoted)
        assert standing(course, promoted) == ["active"]
    assert queue(course) == []
