"""Threads do random work at once through every door; afterwards all that must hold holds.

Each has a connection of its own. SCHOOL_WORK is the number of operations of each thread.
SCHOOL_SECONDS lets them work for that time instead; SCHOOL_SERVER=1 uses a server of two processes.
"""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import groupby
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from core.history.actor import Door
from courses.factories import CourseFactory
from courses.models import Course
from courses.requirements import read_requirements
from students.enrollment import locks, service
from students.enrollment.decisions import EnrollmentDecisions
from students.enrollment.rules import find_refusals
from students.enrollment.snapshot import Snapshot
from students.factories import StudentFactory
from students.models import Enrollment, Status
from tests.serving import serve
from tests.students.enrollment.test_races import at_once, slow_down_decisions
from tests.students.enrollment.work import Worker, World
from tests.unlocked import take_out_locks

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8
WORK = int(os.environ.get("SCHOOL_WORK", "25"))
SECONDS = float(os.environ.get("SCHOOL_SECONDS", "0"))
# These tests break the writer in Python, for the checker to find, and not the locks.
checker_alone = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="The checker is the same on every database."
)
# By outcome, the statuses that its history record may have. A student put on the waitlist may have
# moved up in the same write.
ENDS = {
    "created": {"active"},
    "reactivated": {"active"},
    "waitlisted": {"waitlisted", "active"},
    "withdrawn": {"withdrawn"},
    "completed": {"completed"},
}


def run(
    seed: int, folder: Path, server: str | None = None, doors: Collection[Door] = tuple(Door)
) -> tuple[World, list[str]]:
    """The work of some threads, and what was found wrong after it."""
    world = World.make(folder, server)
    workers = [Worker(world, seed * 100 + number, doors) for number in range(THREADS)]
    end = monotonic() + SECONDS
    at_once(
        *(
            partial(worker.work, lambda done: monotonic() < end if SECONDS else done < WORK)
            for worker in workers
        )
    )
    wrong = [*wrongs(), *replayed(world), *unkept(world)]
    sys.stdout.write(
        f"{sum(worker.done for worker in workers)} operations, "
        f"{Enrollment.history.count()} records, {len(world.failed)} failed, "
        f"{len(world.busy)} busy\n"
    )
    return world, wrong


def wrongs() -> list[str]:
    """What must never be, in the school as it is now."""
    found = []
    today = timezone.localdate()
    completed = set(
        Enrollment.objects.filter(status=Status.COMPLETED).values_list("student", "course__code")
    )
    for course in Course.objects.with_seats().select_related("term"):
        for row in course.enrollments.filter(status=Status.WAITLISTED).select_related("student"):
            missing = [
                requirement
                for requirement in read_requirements(course.prerequisites)
                if not any((row.student_id, code) in completed for code in requirement.codes)
            ]
            refusals = find_refusals(
                row.student, course, taken=course.taken, today=today, unmet=missing
            )
            if {refusal.code for refusal in refusals} <= set(row.overridden):
                found.append(f"{row.student} waits beside a free seat of {course}")
    for row in Enrollment.objects.all():
        last = row.history.latest("history_id")
        fields = ["status", "enrolled_at", "updated_at", "waitlist_number", "overridden"]
        if any(getattr(last, name) != getattr(row, name) for name in fields):
            found.append(f"{row} is {row.status}, its history says {last.status}")
    pairs = Counter(Enrollment.objects.values_list("student", "course"))
    return [
        *found,
        *(f"{pair} is there {number} times" for pair, number in pairs.items() if number > 1),
    ]


def replayed(world: World) -> list[str]:
    """Replay the history of each course, one write after the other. Yield what was ever wrong."""
    found: list[str] = []
    for key in world.courses:
        records = [*Course.history.filter(id=key), *Enrollment.history.filter(course=key)]
        records.sort(key=lambda record: (record.history_date, record.history_id))
        course, status, place = None, dict[int, str](), dict[int, Any]()
        for at, group in groupby(records, key=lambda record: getattr(record, "updated_at", None)):
            if at is None:
                course = list(group)[-1]
            else:
                found += _write_replayed(world, course, list(group), status, place)
    return found


def _write_replayed(
    world: World, course: Any, records: list[Any], status: dict[int, str], place: dict[int, Any]
) -> Iterator[str]:
    """Apply one write of a course to `status` and `place`, by student. Yield its faults."""
    came = [
        record
        for record in records
        if record.status == Status.ACTIVE != status.get(record.student_id)
    ]
    waited = dict(place)
    for record in records:
        status[record.student_id] = record.status
        place.pop(record.student_id, None)
        if record.status == Status.WAITLISTED:
            place[record.student_id] = record.waitlist_number
    plain = [record for record in came if not record.override]
    # Also of who left and came back in one list, to whom a seat had been given in between.
    over = sum(
        "course_full" in record.override for record in records if record.status == Status.ACTIVE
    )
    taken = sum(one == Status.ACTIVE for one in status.values())
    if plain and course.capacity is not None and taken - over > course.capacity:
        yield f"{course.code} had {taken} for {course.capacity} at {records[0].history_date}"
    # An override that was given to a waiter counts when the waiter moves up.
    if not course.is_open and any("course_closed" not in one.overridden for one in plain):
        yield f"{course.code} was closed at {records[0].history_date}"
    stayed = {
        student: at
        for student, at in waited.items()
        if student in world.steady_students and place.get(student) == at
    }
    for record in plain if course.id in world.steady_courses else ():
        if any(
            record.student_id not in waited or at < waited[record.student_id]
            for at in stayed.values()
        ):
            yield (
                f"{course.code}: {record.student_id} came before one who waited "
                f"at {record.history_date}"
            )


