"""`/api/v1/enrollments`, one of them, and its history."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from students.enrollment import service
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db
URL = "/api/v1/enrollments"


class TestList:
    def test_filters(self, api: APIClient) -> None:
        term = TermFactory(code="A")
        row = enrolled(StudentFactory(), CourseFactory(term=term))
        other = enrolled(StudentFactory(), CourseFactory(), Status.COMPLETED)

        def shown(**params: str | int) -> list[int]:
            return [item["id"] for item in api.get(URL, params).json()["results"]]

        assert shown() == [row.pk, other.pk]
        assert (
            shown(student=row.student_id)
            == shown(course=row.course_id)
            == shown(term="A")
            == shown(status="active")
            == [row.pk]
        )
        assert shown(status="completed") == [other.pk]

    def test_updated_since_shows_withdrawals_in_the_order_of_change(self, api: APIClient) -> None:
        first, second, third = (enrolled(StudentFactory(), CourseFactory()) for _ in range(3))
        since = second.updated_at
        service.withdraw([(first.student_id, first.course_id)])
        answer = api.get(URL, {"updated_since": since.isoformat(), "limit": "2"})
        rows = answer.json()["results"] + api.get(answer.json()["next"]).json()["results"]
        assert [(row["id"], row["status"]) for row in rows] == [
            (second.pk, "active"),
            (third.pk, "active"),
            (first.pk, "withdrawn"),
        ]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("updated_since", "yesterday"),
            ("status", "gone"),
            ("student", "-1"),
            ("student", "1e3"),
            ("course", "1.5"),
        ],
    )
    def test_a_wrong_filter_is_400(self, api: APIClient, name: str, value: str) -> None:
        answer = api.get(URL, {name: value})
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, name)


class TestPostOne:
    def test_answers_201_with_location_and_enrollment(self, api: APIClient) -> None:
        student, course = StudentFactory(), CourseFactory()
        answer = api.post(URL, {"student_id": student.pk, "course_id": course.pk})
        row = Enrollment.objects.get()
        assert answer.status_code == 201
        assert answer["Location"].endswith(f"{URL}/{row.pk}")
        assert {
            name: answer.json()[name] for name in ("id", "student_id", "course_id", "status")
        } == {
            "id": row.pk,
            "student_id": student.pk,
            "course_id": course.pk,
            "status": "active",
        }

    def test_sent_again_is_200_without_a_location(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        answer = api.post(URL, {"student_id": row.student_id, "course_id": row.course_id})
        assert (answer.status_code, answer.json()["id"], "Location" in answer) == (
            200,
            row.pk,
            False,
        )

    def test_unknown_ids_are_400_each_with_its_pointer(self, api: APIClient) -> None:
        answer = api.post(URL, {"student_id": 404, "course_id": 405})
        assert (answer.status_code, answer.json()["code"]) == (400, "not_found")
        assert [(error["pointer"], error["params"]) for error in answer.json()["errors"]] == [
            ("/student_id", {"student_id": 404}),
            ("/course_id", {"course_id": 405}),
        ]

    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({}, [""]),
            ({"student_id": 1}, ["/course_id"]),
            ({"course_id": 1}, ["/student_id"]),
            ({"student_id": 1, "course_id": 1, "status": "completed"}, ["/status"]),
            ({"student_id": 1, "enrollments": []}, ["/enrollments"]),
            ({"enrollments": [{"student_id": 1}]}, ["/enrollments/0/course_id"]),
            ({"enrollments": [7]}, ["/enrollments/0"]),
        ],
    )
    def test_a_wrong_body_is_400(self, api: APIClient, body: Any, pointers: list[str]) -> None:
        answer = api.post(URL, body)
        assert answer.status_code == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == pointers


class TestPostMany:
    def test_answers_each_with_its_index(self, api: APIClient) -> None:
        row, student, course = (
            enrolled(StudentFactory(), CourseFactory()),
            StudentFactory(),
            CourseFactory(),
        )
        pairs = [(row.student_id, row.course_id), (student.pk, course.pk)]
        answer = api.post(
            URL, {"enrollments": [{"student_id": s, "course_id": c} for s, c in pairs]}
        )
        assert answer.status_code == 201
        reported = [
            (item["index"], item["student_id"], item["course_id"], item["outcome"])
            for item in answer.json()["outcomes"]
        ]
        assert reported == [(0, *pairs[0], "unchanged"), (1, *pairs[1], "created")]

    def test_one_refusal_writes_nothing(self, api: APIClient) -> None:
        student, good, full = StudentFactory(), CourseFactory(), CourseFactory(capacity=0)
        answer = api.post(
            URL,
            {
                "enrollments": [
                    {"student_id": student.pk, "course_id": course.pk} for course in (good, full)
                ]
            },
        )
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
            409,
            "/enrollments/1/course_id",
        )
        assert not Enrollment.objects.exists()

    def test_at_most_a_thousand(self, api: APIClient) -> None:
        answer = api.post(URL, {"enrollments": [{"student_id": 1, "course_id": 1}] * 1001})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/enrollments")

    def test_a_thousand_at_once(self, api: APIClient) -> None:
        course = CourseFactory(capacity=1000)
        students = StudentFactory.create_batch(1000)
        answer = api.post(
            URL,
            {
                "enrollments": [
                    {"student_id": student.pk, "course_id": course.pk} for student in students
                ]
            },
        )
        assert answer.status_code == 201
        assert Enrollment.objects.filter(course=course).count() == 1000


class TestPatch:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (Status.ACTIVE, Status.COMPLETED),
            (Status.ACTIVE, Status.WITHDRAWN),
            (Status.WITHDRAWN, Status.ACTIVE),
            (Status.COMPLETED, Status.WITHDRAWN),
            (Status.ACTIVE, Status.ACTIVE),
        ],
    )
    def test_sets_the_status(self, api: APIClient, before: Status, after: Status) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), before)
        answer = api.patch(f"{URL}/{row.pk}", {"status": after})
        assert (answer.status_code, answer.json()["status"]) == (200, after)
        assert Enrollment.objects.get().status == after

    def test_a_way_that_there_is_not_is_409(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status.WITHDRAWN)
        answer = api.patch(f"{URL}/{row.pk}", {"status": "completed"})
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_status")

    def test_undoes_a_completion_if_there_is_a_seat(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=1), Status.COMPLETED)
        answer = api.patch(f"{URL}/{row.pk}", {"status": "active"})
        assert (answer.status_code, answer.json()["status"]) == (200, "active")
        api.patch(f"{URL}/{row.pk}", {"status": "completed"})
        service.enroll([(StudentFactory().pk, row.course_id)])
        answer = api.patch(f"{URL}/{row.pk}", {"status": "active"})
        assert (answer.status_code, answer.json()["code"]) == (409, "course_full")

    def test_active_is_asked_for_by_the_rules(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory(capacity=0), Status.WITHDRAWN)
        answer = api.patch(f"{URL}/{row.pk}", {"status": "active"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/status")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"status": "waitlisted"},
            {"status": "gone"},
            {"status": 1},
            {"status": "active", "student_id": 1},
        ],
    )
    def test_a_wrong_body_is_400(self, api: APIClient, body: Any) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        assert api.patch(f"{URL}/{row.pk}", body).status_code == 400

    @pytest.mark.parametrize(
        ("before", "after"), [(Status.ACTIVE, "completed"), (Status.COMPLETED, "withdrawn")]
    )
    def test_a_clerk_does_not_complete_nor_undo_it(
        self, api_of: Any, before: Status, after: str
    ) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), before)
        assert api_of("Clerk").patch(f"{URL}/{row.pk}", {"status": after}).status_code in (403, 409)
        assert Enrollment.objects.get().status == before

    def test_a_clerk_withdraws_and_enrolls_again(self, api_of: Any) -> None:
        row, clerk = enrolled(StudentFactory(), CourseFactory()), api_of("Clerk")
        assert clerk.patch(f"{URL}/{row.pk}", {"status": "withdrawn"}).status_code == 200
        assert clerk.patch(f"{URL}/{row.pk}", {"status": "active"}).status_code == 200

    def test_put_is_not_for_enrollments(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        assert api.put(f"{URL}/{row.pk}", {"status": "completed"}).status_code == 405


class TestDelete:
    def test_withdraws(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        assert api.delete(f"{URL}/{row.pk}").status_code == 204
        assert Enrollment.objects.get().status == Status.WITHDRAWN
        assert api.delete(f"{URL}/{row.pk}").status_code == 404

    def test_an_unknown_one_is_404(self, api: APIClient) -> None:
        assert api.delete(f"{URL}/404").status_code == 404


class TestHistory:
    def test_tells_every_change_oldest_first(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        api.patch(f"{URL}/{row.pk}", {"status": "withdrawn"})
        entries = api.get(f"{URL}/{row.pk}/history").json()["results"]
        reported = [
            (entry["who"], entry["door"], entry["before"], entry["after"]) for entry in entries
        ]
        assert reported == [
            (None, "command", None, {"status": "active"}),
            ("registrar", "api", {"status": "active"}, {"status": "withdrawn"}),
        ]
        when = datetime.fromisoformat(entries[1]["when"])
        assert timezone.now() - when < timedelta(minutes=1)
        assert entries[1]["when"].endswith("Z")

    def test_has_times_in_utc_in_every_time_zone(self, api: APIClient, settings: Any) -> None:
        settings.TIME_ZONE = "Pacific/Auckland"
        row = enrolled(StudentFactory(), CourseFactory())
        [entry] = api.get(f"{URL}/{row.pk}/history").json()["results"]
        assert entry["when"] == row.enrolled_at.isoformat().replace("+00:00", "Z")

    def test_is_paged_and_keeps_what_was_before(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory())
        api.delete(f"{URL}/{row.pk}")
        first = api.get(f"{URL}/{row.pk}/history", {"limit": 1}).json()
        [entry] = api.get(first["next"]).json()["results"]
        assert entry["before"] == {"status": "active"}

    def test_of_an_unknown_one_is_404(self, api: APIClient) -> None:
        assert api.get(f"{URL}/404/history").status_code == 404
