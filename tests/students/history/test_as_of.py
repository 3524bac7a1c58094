"""`as_of`: who had which course at a time, and the waitlist then, in the API and on pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from students.enrollment import service
from students.enrollment.change_feed import ChangeTimes
from students.enrollment.transitions import WITHDRAW, EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 12, 10, tzinfo=UTC)
WAIT = Options(waitlist=True)


@pytest.fixture(autouse=True)
def _an_hour_between_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first change is at START, the next an hour later, and so on."""

    def find_times(*_found: object) -> ChangeTimes:
        # Not a counter of calls: a change that is decided again has the same time.
        earlier = Enrollment.history.values("history_date").distinct().count()
        time = START + timedelta(hours=earlier)
        return ChangeTimes(time, time)

    monkeypatch.setattr("students.enrollment.snapshot.find_change_times", find_times)


def after(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


def standing(api: APIClient, path: str, **params: str) -> list[tuple[int, str, int | None]]:
    answer = api.get(f"/api/v1{path}", params)
    assert answer.status_code == 200, answer.content
    return [(row["id"], row["status"], row["position"]) for row in answer.json()["results"]]


def test_a_roster_at_each_moment(api: APIClient) -> None:
    course = CourseFactory(capacity=1)
    first, second, third = StudentFactory.create_batch(3)
    enrolled(first, course)
    for student in (second, third):
        service.enroll([(student.pk, course.pk)], WAIT)
    service.withdraw([(first.pk, course.pk)])

    def roster(hours: float, **params: str) -> list[tuple[int, str, int | None]]:
        return standing(api, f"/courses/{course.pk}/students", as_of=after(hours), **params)

    assert roster(-1) == []
    assert roster(0) == [(first.pk, "active", None)]
    assert roster(1.5) == [(first.pk, "active", None), (second.pk, "waitlisted", 1)]
    assert roster(2) == [
        (first.pk, "active", None),
        (second.pk, "waitlisted", 1),
        (third.pk, "waitlisted", 2),
    ]
    assert roster(3) == [(second.pk, "active", None), (third.pk, "waitlisted", 1)]
    assert roster(3, status="withdrawn") == [(first.pk, "withdrawn", None)]
    assert roster(3, status="all", search=first.number) == [(first.pk, "withdrawn", None)]
    assert roster(2, status="waitlisted", limit="1") == [(second.pk, "waitlisted", 1)]


def test_a_students_courses_at_each_moment(api: APIClient) -> None:
    student, (one, two) = StudentFactory(), CourseFactory.create_batch(2)
    enrolled(student, one)
    enrolled(student, two, Status.COMPLETED)
    service.withdraw([(student.pk, one.pk)])
    service.enroll([(student.pk, one.pk)])

    def courses(hours: float, **params: str) -> list[tuple[int, str, int | None]]:
        return standing(api, f"/students/{student.pk}/courses", as_of=after(hours), **params)

    assert courses(1) == courses(0) == [(one.pk, "active", None)]
    assert courses(2) == []
    assert standing(api, f"/students/{student.pk}/courses", as_of="2026-03-12T10:00Z") == courses(0)
    assert courses(2, status="all", term=two.term.code) == [(two.pk, "completed", None)]
    assert (
        courses(3)
        == courses(9_000)
        == standing(api, f"/students/{student.pk}/courses")
        == [(one.pk, "active", None)]
    )


def test_two_changes_in_one_list_show_where_it_ended(api: APIClient) -> None:
    student, course = StudentFactory(), CourseFactory()
    row = enrolled(student, course)
    service.apply_changes(
        [EnrollmentChange(student.pk, course.pk, WITHDRAW), EnrollmentChange(student.pk, course.pk)]
    )
    assert standing(api, f"/courses/{course.pk}/students", as_of=after(1)) == [
        (row.student_id, "active", None)
    ]


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2026-13-01T00:00Z", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00", ""],
)
def test_a_moment_that_cannot_be_read_is_400(api: APIClient, value: str) -> None:
    answer = api.get(f"/api/v1/students/{StudentFactory().pk}/courses", {"as_of": value})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "as_of")


