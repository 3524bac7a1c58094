"""`/api/v1/courses/{id}/students`."""

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import WITHDRAW_MISTAKE, EnrollmentChange
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    made: Course = CourseFactory()
    return made


@pytest.fixture
def url(course: Course) -> str:
    return f"/api/v1/courses/{course.pk}/students"


class TestGet:
    def test_shows_the_student_and_the_enrollment(
        self, api: APIClient, course: Course, url: str
    ) -> None:
        row = enrolled(
            StudentFactory(
                number="S1", first_name="Ann", last_name="Smith", email="a@school.example"
            ),
            course,
        )
        [shown] = api.get(url).json()["results"]
        assert shown.pop("enrolled_at")
        assert shown == {
            "id": row.student_id,
            "number": "S1",
            "first_name": "Ann",
            "last_name": "Smith",
            "email": "a@school.example",
            "is_active": True,
            "enrollment_id": row.pk,
            "status": "active",
            "by_mistake": False,
            "position": None,
            "overridden": [],
        }

    def test_leaves_mistakes_out_unless_asked(
        self, api: APIClient, course: Course, url: str
    ) -> None:
        row = enrolled(StudentFactory(), course)
        left = enrolled(StudentFactory(), course, Status.WITHDRAWN)
        change = EnrollmentChange(row.student_id, row.course_id, WITHDRAW_MISTAKE)
        service.apply_changes([change])
        for path in (url, f"/api/v1/students/{row.student_id}/courses"):
            for query, ids in (
                ("status=all", {left.pk} if path == url else set()),
                ("status=withdrawn&by_mistake=true", {row.pk}),
            ):
                results = api.get(f"{path}?{query}").json()["results"]
                assert {found["enrollment_id"] for found in results} == ids
        # A change feed that lacked it would never tell that it was withdrawn.
        feed = api.get("/api/v1/enrollments").json()["results"]
        assert {found["id"]: found["by_mistake"] for found in feed} == {
            row.pk: True,
            left.pk: False,
        }

    def test_filters_by_status_and_search(self, api: APIClient, course: Course, url: str) -> None:
        ann = enrolled(StudentFactory(last_name="Smith"), course)
        bob = enrolled(StudentFactory(last_name="Smithson"), course, Status.WITHDRAWN)
        enrolled(StudentFactory(last_name="Jones"), course)

        def shown(**params: str) -> list[int]:
            return [row["enrollment_id"] for row in api.get(url, params).json()["results"]]

        assert shown(search="smi") == [ann.pk]
        assert shown(search="smi", status="all") == [ann.pk, bob.pk]
        assert shown(status="withdrawn") == [bob.pk]

    def test_of_an_unknown_course_is_404(self, api: APIClient) -> None:
        assert api.get("/api/v1/courses/404/students").status_code == 404


class TestPost:
    def test_enrolls_several_students(self, api: APIClient, course: Course, url: str) -> None:
        students = StudentFactory.create_batch(2)
        answer = api.post(url, {"student_ids": [student.pk for student in students]})
        assert (answer.status_code, answer.json()["course_id"]) == (201, course.pk)
        assert [(item["student_id"], item["outcome"]) for item in answer.json()["outcomes"]] == [
            (student.pk, "created") for student in students
        ]

    def test_enrolls_one_student(self, api: APIClient, url: str) -> None:
        assert api.post(url, {"student_id": StudentFactory().pk}).status_code == 201

    def test_more_than_there_are_seats_are_all_refused(self, api: APIClient) -> None:
        course = CourseFactory(capacity=1)
        students = StudentFactory.create_batch(2)
        answer = api.post(
            f"/api/v1/courses/{course.pk}/students",
            {"student_ids": [student.pk for student in students]},
        )
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
            409,
            "/student_ids/1",
        )
        assert not Enrollment.objects.exists()

    def test_an_unknown_student_is_400(self, api: APIClient, url: str) -> None:
        answer = api.post(url, {"student_ids": [404]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
            400,
            "/student_ids/0",
        )

    def test_an_unknown_course_is_404(self, api: APIClient) -> None:
        assert (
            api.post(
                "/api/v1/courses/404/students", {"student_ids": [StudentFactory().pk]}
            ).status_code
            == 404
        )
