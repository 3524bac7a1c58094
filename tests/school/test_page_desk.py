"""The desk, `/`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from time import time
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.translation import override
from rest_framework.test import APIClient

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.meetings import parse_meetings
from courses.models import Course
from school.dashboard.charts import Chart
from school.dashboard.statistics import CACHE_KEY, compute_statistics, get_statistics
from school.dashboard.views import get_overview
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status, Student
from tests.page_text import text_of
from tests.students.enrollment.test_conflicts import make_enrollments

pytestmark = pytest.mark.django_db

Browser = Callable[[str], Client]


def test_finds_students_and_courses_at_once(viewer: Client) -> None:
    student = StudentFactory.create(first_name="Anna", last_name="Smith")
    course, other = (
        CourseFactory.create(code="ANT-1", title="Ants"),
        CourseFactory.create(code="BEE-1", title="Bees"),
    )
    text = viewer.get("/", {"q": "an"}).content.decode()
    assert f"/students/{student.pk}/" in text
    assert f"/courses/{course.pk}/" in text
    assert f"/courses/{other.pk}/" not in text
    assert 'href="/students/?q=an"' in text
    assert "No student was found." in viewer.get("/", {"q": "zzz"}).content.decode()
    assert "No student was found." not in viewer.get("/").content.decode()


def test_finds_ten_of_each_at_most(viewer: Client) -> None:
    StudentFactory.create_batch(12, last_name="Same")
    assert len(viewer.get("/", {"q": "same"}).context["students"]) == 10


def test_shows_the_running_term_in_numbers(viewer: Client) -> None:
    today = timezone.localdate()
    running, over = (
        TermFactory.create(code="NOW"),
        TermFactory.create(code="OVER", starts_on=today - timedelta(days=200)),
    )
    one, two = StudentFactory.create_batch(2)
    for student, course, status in [
        (one, CourseFactory.create(term=running), Status.ACTIVE),
        (one, CourseFactory.create(term=running), Status.ACTIVE),
        (two, CourseFactory.create(term=running), Status.ACTIVE),
        (two, CourseFactory.create(term=running), Status.WITHDRAWN),
        (two, CourseFactory.create(term=over), Status.ACTIVE),
    ]:
        enrolled(student, course, status)
    [row] = viewer.get("/").context["statistics"].terms
    assert (row.term, row.students, row.taken, row.waiting) == (running, 2, 3, 0)


def test_says_that_no_term_runs(viewer: Client) -> None:
    text = viewer.get("/").content.decode()
    assert "No term runs today." in text
    assert "Nothing has happened yet." in text


@pytest.mark.parametrize(
    ("capacity", "taken", "shown"),
    [(10, 9, True), (10, 8, False), (5, 4, False), (5, 5, True), (0, 0, False), (None, 3, False)],
)
def test_shows_courses_that_are_nearly_full(capacity: int | None, taken: int, shown: bool) -> None:
    course = CourseFactory.create(capacity=capacity)
    for student in StudentFactory.create_batch(taken):
        enrolled(student, course)
    assert get_overview()["watch"] == ([course] if shown else [])


def test_shows_courses_with_somebody_waiting_first(viewer: Client) -> None:
    full, waited_for = CourseFactory.create(capacity=1), CourseFactory.create(capacity=9)
    enrolled(StudentFactory.create(), full)
    row = enrolled(StudentFactory.create(), waited_for)
    Enrollment._base_manager.filter(pk=row.pk).update(status=Status.WAITLISTED)
    assert get_overview()["watch"] == [waited_for, full]
    assert "1 waiting" in viewer.get("/").content.decode()


def test_a_course_of_a_term_that_is_over_needs_no_attention() -> None:
    course = CourseFactory.create(
        capacity=1, term=TermFactory.create(starts_on=timezone.localdate() - timedelta(days=200))
    )
    enrolled(StudentFactory.create(), course)
    assert get_overview()["watch"] == []


def make_two_sections(**fields: Any) -> list[Course]:
    term = TermFactory.create()
    return [
        CourseFactory.create(code="CSE-8A", section=name, term=term, **fields)
        for name in ("A01", "A02")
    ]


def take_both(sections: list[Course], override: list[str]) -> Student:
    student = StudentFactory.create()
    for course in sections:
        service.enroll([(student.pk, course.pk)], Options(override=override))
    return student


def forget_overrides() -> None:
    """As enrollments are that were made before there was the rule."""
    Enrollment._base_manager.update(overridden=[])


class TestNeedsALook:
    def test_shows_students_in_two_sections(self, viewer: Client) -> None:
        sections = make_two_sections()
        student = take_both(sections, ["already_taking"])
        assert "Needs a look" not in viewer.get("/").content.decode()
        forget_overrides()
        text = " ".join(viewer.get("/").content.decode().split())
        assert "Needs a look" in text
        assert str(student) in text.partition("Needs a look")[2]
        assert all(f"{course}</a>" in text for course in sections)

    def test_not_once_one_is_withdrawn(self) -> None:
        sections = make_two_sections()
        student = take_both(sections, ["already_taking"])
        forget_overrides()
        service.withdraw([(student.pk, sections[0].pk)])
        assert get_overview()["doubled"] == []

    @pytest.mark.parametrize("fields", [{"repeatable": True}, {"starts_on": None}])
    def test_not_where_it_is_allowed(self, fields: dict[str, Any]) -> None:
        sections = make_two_sections(**fields)
        if "starts_on" in fields:
            today = timezone.localdate()
            Course.objects.filter(pk=sections[0].pk).update(ends_on=today)
            Course.objects.filter(pk=sections[1].pk).update(starts_on=today + timedelta(days=1))
        take_both(sections, [])
        assert get_overview()["doubled"] == []

    def test_not_in_courses_that_are_over(self) -> None:
        sections = make_two_sections()
        take_both(sections, ["already_taking"])
        forget_overrides()
        yesterday = timezone.localdate() - timedelta(days=1)
        Course.objects.filter(pk=sections[0].pk).update(ends_on=yesterday)
        assert get_overview()["doubled"] == []

    def test_shows_ten_and_says_that_there_are_others(self, viewer: Client) -> None:
        sections = make_two_sections()
        for _ in range(12):
            take_both(sections, ["already_taking"])
        forget_overrides()
        text = " ".join(viewer.get("/").content.decode().split())
        shown, _title, _rest = text.partition("Needs a look")[2].partition("Latest changes")
        assert shown.count("A02") == 10
        assert "and others" in shown

    def test_shows_students_whose_courses_clash(self, viewer: Client) -> None:
        term = TermFactory.create()
        courses = CourseFactory.create_batch(2, term=term)
        students = StudentFactory.create_batch(11)
        service.enroll([(student.pk, course.pk) for student in students for course in courses])
        assert "Needs a look" not in viewer.get("/").content.decode()
        for course in courses:
            course.meetings = parse_meetings("Mon 10:00-10:50")
            course.save()
        # A student who accepted it is left out.
        rows = Enrollment._base_manager.filter(student=students[0], course=courses[0])
        rows.update(overridden=["time_conflict"])
        text = text_of(viewer.get("/").content.decode()).partition("Needs a look")[2]
        shown = text.partition("Latest changes")[0]
        assert str(students[0]) not in shown
        assert str(students[1]) in shown
        assert shown.count(str(courses[0])) == shown.count(str(courses[1])) == 10
        assert "and others" not in shown
        late = StudentFactory.create()
        for course in courses:
            service.enroll([(late.pk, course.pk)], Options(override=["time_conflict"]))
        Enrollment._base_manager.filter(student=late).update(overridden=[])
        assert "and others" in text_of(viewer.get("/").content.decode())

    def test_shows_students_over_their_credit_limit(self, viewer: Client) -> None:
        term = TermFactory.create(code="FA")
        student, exempt = StudentFactory.create_batch(2)
        CreditLimit.objects.create(student=exempt, term=term, max_credits=None)
        course = CourseFactory.create(term=term, credits=6)
        service.enroll([(student.pk, course.pk), (exempt.pk, course.pk)])
        term.max_credits = 3
        term.save()
        assert get_overview()["over_limit"] == [(student, term)]
        text = text_of(viewer.get("/").content.decode()).partition("Needs a look")[2]
        assert "take more credits than they may" in text
        assert str(student) in text


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_the_desk_and_the_filters_find_the_same(seed: int, api: APIClient) -> None:
    terms = TermFactory.create_batch(2)
    make_enrollments(Random(seed), terms)
    for term in terms:
        term.max_credits = 6
        term.save()
    found: dict[str, set[Any]] = {"clashing": set(), "doubled": set(), "over_limit": set()}
    for term in terms:
        for kind in ("clashing", "doubled"):
            found[kind] |= read_ids(api, f"enrollments?{kind}=true&term={term}")
        over = read_ids(api, f"students?over_credit_limit=true&term={term}")
        found["over_limit"] |= {(student, term.pk) for student in over}
    statistics = compute_statistics()
    assert {kind: set(getattr(statistics, kind)) for kind in found} == found
    assert all(found.values())


def read_ids(api: APIClient, path: str) -> set[int]:
    return {row["id"] for row in api.get(f"/api/v1/{path}&limit=200").json()["results"]}


def test_shows_the_latest_changes_with_who_made_them(
    viewer: Client, user_of: Callable[[str], User]
) -> None:
    request: Any = RequestFactory().post("/")
    request.user = user_of("Clerk")
    course = CourseFactory.create()
    students = StudentFactory.create_batch(11)
    with record_changes_as(Door.API, request, "by letter"):
        for student in students:
            service.enroll([(student.pk, course.pk)])
    answer = viewer.get("/")
    assert [record.student_id for record in answer.context["history"]] == [
        student.pk for student in reversed(students[1:])
    ]
    text = answer.content.decode()
    for words in ("clerk", "API", "by letter", str(students[-1]), str(course)):
        assert words in text


def test_shows_the_number_of_results_in_place_of_the_rest(viewer: Client) -> None:
    StudentFactory.create(last_name="Smith")
    answer = viewer.get("/", {"q": "smith"})
    assert "Students: 1. Courses: 0." in answer.content.decode()
    assert "This term at a glance" not in answer.content.decode()


class TestCharts:
    def test_chart_of_seats(self, viewer: Client) -> None:
        term = TermFactory.create()
        for capacity, taken in (
            (10, 0),
            (4, 1),
            (2, 1),
            (4, 3),
            (10, 9),
            (1, 1),
            (0, 0),
            (None, 1),
        ):
            course = CourseFactory.create(term=term, capacity=capacity)
            for student in StudentFactory.create_batch(taken):
                enrolled(student, course)
        answer = viewer.get("/")
        [row] = answer.context["statistics"].terms
        assert [value for _label, value in row.charts[0].values] == [1, 1, 1, 1, 1, 2, 1]
        assert "25-49" in answer.content.decode()

    def test_chart_of_enrollments_by_day(self, viewer: Client) -> None:
        today = timezone.localdate()
        course = CourseFactory.create(
            term=TermFactory.create(enrollment_opens_on=today - timedelta(days=2))
        )
        for days in (0, 1, 1, 5):
            row = enrolled(StudentFactory.create(), course)
            Enrollment._base_manager.filter(pk=row.pk).update(
                enrolled_at=timezone.now() - timedelta(days=days)
            )
        [term] = viewer.get("/").context["statistics"].terms
        assert [value for _label, value in term.charts[1].values] == [0, 2, 1]

    def test_show_sixty_days_at_most(self, viewer: Client) -> None:
        today = timezone.localdate()
        TermFactory.create(starts_on=today - timedelta(days=90), ends_on=today)
        [term] = viewer.get("/").context["statistics"].terms
        assert len(term.charts[1].values) == 60

    def test_bars_start_at_the_line_and_the_longest_reaches_the_top(self) -> None:
        low, high, none = Chart("", [("a", 1), ("b", 4), ("c", 0)]).bars
        assert (low.height, low.y) == (20, 60)
        assert (high.height, high.y) == (80, 0)
        assert (none.height, none.y) == (0, 80)
        assert low.x < high.x < none.x
        assert none.x + none.width <= 320


class TestSlowStatistics:
    @pytest.fixture(autouse=True)
    def _local_cache(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.CACHES = settings.CACHES | {
            "default": {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "LOCATION": "statistics",
            }
        }
        cache.clear()
        monkeypatch.setattr("school.dashboard.statistics.SLOW_SECONDS", -1)

    def test_are_shown_in_the_language_of_each_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("school.dashboard.statistics.CACHE_FACTOR", 10_000)
        TermFactory.create()
        today = timezone.localdate()
        with override("de"):
            get_statistics()
        seats, days = get_statistics().terms[0].charts
        assert (str(seats.title), str(days.values[-1][0])) == (
            "Courses by the share of seats taken, in %",
            today.isoformat(),
        )
        with override("de"):
            assert (str(seats.title), str(days.values[-1][0])) == (
                "Kurse nach Anteil belegter Plätze, in %",
                f"{today:%d.%m.%Y}",
            )

    def test_are_cached(
        self, django_assert_num_queries: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("school.dashboard.statistics.CACHE_FACTOR", 10_000)
        term = TermFactory.create()
        assert [row.term for row in get_statistics().terms] == [term]
        with django_assert_num_queries(0):
            assert [row.term for row in get_statistics().terms] == [term]

    def test_are_computed_by_one_request_while_others_use_the_old_ones_for_some_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("school.dashboard.statistics.CACHE_FACTOR", 10_000)
        now = time()
        assert get_statistics().terms == []
        lifetime = cache.get(CACHE_KEY).fresh_until - now
        TermFactory.create()
        for later, number in ((0.5, 0), (1.5, 0), (2.5, 1)):
            with time_machine.travel(now + later * lifetime):
                cache.add(f"{CACHE_KEY}-counting", True)
                assert len(get_statistics().terms) == number

    def test_that_become_fast_are_no_longer_cached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("school.dashboard.statistics.SLOW_SECONDS", 1_000)
        cache.set(CACHE_KEY, replace(get_statistics(), fresh_until=0))
        get_statistics()
        assert cache.get(CACHE_KEY) is None

    def test_show_the_time_at_which_they_were_counted(
        self, viewer: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("school.dashboard.statistics.CACHE_FACTOR", 1_000_000)
        with time_machine.travel(timezone.now() - timedelta(minutes=5)):
            get_statistics()
        assert "Counted at" in viewer.get("/").content.decode()


def test_the_number_of_queries_is_bounded(
    viewer: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    courses: list[Course] = CourseFactory.create_batch(5, capacity=3)
    students: list[Student] = StudentFactory.create_batch(3)
    for course in courses:
        for student in students:
            enrolled(student, course)
    with django_assert_max_num_queries(12):
        viewer.get("/", {"q": "c"})


def test_a_user_without_a_role_sees_that_it_is_missing(browser_of: Browser) -> None:
    StudentFactory.create(last_name="Secret")
    answer = browser_of("Nobody").get("/", {"q": "secret"})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "no role yet" in text
    assert "Secret" not in text
    assert "/students/" not in text