def unkept(world: World) -> list[str]:
    """Answers that the history does not bear out: all that was written and nothing else."""
    written: dict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    moved_up = set(
        Enrollment.history.filter(history_change_reason__startswith="Moved up").values_list(
            "student", "course"
        )
    )
    # What an unchanged outcome may have written: an override that is kept while one waits.
    overrides_of_waiters = set()
    for reason, student, course, status, override in Enrollment.history.values_list(
        "history_change_reason", "student", "course", "status", "override"
    ):
        written[reason][student, course] = status
        if status == Status.WAITLISTED and override:
            overrides_of_waiters.add((student, course))
    found = []
    for answered in world.answered:
        kept = written.pop(answered.reason, {})
        if answered.refused and kept:
            found.append(f"{answered}, but {kept} was written")
        if not answered.refused and answered.number not in (None, len(kept)):
            found.append(f"{answered}, but {kept} was written")
        if answered.refused or answered.outcomes is None:
            continue
        for pair, outcome in answered.outcomes.items():
            # Whom the queue brings in before the wish is looked at has a record of that.
            by_the_queue = outcome == "reactivated" and pair not in kept and pair in moved_up
            if kept.get(pair) not in ENDS.get(outcome, {None}) and not by_the_queue:
                found.append(f"{pair} of {answered} is {kept.get(pair)} in the history")
        found += [
            f"{pair} was written beside {answered}"
            for pair in kept.keys() - answered.outcomes.keys() - overrides_of_waiters
        ]
    deleted = Enrollment.history.filter(
        door="api", history_change_reason="", status=Status.WITHDRAWN
    )
    if Counter(deleted.values_list("student", "course")) != Counter(world.deleted):
        found.append("not every DELETE is in the history")
    return [
        *found,
        *(
            f"{reason!r} was never answered"
            for reason in written
            if "work" in reason and not world.failed
        ),
    ]


@pytest.mark.parametrize("seed", range(int(os.environ.get("SCHOOL_SEEDS", "1"))))
def test_everything_holds(seed: int, tmp_path: Path) -> None:
    with serve() if os.environ.get("SCHOOL_SERVER") else nullcontext() as server:
        world, wrong = run(seed, tmp_path, server)
    assert not wrong
    assert not world.failed
    assert len(world.busy) < THREADS * WORK / 4
    assert Enrollment.objects.count() > 20


def controlled(monkeypatch: pytest.MonkeyPatch, folder: Path, extra: str) -> bool:
    """Whether the checker says so within some runs."""
    monkeypatch.setattr(f"{__name__}.SECONDS", 0)
    return any(
        extra in wrong for seed in range(20) for wrong in run(seed, folder, doors=[Door.COMMAND])[1]
    )


@checker_alone
def test_the_checker_sees_a_waitlist_that_does_not_move(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(EnrollmentDecisions, "_can_promote", lambda self, course: False)
    assert controlled(monkeypatch, tmp_path, "waits beside a free seat")


@checker_alone
def test_the_checker_sees_a_queue_that_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    promote_waiting = EnrollmentDecisions.promote_waiting

    def backwards(decisions: Any, course: Any) -> None:
        decisions._read_waitlist(course).reverse()
        promote_waiting(decisions, course)
        decisions._read_waitlist(course).reverse()

    monkeypatch.setattr(EnrollmentDecisions, "promote_waiting", backwards)
    assert controlled(monkeypatch, tmp_path, "came before one who waited")


def test_the_checker_sees_seats_that_are_sold_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the locks."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all at once: test_races.py has the control of that.")
    take_out_locks(monkeypatch.setattr)
    slow_down_decisions(monkeypatch)
    assert controlled(monkeypatch, tmp_path, " had ")


@checker_alone
def test_the_checker_sees_a_write_that_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save = service._save
    random = Random(1)
    monkeypatch.setattr(
        service, "_save", lambda decisions: save(decisions) if random.random() < 0.9 else None
    )
    assert controlled(monkeypatch, tmp_path, "in the history")


def test_lists_of_courses_in_any_order_never_wait_in_a_circle() -> None:
    """32 students enroll in 5 of 8 courses, each in another order: each gets all five."""
    courses = [course.pk for course in CourseFactory.create_batch(8)]
    students = [student.pk for student in StudentFactory.create_batch(32)]

    def enroll(student: int) -> int:
        return len(
            service.enroll([(student, course) for course in Random(student).sample(courses, 5)])
        )

    for _ in range(int(os.environ.get("SCHOOL_ROUNDS", "3"))):
        assert at_once(*(partial(enroll, student) for student in students)) == [5] * len(students)
        service.withdraw([(student, course) for student in students for course in courses])


def test_locks_out_of_order_end_in_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the order: courses locked as they come are locked in a circle."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all at once.")
    read = Snapshot._read

    def as_they_come(snapshot: Any, students: set[int], courses: set[int], **how: bool) -> None:
        wanted = [*courses]
        for course in Random().sample(wanted, len(wanted)):
            locks.LOCK_COURSES(ids=[course])
        read(snapshot, students, courses, **how)

    def until_it_fails() -> None:
        for _ in range(20):
            test_lists_of_courses_in_any_order_never_wait_in_a_circle()

    monkeypatch.setattr(Snapshot, "_read", as_they_come)
    with pytest.raises(OperationalError):
        until_it_fails()
