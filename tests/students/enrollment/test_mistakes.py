"""Enrollments entered by mistake, and completions that are undone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import (
    ACTIVATE,
    ACTIVATE_OR_REOPEN,
    COMPLETE,
    DEFAULT_OPTIONS,
    WITHDRAW_MISTAKE,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
    Result,
    Transition,
)
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db


def apply(row: Enrollment, transition: Transition, options: Options = DEFAULT_OPTIONS) -> Result:
    change = EnrollmentChange(row.student_id, row.course_id, transition)
    [result] = service.apply_changes([change], options)
    return result


class TestMistake:
    def test_is_a_withdrawal_and_recorded(self) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create())
        result = apply(row, WITHDRAW_MISTAKE)
        assert result.outcome == Outcome.WITHDRAWN
        row.refresh_from_db()
        assert (row.status, row.by_mistake) == (Status.WITHDRAWN, True)
        assert Enrollment.history.filter(id=row.pk).latest().by_mistake is True

    def test_is_cleared_when_the_student_is_enrolled_again(self) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create())
        apply(row, WITHDRAW_MISTAKE)
        service.enroll([(row.student_id, row.course_id)])
        row.refresh_from_db()
        assert (row.status, row.by_mistake) == (Status.ACTIVE, False)
        service.withdraw([(row.student_id, row.course_id)])
        row.refresh_from_db()
        assert row.by_mistake is False

    def test_the_database_accepts_it_only_for_a_withdrawn_enrollment(self) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create())
        statement = "UPDATE students_enrollment SET by_mistake = %s WHERE id = %s"
        with (
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [True, row.pk])


class TestReopening:
    @pytest.fixture
    def completed(self) -> Enrollment:
        return enrolled(StudentFactory.create(), CourseFactory.create(capacity=1), Status.COMPLETED)

    def test_gives_the_seat_back(self, completed: Enrollment) -> None:
        assert apply(completed, ACTIVATE_OR_REOPEN).outcome == Outcome.REACTIVATED
        completed.refresh_from_db()
        assert completed.status == Status.ACTIVE

    def test_checks_no_other_rule(self) -> None:
        over = timezone.localdate() - timedelta(days=9)
        term = TermFactory.create(enrollment_closes_on=over)
        course = CourseFactory.create(term=term, is_open=False, prerequisites=["NO-1"])
        student = StudentFactory.create(is_active=False)
        row = enrolled(student, course, Status.COMPLETED)
        assert apply(row, ACTIVATE_OR_REOPEN).outcome == Outcome.REACTIVATED

    @pytest.mark.parametrize("options", [Options(), Options(waitlist=True)])
    def test_is_refused_if_somebody_else_has_the_seat(
        self, completed: Enrollment, options: Options
    ) -> None:
        service.enroll([(StudentFactory.create().pk, completed.course_id)])
        with pytest.raises(Refused) as refused:
            apply(completed, ACTIVATE_OR_REOPEN, options)
        assert [reason.code for reason in refused.value.error_list] == ["course_full"]
        completed.refresh_from_db()
        assert completed.status == Status.COMPLETED

    def test_needs_its_own_transition(self, completed: Enrollment) -> None:
        with pytest.raises(Refused) as refused:
            apply(completed, ACTIVATE)
        assert [reason.code for reason in refused.value.error_list] == ["invalid_status"]

    def test_takes_back_the_prerequisite(self) -> None:
        first = CourseFactory.create(code="FIRST-1")
        second: Course = CourseFactory.create(prerequisites=["FIRST-1"])
        row = enrolled(StudentFactory.create(), first)
        apply(row, COMPLETE)
        apply(row, ACTIVATE_OR_REOPEN)
        with pytest.raises(Refused) as refused:
            service.enroll([(row.student_id, second.pk)])
        assert [reason.code for reason in refused.value.error_list] == ["prerequisite_missing"]
