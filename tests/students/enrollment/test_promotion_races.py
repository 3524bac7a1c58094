"""Students move up while they enroll, or move up, in another course that excludes the first.

The rule that one course excludes the other is one of these tests.
"""

from time import sleep
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.decisions import EnrollmentDecisions
from students.enrollment.rules import STUDENT, PairError
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Options, Outcome
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from tests.students.enrollment.test_races import at_once
from tests.unlocked import take_out_lock_of_promoted

WAIT = Options(waitlist=True)
ROUNDS = [20, pytest.param(200, marks=pytest.mark.slow)]


@pytest.fixture(autouse=True)
def one_course_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse a second course to everybody."""
    find_refusals = EnrollmentDecisions._find_refusals

    def find_more(self: Any, student: Student, course: Course, **how: Any) -> list[PairError]:
        refusals = find_refusals(self, student, course, **how)
        rows = Enrollment.objects.filter(student=student).values_list("course", "status")
        statuses = dict(rows)
        for (student_id, course_id), row in self.snapshot.enrollments.items():
            if student_id == student.pk:
                statuses[course_id] = row.status
        statuses.pop(course.pk, None)
        if Status.ACTIVE in statuses.values():
            refusals.append(PairError("Another course", "other", {}, field=STUDENT))
        return refusals

    monkeypatch.setattr(EnrollmentDecisions, "_find_refusals", find_more)


@pytest.fixture
def slow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for the others between the decision and the write."""
    save = service._save

    def wait_and_save(decisions: EnrollmentDecisions) -> None:
        sleep(0.003)
        save(decisions)

    monkeypatch.setattr(service, "_save", wait_and_save)


def enroll_or_wait(student: Student, course: Course) -> Outcome:
    changes = [EnrollmentChange(student.pk, course.pk)]
    [result] = service.apply_changes(changes, WAIT, all_or_nothing=False)
    return result.outcome


def withdraw(student: Student, course: Course) -> None:
    service.withdraw([(student.pk, course.pk)])


def courses_of(student: Student) -> list[int]:
    """The courses in which the student is active."""
    rows = Enrollment.objects.filter(student=student, status=Status.ACTIVE)
    return list(rows.values_list("course", flat=True))


def leave_while_the_waiter_enrolls() -> list[int]:
    full, other = CourseFactory.create(capacity=1), CourseFactory.create()
    seated, waiter = StudentFactory.create_batch(2)
    for student in (seated, waiter):
        enroll_or_wait(student, full)
    at_once(lambda: withdraw(seated, full), lambda: enroll_or_wait(waiter, other))
    return courses_of(waiter)


def leave_two_courses_of_one_waiter() -> list[int]:
    courses = CourseFactory.create_batch(2, capacity=1)
    *seated, waiter = StudentFactory.create_batch(3)
    for student, course in zip(seated, courses, strict=True):
        enroll_or_wait(student, course)
        enroll_or_wait(waiter, course)
    at_once(lambda: withdraw(seated[0], courses[0]), lambda: withdraw(seated[1], courses[1]))
    return courses_of(waiter)


SCENES = [leave_while_the_waiter_enrolls, leave_two_courses_of_one_waiter]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_writes")
class TestRaces:
    @pytest.mark.parametrize("rounds", ROUNDS)
    @pytest.mark.parametrize("race", SCENES)
    def test_the_waiter_has_one_of_two_courses(self, race: Any, rounds: int) -> None:
        assert [len(race()) for _ in range(rounds)] == [1] * rounds

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
    @pytest.mark.parametrize("race", SCENES)
    def test_without_the_lock_of_who_moves_up_it_is_both(
        self, race: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: it shows that the races above are some."""
        take_out_lock_of_promoted(monkeypatch.setattr)
        assert any(len(race()) == 2 for _ in range(100))


def waiting_for(number: int) -> tuple[Student, Course, list[Course]]:
    """A student, whose course keeps the student out of others with free seats to wait for."""
    student, mine = StudentFactory.create(), CourseFactory.create()
    others = CourseFactory.create_batch(number, capacity=0)
    for course in others:
        enroll_or_wait(student, course)
    enroll_or_wait(student, mine)
    Course.objects.filter(pk__in=[course.pk for course in others]).update(capacity=1)
    return student, mine, others


@pytest.mark.django_db
class TestLeaving:
    def test_moves_the_queues_in_which_the_student_waits(self) -> None:
        student, mine, others = waiting_for(3)
        taken = [mine, *others]
        for course in taken:
            assert courses_of(student) == [course.pk]
            withdraw(student, course)
        assert courses_of(student) == []

    def test_keeps_the_places_in_the_other_queues(self) -> None:
        student, mine, others = waiting_for(2)
        withdraw(student, mine)
        row = Enrollment.objects.with_position().get(student=student, course=others[1])
        assert (row.status, row.position) == (Status.WAITLISTED, 1)

    def test_is_previewed(self) -> None:
        student, mine, others = waiting_for(2)
        change = EnrollmentChange(student.pk, mine.pk, WITHDRAW)
        with service.collect_promotions() as promoted:
            service.apply_changes([change], validate_only=True)
        assert [row.course_id for row in promoted] == [others[0].pk]
        assert courses_of(student) == [mine.pk]

    def test_moves_them_after_all_changes_of_the_request(self) -> None:
        student, mine, _others = waiting_for(1)
        wanted = CourseFactory.create()
        changes = [
            EnrollmentChange(student.pk, mine.pk, WITHDRAW),
            EnrollmentChange(student.pk, wanted.pk),
        ]
        service.apply_changes(changes)
        assert courses_of(student) == [wanted.pk]

    def test_takes_as_many_queries_for_many_queues(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scenes = [waiting_for(number) for number in (1, 5)]
        # Without the rule of these tests, which has a query for each student and course.
        monkeypatch.undo()
        numbers = []
        for student, mine, _others in scenes:
            with CaptureQueriesContext(connection) as queries:
                withdraw(student, mine)
            numbers.append(len(queries))
        assert numbers[0] == numbers[1]
