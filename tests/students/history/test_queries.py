"""The history of a student and of a course, told in sentences."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils.html import strip_tags

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import (
    COMPLETE,
    IMPORT_TRANSITIONS,
    WITHDRAW_OR_CORRECT,
    EnrollmentChange,
    Options,
    Transition,
)
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db
WAIT = Options(waitlist=True)


@pytest.fixture
def ann() -> Student:
    return StudentFactory.create(number="S1", first_name="Ann", last_name="Lee")


@pytest.fixture
def ben() -> Student:
    return StudentFactory.create(number="S2", first_name="Ben", last_name="Doe")


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(code="BIO-1", term__code="2026-FA", capacity=1)


@pytest.fixture(autouse=True)
def _rita(rf: RequestFactory) -> Iterator[None]:
    request = rf.get("/")
    request.user = User.objects.create_user("rita")
    with record_changes_as(Door.API, request):
        yield


def story(client: Client, page: Student | Course) -> list[str]:
    """The history sentences of a student's or course's page, latest first, without times."""
    text = client.get(f"/{type(page).__name__.lower()}s/{page.pk}/").content.decode()
    [*days] = re.findall(r'<ol class="story">(.*?)</ol>', text, re.S)
    return [
        " ".join(strip_tags(line).split()[1:])
        for day in days
        for line in re.findall(r"<li.*?</li>", day, re.S)
    ]


def test_says_what_was_done_by_whom_and_links_what_is_on_another_page(
    viewer: Client, ann: Student, course: Course
) -> None:
    service.enroll([(ann.pk, course.pk)])
    assert story(viewer, ann) == ["Ann Lee was enrolled in BIO-1 (2026-FA) by rita (API)."]
    assert story(viewer, course) == ["Ann Lee (S1) was enrolled in BIO-1 (2026-FA) by rita (API)."]
    assert f'<a href="/courses/{course.pk}/">BIO-1 (2026-FA)</a> by' in " ".join(
        viewer.get(f"/students/{ann.pk}/").content.decode().split()
    )
    assert (
        f'<a href="/students/{ann.pk}/">Ann Lee (S1)</a> was'
        in viewer.get(f"/courses/{course.pk}/").content.decode()
    )


def test_tells_the_reason_and_what_was_overridden(
    viewer: Client, ann: Student, course: Course
) -> None:
    course.capacity = 0
    course.save()
    with record_changes_as(Door.COMMAND, reason="Needs <it>"):
        service.enroll([(ann.pk, course.pk)], Options(override=["course_full"]))
    assert story(viewer, ann) == [
        (
            "Ann Lee was enrolled in BIO-1 (2026-FA), although the course is full, "
            "(command, nobody signed in). Needs &lt;it&gt;"
        )
    ]


@pytest.mark.parametrize(
    ("steps", "reported"),
    [
        ([IMPORT_TRANSITIONS[Status.COMPLETED]], "was entered as having completed BIO-1 (2026-FA)"),
        ([IMPORT_TRANSITIONS[Status.WITHDRAWN]], "was entered as withdrawn from BIO-1 (2026-FA)"),
        (
            [IMPORT_TRANSITIONS[Status.ACTIVE], IMPORT_TRANSITIONS[Status.WITHDRAWN]],
            "was withdrawn from BIO-1 (2026-FA)",
        ),
        (
            [
                IMPORT_TRANSITIONS[Status.ACTIVE],
                IMPORT_TRANSITIONS[Status.WITHDRAWN],
                IMPORT_TRANSITIONS[Status.ACTIVE],
            ],
            "was enrolled in BIO-1 (2026-FA) again",
        ),
        ([IMPORT_TRANSITIONS[Status.ACTIVE], COMPLETE], "was set to completed in BIO-1 (2026-FA)"),
        (
            [IMPORT_TRANSITIONS[Status.COMPLETED], WITHDRAW_OR_CORRECT],
            "was withdrawn from BIO-1 (2026-FA), which had been completed",
        ),
    ],
)
def test_every_change_has_its_words(
    viewer: Client, ann: Student, course: Course, steps: list[Transition], reported: str
) -> None:
    for verb in steps:
        service.apply_changes([EnrollmentChange(ann.pk, course.pk, verb)])
    assert story(viewer, ann)[0] == f"Ann Lee {reported} by rita (API)."


class TestOneWhoWaits:
    @pytest.fixture(autouse=True)
    def _waits(self, ann: Student, ben: Student, course: Course) -> None:
        enrolled(ben, course)
        service.enroll([(ann.pk, course.pk)], WAIT)

    def test_is_said_to_wait(self, viewer: Client, ann: Student) -> None:
        assert story(viewer, ann) == [
            "Ann Lee was put on the waitlist of BIO-1 (2026-FA) by rita (API)."
        ]

    def test_moves_up_because_somebody_was_withdrawn(
        self, viewer: Client, ann: Student, ben: Student, course: Course
    ) -> None:
        with record_changes_as(Door.COMMAND, reason="moved away"):
            service.withdraw([(ben.pk, course.pk)])
        reported = (
            "moved up from the waitlist to active in BIO-1 (2026-FA), "
            "because Ben Doe (S2) was withdrawn (command, nobody signed in)."
        )
        assert story(viewer, ann)[0] == f"Ann Lee {reported}"
        assert f"Ann Lee (S1) {reported}" in story(viewer, course)

    def test_moves_up_because_somebody_completed_the_course(
        self, viewer: Client, ann: Student, ben: Student, course: Course
    ) -> None:
        service.apply_changes([EnrollmentChange(ben.pk, course.pk, COMPLETE)])
        assert story(viewer, ann)[0].endswith(
            "because Ben Doe (S2) was set to completed by rita (API)."
        )

    def test_moves_up_because_several_left(
        self, viewer: Client, ann: Student, ben: Student, course: Course
    ) -> None:
        other = StudentFactory.create()
        service.enroll([(other.pk, course.pk)], Options(override=["course_full"]))
        service.withdraw([(ben.pk, course.pk), (other.pk, course.pk)])
        assert story(viewer, ann)[0].endswith("because 2 seats were freed by rita (API).")

    def test_nobody_is_named_who_left_another_course_or_at_another_moment(
        self, viewer: Client, ann: Student, ben: Student, course: Course
    ) -> None:
        other = CourseFactory.create()
        third = enrolled(StudentFactory.create(), other)
        service.withdraw([(ben.pk, course.pk), (third.student_id, other.pk)])
        assert story(viewer, ann)[0].endswith("because Ben Doe (S2) was withdrawn by rita (API).")

    def test_moves_up_by_what_was_done_to_the_course(
        self, viewer: Client, ann: Student, course: Course
    ) -> None:
        course.capacity = 2
        course.save()
        assert (
            story(viewer, ann)[0]
            == "Ann Lee moved up from the waitlist to active in BIO-1 (2026-FA) "
            "by what rita did (API)."
        )

    def test_is_given_a_seat_by_an_override(
        self, viewer: Client, ann: Student, course: Course
    ) -> None:
        service.enroll([(ann.pk, course.pk)], Options(override=["course_full"]))
        assert (
            story(viewer, ann)[0]
            == "Ann Lee was given a seat in BIO-1 (2026-FA) from the waitlist, "
            "although the course is full, by rita (API)."
        )

    def test_is_withdrawn_and_waits_again(
        self, viewer: Client, ann: Student, course: Course
    ) -> None:
        service.withdraw([(ann.pk, course.pk)])
        service.enroll([(ann.pk, course.pk)], WAIT)
        again, withdrawn, _first = story(viewer, ann)
        assert again == "Ann Lee was put on the waitlist of BIO-1 (2026-FA) again by rita (API)."
        assert (
            withdrawn == "Ann Lee was withdrawn from the waitlist of BIO-1 (2026-FA) by rita (API)."
        )


def test_moves_up_because_a_prerequisite_was_completed(
    viewer: Client, ann: Student, course: Course
) -> None:
    advanced = CourseFactory.create(code="BIO-2", term=course.term, capacity=0)
    service.enroll([(ann.pk, advanced.pk)], WAIT)
    service.enroll([(ann.pk, course.pk)])
    advanced.prerequisites, advanced.capacity = ["BIO-1"], 1
    advanced.save()
    service.apply_changes([EnrollmentChange(ann.pk, course.pk, COMPLETE)])
    assert story(viewer, ann)[0].endswith(
        "active in BIO-2 (2026-FA), because BIO-1 (2026-FA) was set to completed by rita (API)."
    )


def test_however_many_moved_up_the_story_takes_the_same_queries(
    viewer: Client, course: Course, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for _turn in range(6):
        seated, waiter = StudentFactory.create_batch(2)
        service.enroll([(seated.pk, course.pk), (waiter.pk, course.pk)], WAIT)
        service.withdraw([(seated.pk, course.pk)])
        service.withdraw([(waiter.pk, course.pk)])
    with django_assert_max_num_queries(14):
        assert len([line for line in story(viewer, course) if "because" in line]) == 4
