"""The one writer."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Term
from students.enrollment import service
from students.enrollment.transitions import (
    ACTIVATE,
    COMPLETE,
    ENROLL,
    IMPORT_TRANSITIONS,
    WITHDRAW,
    WITHDRAW_OR_CORRECT,
    WITHDRAW_STRICTLY,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
    Transition,
)
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status
from tests.queries import executed_statements

pytestmark = pytest.mark.django_db


def history_of(row: Enrollment) -> list[str]:
    return list(row.history.order_by("history_id").values_list("status", flat=True))


def codes(error: Refused) -> list[str | None]:
    return [reason.code for reason in error.error_list]


class TestEnroll:
    def test_creates_an_active_row_with_one_history_record(self) -> None:
        student, course = StudentFactory(), CourseFactory()
        with record_changes_as(Door.STAFF, reason="asked by phone"):
            [result] = service.enroll([(student.pk, course.pk)])
        row = Enrollment.objects.get()
        assert (result.outcome, result.enrollment) == (Outcome.CREATED, row)
        assert (row.student, row.course, row.status) == (student, course, Status.ACTIVE)
        record = row.history.get()
        assert (record.history_type, record.door, record.history_change_reason, record.status) == (
            "+",
            "staff",
            "asked by phone",
            "active",
        )

    def test_an_active_pair_is_unchanged_and_writes_nothing(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=1))
        [result] = service.enroll([(row.student_id, row.course_id)])
        assert (result.outcome, result.enrollment) == (Outcome.UNCHANGED, row)
        assert history_of(row) == ["active"]
        assert Enrollment.objects.get().updated_at == row.updated_at

    def test_an_active_pair_is_unchanged_even_where_a_new_one_would_be_refused(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        type(row.course).objects.update(is_open=False)
        [result] = service.enroll([(row.student_id, row.course_id)])
        assert result.outcome == Outcome.UNCHANGED

    @pytest.mark.parametrize("status", [Status.COMPLETED])
    def test_a_completed_pair_is_not_opened_again(self, status: Status) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), status)
        [result] = service.enroll([(row.student_id, row.course_id)])
        assert result.outcome == Outcome.UNCHANGED
        assert Enrollment.objects.get().status == status

    def test_a_withdrawn_pair_is_reactivated_in_the_same_row(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        service.withdraw([(row.student_id, row.course_id)])
        [result] = service.enroll([(row.student_id, row.course_id)])
        again = Enrollment.objects.get()
        assert (result.outcome, again.pk, again.status) == (
            Outcome.REACTIVATED,
            row.pk,
            Status.ACTIVE,
        )
        assert again.enrolled_at > row.enrolled_at
        assert history_of(row) == ["active", "withdrawn", "active"]

    def test_a_withdrawn_pair_is_checked_again(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=0), Status.WITHDRAWN)
        with pytest.raises(Refused) as refused:
            service.enroll([(row.student_id, row.course_id)])
        assert codes(refused.value) == ["course_full"]
        assert Enrollment.objects.get().status == Status.WITHDRAWN

    def test_one_refusal_of_a_list_writes_nothing(self) -> None:
        student, good, full = StudentFactory(), CourseFactory(), CourseFactory(capacity=0)
        with pytest.raises(Refused) as refused:
            service.enroll([(student.pk, good.pk), (student.pk, full.pk)])
        assert [result.outcome for result in refused.value.results] == [
            Outcome.CREATED,
            Outcome.REFUSED,
        ]
        assert not Enrollment.objects.exists()
        assert not Enrollment.history.model.objects.exists()

    def test_seats_are_counted_within_the_list(self) -> None:
        course = CourseFactory(capacity=1)
        first, second = StudentFactory.create_batch(2)
        with pytest.raises(Refused) as refused:
            service.enroll([(first.pk, course.pk), (second.pk, course.pk)])
        assert codes(refused.value) == ["course_full"]

    def test_the_same_pair_twice_in_a_list_is_one_row(self) -> None:
        student, course = StudentFactory(), CourseFactory(capacity=1)
        results = service.enroll([(student.pk, course.pk)] * 2)
        assert [result.outcome for result in results] == [Outcome.CREATED, Outcome.UNCHANGED]
        assert results[1].enrollment == Enrollment.objects.get()

    def test_a_seat_freed_in_the_list_can_be_taken_in_it(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=1))
        other = StudentFactory()
        results = service.apply_changes(
            [
                EnrollmentChange(row.student_id, row.course_id, WITHDRAW),
                EnrollmentChange(other.pk, row.course_id),
            ]
        )
        assert [result.outcome for result in results] == [Outcome.WITHDRAWN, Outcome.CREATED]

    def test_only_active_rows_take_seats(self) -> None:
        course = CourseFactory(capacity=1)
        for status in (Status.COMPLETED, Status.WITHDRAWN):
            enrolled(StudentFactory(), course, status)
        assert service.enroll([(StudentFactory().pk, course.pk)])[0].outcome == Outcome.CREATED

    def test_unknown_ids_are_named(self) -> None:
        course = CourseFactory()
        with pytest.raises(Refused) as refused:
            service.enroll([(404, course.pk), (StudentFactory().pk, 405)])
        assert refused.value.messages == [
            "There is no student with the id 404.",
            "There is no course with the id 405.",
        ]
        assert codes(refused.value) == ["not_found", "not_found"]

    def test_an_empty_list_does_nothing(self) -> None:
        assert service.enroll([]) == []


class TestWithdraw:
    def test_keeps_the_row(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        [result] = service.withdraw([(row.student_id, row.course_id)])
        assert (result.outcome, Enrollment.objects.get().status) == (
            Outcome.WITHDRAWN,
            Status.WITHDRAWN,
        )
        assert Enrollment.objects.get().enrolled_at == row.enrolled_at
        assert history_of(row) == ["active", "withdrawn"]

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.WITHDRAWN])
    def test_leaves_what_is_not_current(self, status: Status) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), status)
        [result] = service.withdraw([(row.student_id, row.course_id)])
        assert (result.outcome, Enrollment.objects.get().status) == (Outcome.UNCHANGED, status)

    def test_a_pair_that_never_was_is_unchanged(self) -> None:
        [result] = service.withdraw([(StudentFactory().pk, CourseFactory().pk)])
        assert (result.outcome, result.enrollment) == (Outcome.UNCHANGED, None)

    def test_asks_no_rule(self) -> None:
        course = CourseFactory()
        row = enrolled(StudentFactory(), course)
        type(course).objects.filter(pk=course.pk).update(is_open=False, capacity=0)
        type(row.student).objects.update(is_active=False)
        assert service.withdraw([(row.student_id, course.pk)])[0].outcome == Outcome.WITHDRAWN


class TestReplace:
    def test_makes_exactly_these_current(self) -> None:
        student = StudentFactory()
        stays, goes, comes, done = CourseFactory.create_batch(4)
        for course, status in (
            (stays, Status.ACTIVE),
            (goes, Status.ACTIVE),
            (done, Status.COMPLETED),
        ):
            enrolled(student, course, status)
        results = service.replace_courses(
            student.pk,
            [EnrollmentChange(student.pk, comes.pk), EnrollmentChange(student.pk, stays.pk)],
        )
        assert [(result.change.course_id, result.outcome) for result in results] == [
            (comes.pk, Outcome.CREATED),
            (stays.pk, Outcome.UNCHANGED),
            (goes.pk, Outcome.WITHDRAWN),
        ]
        assert set(Enrollment.objects.current().values_list("course", flat=True)) == {
            stays.pk,
            comes.pk,
        }
        assert Enrollment.objects.get(course=done).status == Status.COMPLETED

    def test_a_refusal_leaves_everything_as_it_was(self) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        with pytest.raises(Refused):
            service.replace_courses(
                row.student_id, [EnrollmentChange(row.student_id, CourseFactory(capacity=0).pk)]
            )
        assert Enrollment.objects.get().status == Status.ACTIVE


@pytest.mark.parametrize(
    ("before", "transition", "after"),
    [
        (Status.ACTIVE, COMPLETE, Status.COMPLETED),
        (Status.COMPLETED, COMPLETE, Status.COMPLETED),
        (Status.WITHDRAWN, COMPLETE, None),
        (Status.ACTIVE, WITHDRAW_STRICTLY, Status.WITHDRAWN),
        (Status.COMPLETED, WITHDRAW_STRICTLY, None),
        (Status.COMPLETED, WITHDRAW_OR_CORRECT, Status.WITHDRAWN),
        (Status.ACTIVE, WITHDRAW_OR_CORRECT, Status.WITHDRAWN),
        (Status.WITHDRAWN, ACTIVATE, Status.ACTIVE),
        (Status.ACTIVE, ACTIVATE, Status.ACTIVE),
        (Status.COMPLETED, ACTIVATE, None),
        (Status.ACTIVE, IMPORT_TRANSITIONS[Status.COMPLETED], Status.COMPLETED),
        (Status.WITHDRAWN, IMPORT_TRANSITIONS[Status.COMPLETED], Status.COMPLETED),
        (Status.COMPLETED, IMPORT_TRANSITIONS[Status.WITHDRAWN], Status.WITHDRAWN),
        (Status.COMPLETED, IMPORT_TRANSITIONS[Status.ACTIVE], Status.COMPLETED),
    ],
)
def test_from_one_status_to_another(
    before: Status, transition: Transition, after: Status | None
) -> None:
    row = enrolled(StudentFactory(), CourseFactory(), before)
    change = EnrollmentChange(row.student_id, row.course_id, transition, "/status")
    if after is None:
        with pytest.raises(Refused) as refused:
            service.apply_changes([change])
        assert codes(refused.value) == ["invalid_status"]
        after = before
    else:
        service.apply_changes([change])
    assert Enrollment.objects.get().status == after
    assert len(history_of(row)) == (1 if after == before else 2)


def test_the_window_is_not_asked_when_told_so(db: None) -> None:
    term = TermFactory(enrollment_closes_on=timezone.localdate() - timedelta(days=1))
    change = EnrollmentChange(StudentFactory().pk, CourseFactory(term=term).pk)
    [asked] = service.decide_and_save([change])
    assert asked.outcome == Outcome.REFUSED
    [result] = service.decide_and_save([change], Options(check_window=False))
    assert result.outcome == Outcome.CREATED


def test_takes_as_many_queries_for_many_as_for_one() -> None:
    course = CourseFactory(capacity=100)
    one, *many = StudentFactory.create_batch(20)
    # Savepoint, seven reads, the rows, their history, release; PostgreSQL: the announcement too.
    queries = 12 if connection.vendor == "postgresql" else 11
    for students in ([one], many):
        with CaptureQueriesContext(connection) as captured:
            service.enroll([(student.pk, course.pk) for student in students])
        assert len(executed_statements(captured)) == queries


@pytest.mark.parametrize("before", [None, *Status])
@pytest.mark.parametrize("transition", [ENROLL, WITHDRAW, ACTIVATE, COMPLETE, WITHDRAW_OR_CORRECT])
def test_tells_of_the_row_what_the_database_has(
    before: Status | None, transition: Transition
) -> None:
    student, course = StudentFactory(), CourseFactory()
    if before == Status.WAITLISTED:
        course = CourseFactory(capacity=0)
        service.enroll([(student.pk, course.pk)], Options(waitlist=True))
    elif before:
        enrolled(student, course, before)
    [result] = service.apply_changes(
        [EnrollmentChange(student.pk, course.pk, transition)], all_or_nothing=False
    )
    stored = (
        Enrollment.objects.filter(student=student)
        .values("pk", "status", "enrolled_at", "updated_at")
        .first()
    )
    assert stored == (
        result.enrollment
        and {
            name: getattr(result.enrollment, name)
            for name in ("pk", "status", "enrolled_at", "updated_at")
        }
    )


def test_a_term_that_was_deleted_meanwhile_is_told_as_the_database_tells_it() -> None:
    student, course = StudentFactory(), CourseFactory()

    @transaction.atomic
    def enroll_in_a_course_that_another_took_the_term_of() -> None:
        # The database looks at the end of a transaction whether what rows refer to is there.
        Term.objects.filter(pk=course.term_id)._raw_delete("default")
        service.enroll([(student.pk, course.pk)])

    with pytest.raises(IntegrityError, match="deleted meanwhile"):
        enroll_in_a_course_that_another_took_the_term_of()
    assert not Enrollment.objects.exists()
