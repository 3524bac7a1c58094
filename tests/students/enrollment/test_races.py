"""Races of threads on connections of their own. Controls show that each fails without a lock."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from django.db import connection

from courses.factories import CourseFactory
from students.enrollment import service
from students.enrollment.decisions import EnrollmentDecisions
from students.enrollment.transitions import EnrollmentChange, Outcome, Refused
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.unlocked import take_out_locks

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run each job in a thread and on a connection of its own, all at once. Return the results."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(10)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def enroll(student: Student, course: Any) -> Callable[[], str]:
    def job() -> str:
        try:
            return str(service.enroll([(student.pk, course.pk)])[0].outcome.value)
        except Refused as refused:
            return str(refused.error_list[0].code)

    return job


def seats_race(clients: int, seats: int) -> tuple[Counter[str], int]:
    course = CourseFactory(capacity=seats)
    done = Counter(
        at_once(*(enroll(student, course) for student in StudentFactory.create_batch(clients)))
    )
    return done, Enrollment.objects.filter(course=course, status=Status.ACTIVE).count()


@pytest.mark.parametrize("_round", range(5))
def test_the_last_seats_go_to_as_many_as_there_are(_round: int) -> None:
    assert seats_race(12, 3) == (Counter(created=3, course_full=9), 3)


def test_without_the_lock_seats_are_oversold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it shows that the race above is one."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's lock is the IMMEDIATE transaction itself: see the control below.")
    take_out_locks(monkeypatch.setattr)
    slow_down_decisions(monkeypatch)
    _done, taken = seats_race(8, 1)
    assert taken > 1


def test_without_immediate_transactions_sqlite_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has the control above.")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "transaction_mode", "DEFERRED")
    slow_down_decisions(monkeypatch)
    with pytest.raises(Exception, match="database is locked"):
        seats_race(8, 1)


def slow_down_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for the others between the count and the write."""
    decide = EnrollmentDecisions.decide

    def slowly(self: Any, change: EnrollmentChange) -> Any:
        sleep(0.05)
        return decide(self, change)

    monkeypatch.setattr(EnrollmentDecisions, "decide", slowly)


@pytest.mark.parametrize("_round", range(3))
def test_the_same_wish_many_times_at_once_is_one_row(_round: int) -> None:
    student, course = StudentFactory(), CourseFactory()
    assert Counter(at_once(*[enroll(student, course)] * 12)) == Counter(created=1, unchanged=11)
    assert Enrollment.objects.count() == 1
    assert Enrollment.history.model.objects.count() == 1


def test_lists_in_opposite_orders_do_not_wait_for_each_other_forever() -> None:
    courses, students = CourseFactory.create_batch(4), StudentFactory.create_batch(8)
    orders = (courses, courses[::-1])

    def job(number: int) -> Callable[[], int]:
        pairs = [
            (student.pk, course.pk)
            for course in orders[number % 2]
            for student in (students, students[::-1])[number % 2]
        ]
        return lambda: len(service.enroll(pairs))

    assert at_once(*(job(number) for number in range(6))) == [32] * 6
    assert Enrollment.objects.count() == 32


def test_a_set_is_exact_even_while_others_add() -> None:
    student = StudentFactory()
    courses = CourseFactory.create_batch(10)
    wanted = [EnrollmentChange(student.pk, course.pk) for course in courses[:2]]
    adds = [enroll(student, course) for course in courses[2:]]
    at_once(lambda: service.replace_courses(student.pk, wanted), *adds)
    service.replace_courses(student.pk, wanted)
    assert set(Enrollment.objects.current().values_list("course", flat=True)) == {
        course.pk for course in courses[:2]
    }


def test_a_withdrawal_and_an_enrollment_share_the_last_seat() -> None:
    course = CourseFactory(capacity=1)
    row = enrolled(StudentFactory(), course)
    at_once(
        lambda: service.withdraw([(row.student_id, course.pk)]),
        *(enroll(student, course) for student in StudentFactory.create_batch(6)),
    )
    assert Enrollment.objects.filter(status=Status.ACTIVE).count() <= 1


def test_a_student_is_not_deleted_under_an_enrollment() -> None:
    for _ in range(5):
        student, course = StudentFactory(), CourseFactory()

        def delete(student: Student = student) -> str:
            try:
                student.delete()
            except Exception as error:  # noqa: BLE001 (told by its name)
                return type(error).__name__
            return "deleted"

        deleted, outcome = at_once(delete, enroll(Student(pk=student.pk), course))
        assert (deleted, outcome) in {
            ("deleted", "not_found"),
            ("ProtectedError", Outcome.CREATED.value),
        }
        assert (
            Enrollment.objects.filter(student_id=student.pk).exists()
            == Student.objects.filter(pk=student.pk).exists()
        )


def test_repeatable_read_as_the_servers_default_changes_nothing() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("A setting of PostgreSQL.")
    name = connection.settings_dict["NAME"]
    set_for_new_connections(
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"
    )
    try:
        assert seats_race(12, 3) == (Counter(created=3, course_full=9), 3)
    finally:
        set_for_new_connections(f"ALTER DATABASE {name} RESET default_transaction_isolation")


def set_for_new_connections(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
