"""`GET /enrollments?updated_since=`: a poller misses no change, however slow a writer is."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from students.enrollment import change_feed, service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/enrollments"
Seen = list[tuple[int, str]]


@pytest.fixture
def api(api_of: Callable[[str], APIClient]) -> APIClient:
    # The roles of the migration go when a test of transactions empties the tables.
    return api_of("admin")


class Poller:
    """A client that follows the feed as docs/api.md describes it, page by page."""

    def __init__(self, api: APIClient) -> None:
        self.api = api
        self.since = "1970-01-01T00:00:00Z"
        self.seen: set[tuple[int, str]] = set()

    def poll(self) -> Seen:
        """What is new: (id, status)."""
        url, new = f"{URL}?limit=3&updated_since={self.since}", []
        while url:
            page = self.api.get(url).json()
            for row in page["results"]:
                change = (row["id"], row["status"])
                self.since = max(self.since, row["updated_at"])
                if change not in self.seen:
                    new.append(change)
                    self.seen.add(change)
            url = page["next"]
        return new


@contextmanager
def slow_writer(row: Enrollment) -> Iterator[None]:
    """Meanwhile somebody has withdrawn `row`, and commits only at the end."""
    written, end = Event(), Event()

    def work() -> None:
        try:
            with transaction.atomic():
                service.withdraw([(row.student_id, row.course_id)])
                written.set()
                end.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(work)
        assert written.wait(10)
        yield
        end.set()
        slow.result()


def around_a_slow_writer(api: APIClient) -> tuple[Enrollment, Enrollment, Seen, Seen]:
    """Change one row slowly and another quickly meanwhile. Return what polls saw."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    slow, quick = (enrolled(StudentFactory(), CourseFactory()) for _ in range(2))
    poller = Poller(api)
    poller.poll()
    with slow_writer(slow):
        service.withdraw([(quick.student_id, quick.course_id)])
        before = poller.poll()
    return slow, quick, before, poller.poll()


def test_a_change_is_not_shown_before_an_earlier_one_that_is_still_to_be_committed(
    api: APIClient,
) -> None:
    slow, quick, before, after = around_a_slow_writer(api)
    assert (before, after) == ([], [(slow.pk, "withdrawn"), (quick.pk, "withdrawn")])


def test_without_the_announcement_the_slow_change_is_missed(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(change_feed, "_find_earliest_announcement", lambda: None)
    _slow, quick, before, after = around_a_slow_writer(api)
    assert (before, after) == ([(quick.pk, "withdrawn")], [])


def test_one_who_only_looks_holds_nobody_up(api: APIClient) -> None:
    row = enrolled(StudentFactory(), CourseFactory())
    with transaction.atomic():
        Enrollment.objects.get()
        assert Poller(api).poll() == [(row.pk, "active")]


def test_a_server_whose_clock_is_slow_changes_later_than_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = enrolled(StudentFactory(), CourseFactory())
    slow = timezone.now() - timedelta(hours=1)
    monkeypatch.setattr("students.enrollment.change_feed.timezone.now", lambda: slow)
    after = enrolled(StudentFactory(), CourseFactory())
    assert after.updated_at == row.updated_at + change_feed.INSTANT
    assert Enrollment.history.get(id=after.pk).history_date == slow


class TestClockThatWasAhead:
    """One write was made with a clock 400 days ahead; then the clock was set right."""

    @pytest.fixture(autouse=True)
    def _spoil(self) -> None:
        with change_feed.override_clock(timezone.now() + timedelta(days=400)):
            enrolled(StudentFactory(), CourseFactory())

    def test_later_times_are_those_of_the_clock_and_the_feed_goes_on(self, api: APIClient) -> None:
        poller = Poller(api)
        poller.poll()
        before = timezone.now()
        row = enrolled(StudentFactory(), CourseFactory())
        record = Enrollment.history.get(id=row.pk)
        assert before <= row.enrolled_at == record.history_date <= timezone.now()
        assert row.updated_at > before + timedelta(days=399)
        assert poller.poll() == [(row.pk, "active")]

    def test_the_past_can_be_asked_for(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        params = {"as_of": timezone.now().isoformat()}
        answer = api.get(f"/api/v1/students/{row.student_id}/courses", params)
        assert [found["id"] for found in answer.json()["results"]] == [row.course_id]

    def test_the_waitlist_keeps_its_order(self) -> None:
        course = CourseFactory(capacity=0)
        students = StudentFactory.create_batch(3)
        wait = Options(waitlist=True)
        for student, days in zip(students, (1, 900, 2), strict=True):
            with change_feed.override_clock(timezone.now() + timedelta(days=days)):
                service.enroll([(student.pk, course.pk)], wait)
        rows = Enrollment.objects.filter(course=course).with_position().order_by("id")
        assert [row.position for row in rows] == [1, 2, 3]
        assert [row.student_id for row in rows] == [student.pk for student in students]

    def test_the_feed_is_not_held_up_by_a_writer_until_the_clock_has_caught_up(
        self, api: APIClient
    ) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("SQLite has one writer at a time.")
        slow, quick = (enrolled(StudentFactory(), CourseFactory()) for _ in range(2))
        poller = Poller(api)
        with slow_writer(slow):
            assert {row for row, _status in poller.poll()} >= {slow.pk, quick.pk}


def test_a_clock_that_is_set_back_meanwhile_does_not_undercut_what_was_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announced = timezone.now()
    monkeypatch.setattr(
        "students.enrollment.change_feed.timezone.now", lambda: announced - timedelta(hours=1)
    )
    assert change_feed.find_change_times(announced, []) == (announced, announced)


def test_a_poller_beside_many_writers_sees_all_they_did(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [enrolled(StudentFactory(), CourseFactory()) for _ in range(12)]
    chance = Random(7)
    stamp = change_feed.find_change_times

    def slowly(*found: Any) -> change_feed.ChangeTimes:
        sleep(chance.random() / 50)
        return stamp(*found)

    monkeypatch.setattr("students.enrollment.snapshot.find_change_times", slowly)

    def work(mine: list[Enrollment]) -> None:
        try:
            for row in mine:
                service.withdraw([(row.student_id, row.course_id)])
        finally:
            connection.close()

    poller = Poller(api)
    with ThreadPoolExecutor(6) as pool:
        works = [pool.submit(work, rows[number::6]) for number in range(6)]
        while not all(work.done() for work in works):
            poller.poll()
        for work_ in works:
            work_.result()
    poller.poll()
    assert poller.seen >= {(row.pk, "withdrawn") for row in rows}
