"""Changes of students, courses and terms while others enroll: the result obeys both."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.transitions import Options, Refused
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = [pytest.mark.django_db(transaction=True)]
# Other tests may use the same server.
COUNT_WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
"""
YESTERDAY = timezone.localdate() - timedelta(days=1)


@transaction.atomic
def change(row: Any, **values: Any) -> None:
    """As every door does it: under the lock on the row."""
    locked = type(row).objects.select_for_update(no_key=True).get(pk=row.pk)
    for name, value in values.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(values))


def meanwhile(slow: Callable[[], Any], quick: Callable[[], Any], *, seconds: float = 0.5) -> Any:
    """What `quick` answers, which begins when `slow` has written and before it commits.

    `slow` commits when somebody waits for a lock or `quick` has ended, and at the latest after
    these seconds.
    """
    written, begun, ended = Event(), Event(), Event()

    def first() -> None:
        try:
            with transaction.atomic():
                slow()
                written.set()
                begun.wait(10)
                wait_until_somebody_waits(seconds, ended)
        finally:
            connection.close()

    def second() -> Any:
        try:
            connection.ensure_connection()
            written.wait(10)
            begun.set()
            return quick()
        finally:
            ended.set()
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        slowly, quickly = pool.submit(first), pool.submit(second)
        slowly.result()
        return quickly.result()


def wait_until_somebody_waits(seconds: float = 0.5, ended: Event | None = None) -> None:
    """For a lock; or this long, where nobody has to, or until `ended` is set."""
    end = monotonic() + seconds
    while monotonic() < end and not (ended and ended.is_set()):
        sleep(0.02)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(COUNT_WAITING)
                if cursor.fetchone()[0]:
                    return


def enroll(student: Student, course: Course) -> str:
    try:
        return service.enroll([(student.pk, course.pk)])[0].outcome.value
    except Refused as refused:
        return str(refused.error_list[0].code)


def test_a_student_made_inactive_is_not_enrolled() -> None:
    student, course = StudentFactory(), CourseFactory()
    assert (
        meanwhile(lambda: change(student, is_active=False), lambda: enroll(student, course))
        == "student_inactive"
    )


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"is_open": False}, "course_closed"),
        ({"capacity": 0}, "course_full"),
        ({"prerequisites": ["X"]}, "prerequisite_missing"),
    ],
)
def test_what_a_course_asks_from_now_on_is_asked(values: dict[str, Any], answer: str) -> None:
    student, course = StudentFactory(), CourseFactory()
    assert meanwhile(lambda: change(course, **values), lambda: enroll(student, course)) == answer


def test_what_was_waited_for_is_earlier_in_the_history() -> None:
    student, course, locked = StudentFactory.create(), CourseFactory.create(capacity=0), Event()

    def give_a_seat() -> None:
        try:
            with transaction.atomic():
                Course.get_locked(pk=course.pk)
                locked.set()
                wait_until_somebody_waits()
                change(course, capacity=1)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        given = pool.submit(give_a_seat)
        assert locked.wait(10)
        assert enroll(student, course) == "created"
        given.result()
    assert Course.history.latest().history_date < Enrollment.history.get().history_date


def test_who_enrolls_before_a_window_is_closed_is_in_and_who_comes_after_is_not() -> None:
    course = CourseFactory(term=TermFactory())
    first, second = StudentFactory.create_batch(2)
    answer = meanwhile(
        lambda: change(course.term, enrollment_closes_on=YESTERDAY), lambda: enroll(first, course)
    )
    # SQLite has one writer at a time, so there the window was closed first.
    assert answer == ("created" if connection.vendor == "postgresql" else "window_closed")
    assert enroll(second, course) == "window_closed"


@pytest.mark.parametrize("opened_first", [True, False])
def test_a_seat_freed_while_the_window_is_opened_goes_to_who_waits(opened_first: bool) -> None:
    course = CourseFactory(capacity=1, term=TermFactory())
    seated, waiter = StudentFactory.create_batch(2)
    enrolled(seated, course)
    service.enroll([(waiter.pk, course.pk)], Options(waitlist=True))
    Term.objects.filter(pk=course.term_id).update(enrollment_closes_on=YESTERDAY)
    works = [
        lambda: change(course.term, enrollment_closes_on=None),
        lambda: service.withdraw([(seated.pk, course.pk)]),
    ]
    meanwhile(*(works if opened_first else reversed(works)))
    assert Enrollment.objects.get(student=waiter).status == Status.ACTIVE


@pytest.mark.parametrize("activated_first", [True, False])
def test_a_seat_freed_while_who_waits_is_made_active_again_is_given(activated_first: bool) -> None:
    course = CourseFactory(capacity=1)
    seated, waiter = StudentFactory.create_batch(2)
    enrolled(seated, course)
    service.enroll([(waiter.pk, course.pk)], Options(waitlist=True))
    change(waiter, is_active=False)
    works = [
        lambda: change(waiter, is_active=True),
        lambda: service.withdraw([(seated.pk, course.pk)]),
    ]
    meanwhile(*(works if activated_first else reversed(works)))
    assert Enrollment.objects.get(student=waiter).status == Status.ACTIVE