@pytest.mark.parametrize(
    "path",
    [
        "/students/{student}/courses?as_of",
        "/courses/{course}/students?as_of",
        "/enrollments?updated_since",
    ],
)
def test_any_offset_is_understood(api: APIClient, path: str) -> None:
    """PostgreSQL knows none of 16 hours and more."""
    row = enrolled(StudentFactory(), CourseFactory())
    moment = (
        row.enrolled_at.replace(tzinfo=None) + timedelta(hours=17, minutes=52)
    ).isoformat() + "%2B17:52"
    answer = api.get(f"/api/v1{path}={moment}".format(student=row.student_id, course=row.course_id))
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == 1


def test_takes_one_query_for_any_number_of_rows(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    course = CourseFactory()
    for student in StudentFactory.create_batch(5):
        enrolled(student, course)
    with django_assert_max_num_queries(6):
        assert len(standing(api, f"/courses/{course.pk}/students", as_of=after(9))) == 5
    assert Enrollment.objects.count() == 5


class TestOnThePages:
    def test_the_roster_with_its_file(self, clerk: Client) -> None:
        course = CourseFactory(capacity=1)
        first, second = (StudentFactory(last_name=name) for name in ("Abel", "Bell"))
        enrolled(first, course)
        service.enroll([(second.pk, course.pk)], WAIT)
        service.withdraw([(first.pk, course.pk)])
        text = clerk.get(f"/courses/{course.pk}/?as_of=2026-03-12T11:30").content.decode()
        roster = text[text.index("roster-title") : text.index("history-title")]
        assert (
            roster.index("Abel, ")
            < roster.index("Waitlist, in the order of coming")
            < roster.index("Bell, ")
            < roster.index("place 1")
        )
        assert "as they stood at 2026-03-12 11:30" in roster
        assert "/withdraw/" not in roster
        file = clerk.get(f"/courses/{course.pk}/roster.csv?as_of=2026-03-12T11:30").content.decode()
        assert [line.split(",")[1:6:3] for line in file.splitlines()[1:]] == [
            ["Abel", "active"],
            ["Bell", "waitlisted"],
        ]

    def test_the_sheet_says_of_when_it_is(self, clerk: Client) -> None:
        course = CourseFactory(capacity=7)
        row = enrolled(StudentFactory(last_name="Abel"), course)
        service.withdraw([(row.student_id, course.pk)])
        then, now = (
            clerk.get(f"/courses/{course.pk}/sheet/{query}").content.decode()
            for query in ("?as_of=2026-03-12T10:30", "")
        )
        assert ("Abel, " in then, "Abel, " in now) == (True, False)
        assert ("Seats taken" in then, "Seats taken" in now) == (False, True)
        assert f"{course.term.code}. As it stood at 2026-03-12 10:30; printed " in then

    @pytest.mark.parametrize("printed", ["roster.csv", "sheet/"])
    def test_what_cannot_be_read_is_refused_where_there_is_no_place_to_say_so(
        self, clerk: Client, printed: str
    ) -> None:
        row = enrolled(StudentFactory(last_name="Abel"), CourseFactory())
        answer = clerk.get(
            f"/courses/{row.course_id}/{printed}", {"as_of": "yesterday", "status": "<b>"}
        )
        assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")
        text = answer.content.decode()
        assert "As it stood at: Enter a valid date/time." in text
        assert (
            "Status: Select a valid choice. &lt;b&gt; is not one of the available choices." in text
        )
        assert "Abel" not in text

    def test_a_students_courses(self, clerk: Client) -> None:
        student, course = StudentFactory(), CourseFactory(code="LOGIC")
        enrolled(student, course)
        service.withdraw([(student.pk, course.pk)])
        url = f"/students/{student.pk}/"
        then, now = (clerk.get(url + query) for query in ("?as_of=2026-03-12T10:30", ""))
        assert [
            len(answer.context[group]) for answer in (then, now) for group in ("current", "ended")
        ] == [1, 0, 0, 1]
        assert "/withdraw/" not in then.content.decode()

    def test_a_moment_that_cannot_be_read_is_told_and_today_is_shown(self, clerk: Client) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        answer = clerk.get(f"/students/{row.student_id}/?as_of=yesterday")
        assert answer.context["current"] == [row]
        assert "Enter a valid date/time." in answer.content.decode()
