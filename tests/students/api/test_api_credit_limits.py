"""The credit limits of one student, and the credits that a student's row shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def term() -> Term:
    return TermFactory.create(code="2026-FA", max_credits=6)


def get_url(student: Student, term: Term | str | None = None) -> str:
    url = f"/api/v1/students/{student.pk}/credit-limits"
    return f"{url}/{term}" if term else url


def test_a_limit_is_created_read_changed_and_deleted(
    api: APIClient, student: Student, term: Term
) -> None:
    other = CreditLimit.objects.create(student=StudentFactory.create(), term=term, max_credits=1)
    url, body = get_url(student, term), {"max_credits": "21.00", "reason": "Honours"}
    assert api.get(url).status_code == 404
    answer = api.put(url, body)
    assert (answer.status_code, answer.json()) == (201, {"term": "2026-FA", **body})
    assert api.get(get_url(student)).json()["results"] == [answer.json()]
    read = api.get(url)
    assert (read.json(), read["ETag"]) == (answer.json(), answer["ETag"])
    assert api.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304

    # What was read may be sent back; that changes nothing.
    assert api.put(url, answer.json()).status_code == 200
    assert CreditLimit.history.filter(student=student).count() == 1
    changed = api.put(url, {"max_credits": None})
    assert (changed.status_code, changed.json()["max_credits"]) == (200, None)
    assert changed.json()["reason"] == "Honours"
    assert api.delete(url).status_code == 204
    assert api.delete(url).status_code == 404
    assert list(CreditLimit.objects.all()) == [other]
    records = CreditLimit.history.filter(student=student).order_by("history_id")
    assert [(record.history_type, record.door) for record in records] == [
        ("+", "api"),
        ("~", "api"),
        ("-", "api"),
    ]


def test_a_limit_of_no_credits_or_any_number_is_created(
    api: APIClient, student: Student, term: Term
) -> None:
    assert api.put(get_url(student, term), {"max_credits": 0}).json()["max_credits"] == "0.00"
    unlimited = StudentFactory.create()
    answer = api.put(get_url(unlimited, term), {"max_credits": None})
    expected = {"term": "2026-FA", "max_credits": None, "reason": ""}
    assert (answer.status_code, answer.json()) == (201, expected)


def test_a_stale_limit_is_not_written(api: APIClient, student: Student, term: Term) -> None:
    url = get_url(student, term)
    assert api.put(url, {"max_credits": 1}, headers={"If-Match": "*"}).status_code == 412
    created = api.put(url, {"max_credits": 1}, headers={"If-None-Match": "*"})
    assert created.status_code == 201
    assert api.put(url, {"max_credits": 2}, headers={"If-None-Match": "*"}).status_code == 412
    fresh = {"If-Match": created["ETag"]}
    changed = api.put(url, {"max_credits": 2}, headers=fresh)
    assert changed.status_code == 200
    assert api.put(url, {"max_credits": 3}, headers=fresh).status_code == 412
    assert api.delete(url, headers=fresh).status_code == 412
    assert api.delete(url, headers={"If-Match": changed["ETag"]}).status_code == 204


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/max_credits", "required"),
        ({"max_credits": -1}, "/max_credits", "min_value"),
        ({"max_credits": "many"}, "/max_credits", "invalid"),
        ({"max_credits": 1000}, "/max_credits", "max_whole_digits"),
        ({"max_credits": 1, "reason": "x" * 201}, "/reason", "max_length"),
        ({"max_credits": 1, "credits": 2}, "/credits", "unknown_field"),
    ],
)
def test_an_error_names_its_place(
    api: APIClient, student: Student, term: Term, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api.put(get_url(student, term), body)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not CreditLimit.objects.exists()


def test_unknown_students_and_terms(api: APIClient, student: Student, term: Term) -> None:
    unknown = Student(pk=student.pk + 1)
    for url in (get_url(unknown, term), get_url(student, "OTHER"), get_url(student, "a%00b")):
        assert api.get(url).status_code == 404, url
        assert api.put(url, {"max_credits": 1}).status_code == 404, url
        assert api.delete(url).status_code == 404, url
    assert api.get(get_url(student)).json()["results"] == []
    assert api.get(get_url(unknown)).status_code == 404


def test_who_may_write_them(
    api_of: Callable[[str], APIClient], student: Student, term: Term
) -> None:
    url, clerk, registrar = get_url(student, term), api_of("Clerk"), api_of("Registrar")
    assert clerk.put(url, {"max_credits": 1}).status_code == 403
    assert registrar.put(url, {"max_credits": 1}).status_code == 201
    assert clerk.get(url).json()["max_credits"] == "1.00"
    assert clerk.put(url, {"max_credits": 2}).status_code == 403
    assert clerk.delete(url).status_code == 403
    assert registrar.delete(url).status_code == 204


def test_a_changed_limit_moves_the_waitlists_of_the_student(
    api: APIClient, student: Student, term: Term
) -> None:
    taken, waited_for = (
        CourseFactory.create(term=term, credits=4, capacity=capacity) for capacity in (None, 0)
    )
    enrolled(student, waited_for, Status.WAITLISTED)
    enrolled(student, taken)
    url = get_url(student, term)
    for limit, expected in ((7, "waitlisted"), (8, "active")):
        assert api.put(url, {"max_credits": limit}).status_code in (200, 201)
        Course.objects.filter(pk=waited_for.pk).update(capacity=1)
        api.put(url, {"max_credits": limit, "reason": "again"})
        assert Enrollment.objects.get(course=waited_for).status == expected

    # A deleted limit, too: the term's own is higher now.
    other = StudentFactory.create()
    third = CourseFactory.create(term=term, credits=3, capacity=0)
    enrolled(other, third, Status.WAITLISTED)
    assert api.put(get_url(other, term), {"max_credits": 1}).status_code == 201
    Course.objects.filter(pk=third.pk).update(capacity=1)
    assert Enrollment.objects.get(course=third).status == "waitlisted"
    assert api.delete(get_url(other, term)).status_code == 204
    assert Enrollment.objects.get(course=third).status == "active"


class TestLoad:
    def read(self, api: APIClient, student: Student) -> list[dict[str, Any]]:
        loads: list[dict[str, Any]] = api.get(f"/api/v1/students/{student.pk}").json()["load"]
        return loads

    def test_counts_active_and_completed_courses_of_each_term(
        self, api: APIClient, student: Student, term: Term
    ) -> None:
        assert self.read(api, student) == []
        later = TermFactory.create(code="2027-SP", starts_on=term.starts_on + timedelta(days=30))
        for status in ("active", "completed", "withdrawn"):
            course = CourseFactory.create(term=term, credits="1.50")
            enrolled(student, course)
            if status != "active":
                enrolled(student, course, Status(status))
        enrolled(student, CourseFactory.create(term=later, credits=4))
        waiting = CourseFactory.create(term=later, capacity=0)
        enrolled(student, waiting, Status.WAITLISTED)
        enrolled(StudentFactory.create(), CourseFactory.create(term=later, credits=4))
        loads = [
            {"term": "2026-FA", "credits": "3.00", "max": "6.00"},
            {"term": "2027-SP", "credits": "4.00", "max": None},
        ]
        assert self.read(api, student) == loads
        # The answer to a change is the same as that to a read.
        changed = api.patch(f"/api/v1/students/{student.pk}", {"first_name": "Other"})
        assert changed.json()["load"] == loads
        assert api.get(f"/api/v1/students/{student.pk}")["ETag"] == changed["ETag"]

        api.put(get_url(student, term), {"max_credits": None})
        api.put(get_url(student, later), {"max_credits": "3.5"})
        limits = [(load["term"], load["max"]) for load in self.read(api, student)]
        assert limits == [("2026-FA", None), ("2027-SP", "3.50")]
        assert api.get(f"/api/v1/students/{student.pk}")["ETag"] != changed["ETag"]

    def test_of_terms_with_a_limit_and_not_of_those_that_are_over(
        self, api: APIClient, student: Student, term: Term
    ) -> None:
        today = timezone.localdate()
        over = TermFactory.create(
            starts_on=today - timedelta(days=90), ends_on=today - timedelta(days=1)
        )
        enrolled(student, CourseFactory.create(term=over))
        for each in (term, over):
            api.put(get_url(student, each), {"max_credits": 9})
        assert self.read(api, student) == [{"term": "2026-FA", "credits": "0.00", "max": "9.00"}]
        Term.objects.filter(pk=over.pk).update(ends_on=today)
        loads = [(load["term"], load["credits"]) for load in self.read(api, student)]
        assert loads == [(over.code, "3.00"), ("2026-FA", "0.00")]


class TestFilters:
    @pytest.fixture
    def clash(self, student: Student, term: Term) -> list[Enrollment]:
        """Two sections of one course at one time, which are 8 credits together."""
        courses = [CourseFactory.create(term=term, credits=0) for _ in range(2)]
        rows = [enrolled(student, course) for course in courses]
        for section, course in zip(("A", "B"), courses, strict=True):
            course.code, course.section, course.credits = "LAT-1", section, 4
            course.meetings = "Mon 10:00-11:00"
            course.save()
        enrolled(StudentFactory.create(), courses[0])
        return rows

    def find(self, api: APIClient, query: str) -> list[int]:
        answer = api.get(f"/api/v1/{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    def test_find_what_a_rule_would_refuse(
        self, api: APIClient, student: Student, term: Term, clash: list[Enrollment]
    ) -> None:
        other = TermFactory.create(code="OTHER")
        for query, expected in {
            "enrollments?clashing=true": [row.pk for row in clash],
            "enrollments?doubled=true": [row.pk for row in clash],
            "enrollments?clashing=true&doubled=true&status=active": [row.pk for row in clash],
            f"enrollments?clashing=true&course={clash[0].course_id}": [clash[0].pk],
            "students?over_credit_limit=true": [student.pk],
            "students?over_credit_limit=true&is_active=false": [],
        }.items():
            assert self.find(api, f"{query}&term={term}") == expected, query
            assert self.find(api, f"{query}&term={other}") == [], query

    @pytest.mark.parametrize(
        ("query", "parameter", "code"),
        [
            ("enrollments?clashing=true", "term", "required"),
            ("enrollments?doubled=true", "term", "required"),
            ("enrollments?prerequisite_open=true", "term", "required"),
            ("students?over_credit_limit=true", "term", "required"),
            ("enrollments?clashing=false&term=2026-FA", "clashing", "invalid"),
            ("enrollments?clashing=1&term=2026-FA", "clashing", "invalid"),
            ("enrollments?clashing=true&term=OTHER", "term", "invalid"),
        ],
    )
    def test_wrong_ones_are_refused(
        self, api: APIClient, term: Term, query: str, parameter: str, code: str
    ) -> None:
        answer = api.get(f"/api/v1/{query}")
        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert (error["parameter"], error["code"]) == (parameter, code)
