"""`/api/v1/students/{id}/courses` and `/api/v1/students/{id}/courses/{course_id}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    made: Student = StudentFactory()
    return made


@pytest.fixture
def url(student: Student) -> str:
    return f"/api/v1/students/{student.pk}/courses"


def current(student: Student) -> set[int]:
    return set(student.enrollments.filter(status="active").values_list("course_id", flat=True))


def reported(answer: Any) -> list[tuple[int, str]]:
    return [(item["course_id"], item["outcome"]) for item in answer.json()["outcomes"]]


class TestGet:
    def test_shows_current_ones_unless_asked(
        self, api: APIClient, student: Student, url: str
    ) -> None:
        rows = {
            status: enrolled(student, CourseFactory(), status)
            for status in (Status.ACTIVE, Status.COMPLETED, Status.WITHDRAWN)
        }
        enrolled(StudentFactory(), CourseFactory())

        def shown(**params: str) -> list[int]:
            return [row["enrollment_id"] for row in api.get(url, params).json()["results"]]

        assert shown() == [rows[Status.ACTIVE].pk]
        assert shown(status="all") == sorted(row.pk for row in rows.values())
        assert shown(status="withdrawn") == [rows[Status.WITHDRAWN].pk]

    def test_filters_by_term(self, api: APIClient, student: Student, url: str) -> None:
        row = enrolled(student, CourseFactory(term=TermFactory(code="A")))
        enrolled(student, CourseFactory(term=TermFactory(code="B")))
        assert [
            item["enrollment_id"] for item in api.get(url, {"term": "A"}).json()["results"]
        ] == [row.pk]

    def test_of_an_unknown_student_is_404(self, api: APIClient) -> None:
        assert api.get("/api/v1/students/404/courses").status_code == 404


class TestPost:
    def test_one_course(self, api: APIClient, student: Student, url: str) -> None:
        course = CourseFactory()
        answer = api.post(url, {"course_id": course.pk})
        row = Enrollment.objects.get()
        assert answer.status_code == 201
        assert answer.json()["student_id"] == student.pk
        [outcome] = answer.json()["outcomes"]
        assert outcome["outcome"] == "created"
        assert outcome["enrollment"]["id"] == row.pk
        record = row.history.get()
        assert (record.door, record.history_user.username) == ("api", "registrar")

    def test_several_courses(self, api: APIClient, student: Student, url: str) -> None:
        courses = CourseFactory.create_batch(3)
        answer = api.post(url, {"course_ids": [course.pk for course in courses]})
        assert answer.status_code == 201
        assert reported(answer) == [(course.pk, "created") for course in courses]
        assert current(student) == {course.pk for course in courses}

    def test_sent_again_is_200_and_unchanged(self, api: APIClient, url: str) -> None:
        course = CourseFactory()
        api.post(url, {"course_id": course.pk})
        answer = api.post(url, {"course_id": course.pk})
        assert answer.status_code == 200
        assert reported(answer) == [(course.pk, "unchanged")]
        assert Enrollment.history.model.objects.count() == 1

    def test_a_withdrawn_pair_is_reactivated_with_201(
        self, api: APIClient, student: Student, url: str
    ) -> None:
        row = enrolled(student, CourseFactory(), Status.WITHDRAWN)
        answer = api.post(url, {"course_id": row.course_id})
        assert (answer.status_code, reported(answer)) == (201, [(row.course_id, "reactivated")])

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({}, "", "required"),
            ({"course_id": "7"}, "/course_id", "invalid"),
            ({"course_id": None}, "/course_id", "null"),
            ({"course_id": 7.0}, "/course_id", "invalid"),
            ({"course_id": True}, "/course_id", "invalid"),
            ({"course_id": 0}, "/course_id", "min_value"),
            ({"course_id": 2**63}, "/course_id", "max_value"),
            ({"course_id": 2**70}, "/course_id", "invalid"),
            ({"course_ids": []}, "/course_ids", "empty"),
            ({"course_ids": 7}, "/course_ids", "not_a_list"),
            ({"course_ids": [1, "x"]}, "/course_ids/1", "invalid"),
            ({"course_ids": list(range(1, 1002))}, "/course_ids", "max_length"),
            ({"course_id": 7, "course_ids": [7]}, "", "required"),
            ({"course": 7}, "/course", "invalid"),
            ({"lesson": 7}, "/lesson", "unknown_field"),
            ([7], "", "invalid"),
            ("7", "", "invalid"),
        ],
    )
    def test_a_wrong_body_is_400_with_its_pointer(
        self, api: APIClient, url: str, body: Any, pointer: str, code: str
    ) -> None:
        answer = api.post(url, body)
        assert answer.status_code == 400
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            (pointer, code)
        ]

    def test_an_unknown_course_in_the_body_is_400_and_nothing_is_written(
        self, api: APIClient, url: str
    ) -> None:
        answer = api.post(url, {"course_ids": [CourseFactory().pk, 404]})
        assert (answer.status_code, answer.json()["code"]) == (400, "not_found")
        [error] = answer.json()["errors"]
        assert error == {
            "pointer": "/course_ids/1",
            "code": "not_found",
            "detail": "There is no course with the id 404.",
            "params": {"course_id": 404},
        }
        assert not Enrollment.objects.exists()

    def test_the_largest_id_that_fits_is_only_unknown(self, api: APIClient, url: str) -> None:
        assert api.post(url, {"course_id": 2**63 - 1}).json()["code"] == "not_found"

    def test_an_unknown_student_in_the_path_is_404(self, api: APIClient) -> None:
        assert (
            api.post("/api/v1/students/404/courses", {"course_id": CourseFactory().pk}).status_code
            == 404
        )

    def test_a_refusal_is_409_with_every_reason_and_outcome(
        self, api: APIClient, student: Student, url: str
    ) -> None:
        good, bad = CourseFactory(), CourseFactory(is_open=False, capacity=0)
        answer = api.post(url, {"course_ids": [good.pk, bad.pk]})
        body = answer.json()
        assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
        assert (body["type"], body["code"]) == ("/api/v1/problems/course_closed", "course_closed")
        assert [(error["pointer"], error["code"]) for error in body["errors"]] == [
            ("/course_ids/1", "course_closed"),
            ("/course_ids/1", "course_full"),
        ]
        assert body["errors"][1]["params"] == {
            "course": str(bad),
            "course_id": bad.pk,
            "taken": 0,
            "capacity": 0,
        }
        assert reported(answer) == [(good.pk, "created"), (bad.pk, "refused")]
        assert [item["enrollment"] for item in body["outcomes"]] == [None, None]
        assert current(student) == set()


class TestPatch:
    def test_adds_and_removes(self, api: APIClient, student: Student, url: str) -> None:
        row, new = enrolled(student, CourseFactory()), CourseFactory()
        answer = api.patch(url, {"add": [new.pk], "remove": [row.course_id]})
        assert (answer.status_code, reported(answer)) == (
            200,
            [(new.pk, "created"), (row.course_id, "withdrawn")],
        )
        assert current(student) == {new.pk}

    def test_course_ids_means_add(self, api: APIClient, student: Student, url: str) -> None:
        row, new = enrolled(student, CourseFactory()), CourseFactory()
        assert api.patch(url, {"course_ids": [new.pk]}).status_code == 200
        assert current(student) == {row.course_id, new.pk}

    def test_removing_what_is_not_there_is_unchanged(self, api: APIClient, url: str) -> None:
        course = CourseFactory()
        assert reported(api.patch(url, {"remove": [course.pk]})) == [(course.pk, "unchanged")]

    def test_a_refused_add_removes_nothing(
        self, api: APIClient, student: Student, url: str
    ) -> None:
        row = enrolled(student, CourseFactory())
        answer = api.patch(url, {"add": [CourseFactory(capacity=0).pk], "remove": [row.course_id]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/add/0")
        assert current(student) == {row.course_id}

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"add": [7], "remove": [7]}, "/remove"),
            ({}, ""),
            ({"add": [7], "course_ids": [8]}, ""),
            ({"remove": [404]}, "/remove/0"),
            ({"put": []}, "/put"),
        ],
    )
    def test_a_wrong_body_is_400(self, api: APIClient, url: str, body: Any, pointer: str) -> None:
        answer = api.patch(url, body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


class TestPut:
    def test_makes_exactly_these_current(self, api: APIClient, student: Student, url: str) -> None:
        stays, goes, comes = CourseFactory.create_batch(3)
        enrolled(student, stays)
        enrolled(student, goes)
        answer = api.put(url, {"course_ids": [comes.pk, stays.pk]})
        assert (answer.status_code, reported(answer)) == (
            200,
            [(comes.pk, "created"), (stays.pk, "unchanged"), (goes.pk, "withdrawn")],
        )
        assert current(student) == {comes.pk, stays.pk}

    def test_an_empty_list_withdraws_all(self, api: APIClient, student: Student, url: str) -> None:
        enrolled(student, CourseFactory())
        assert api.put(url, {"course_ids": []}).status_code == 200
        assert current(student) == set()

    def test_asks_for_the_list(self, api: APIClient, url: str) -> None:
        answer = api.put(url, {})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/course_ids")

    def test_a_refusal_withdraws_nothing(self, api: APIClient, student: Student, url: str) -> None:
        row = enrolled(student, CourseFactory())
        answer = api.put(url, {"course_ids": [CourseFactory(capacity=0).pk]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/course_ids/0")
        assert current(student) == {row.course_id}


class TestDelete:
    def test_withdraws_and_keeps_the_row(self, api: APIClient, student: Student, url: str) -> None:
        row = enrolled(student, CourseFactory())
        assert api.delete(f"{url}/{row.course_id}").status_code == 204
        assert Enrollment.objects.get().status == Status.WITHDRAWN

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.WITHDRAWN, None])
    def test_without_a_current_enrollment_is_404(
        self, api: APIClient, student: Student, url: str, status: Status | None
    ) -> None:
        course: Course = CourseFactory()
        if status:
            enrolled(student, course, status)
        assert api.delete(f"{url}/{course.pk}").status_code == 404

    @pytest.mark.parametrize("course", ["404", "99999999999999999999"])
    def test_of_an_unknown_course_is_404(self, api: APIClient, url: str, course: str) -> None:
        assert api.delete(f"{url}/{course}").status_code == 404


class TestSetOfOneTerm:
    def test_leaves_the_courses_of_other_terms(self, api: APIClient) -> None:
        student, other = StudentFactory(), CourseFactory()
        old, new = CourseFactory.create_batch(2, term=TermFactory(code="2026-FA"))
        for course in (old, other):
            enrolled(student, course)
        body = {"term": "2026-FA", "course_ids": [new.pk]}
        url = f"/api/v1/students/{student.pk}/courses"
        preview = api.put(url, {**body, "validate_only": True}).json()["outcomes"]
        outcomes = api.put(url, body).json()["outcomes"]
        reported = [(item["course_id"], item["outcome"]) for item in outcomes]
        assert reported == [(new.pk, "created"), (old.pk, "withdrawn")]
        assert [(item["course_id"], item["outcome"]) for item in preview] == reported
        current = Enrollment.objects.current().values_list("course", flat=True)
        assert set(current) == {new.pk, other.pk}

    def test_with_a_course_of_another_term_or_an_unknown_term_is_400(self, api: APIClient) -> None:
        student, course, other = StudentFactory(), CourseFactory(), CourseFactory()
        url = f"/api/v1/students/{student.pk}/courses"
        body = {"term": course.term.code, "course_ids": [course.pk, other.pk]}
        [error] = api.put(url, body).json()["errors"]
        assert (error["pointer"], error["code"]) == ("/course_ids/1", "contradiction")
        answer = api.put(url, {"term": "NONE", "course_ids": []})
        [error] = answer.json()["errors"]
        found = (answer.status_code, error["pointer"], error["code"])
        assert found == (400, "/term", "not_found")
        assert api.put(url, {"term": "\0", "course_ids": []}).status_code == 400
        assert not Enrollment.objects.exists()
