"""The options of bodies that enroll: on_full, override, reason, validate_only, atomic."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db

Body = Callable[[Student, Course], dict[str, Any]]
WRITES: dict[str, tuple[str, str, Body]] = {
    "POST a student's course": ("post", "/students/{s}/courses", lambda _s, c: {"course_id": c.pk}),
    "PATCH a student's courses": ("patch", "/students/{s}/courses", lambda _s, c: {"add": [c.pk]}),
    "PUT a student's courses": (
        "put",
        "/students/{s}/courses",
        lambda _s, c: {"course_ids": [c.pk]},
    ),
    "POST a course's students": (
        "post",
        "/courses/{c}/students",
        lambda s, _c: {"student_ids": [s.pk]},
    ),
    "POST an enrollment": (
        "post",
        "/enrollments",
        lambda s, c: {"student_id": s.pk, "course_id": c.pk},
    ),
    "POST enrollments": (
        "post",
        "/enrollments",
        lambda s, c: {"enrollments": [{"student_id": s.pk, "course_id": c.pk}]},
    ),
}
every_write = pytest.mark.parametrize(
    ("method", "path", "body"), WRITES.values(), ids=WRITES.keys()
)


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def course() -> Course:
    """A course with no seat left."""
    made = CourseFactory.create(capacity=1)
    enrolled(StudentFactory.create(), made)
    return made


def send(
    api: APIClient, method: str, path: str, student: Student, course: Course, extra: dict[str, Any]
) -> Any:
    return getattr(api, method)("/api/v1" + path.format(s=student.pk, c=course.pk), extra)


def outcome_of(answer: Any) -> dict[str, Any]:
    body = answer.json()
    reported: dict[str, Any] = body["outcomes"][0] if "outcomes" in body else {"enrollment": body}
    return reported


@every_write
def test_on_full_waitlist(
    api: APIClient, student: Student, course: Course, method: str, path: str, body: Body
) -> None:
    answer = send(
        api, method, path, student, course, body(student, course) | {"on_full": "waitlist"}
    )
    assert answer.status_code == (201 if method == "post" else 200)
    reported = outcome_of(answer)
    assert reported.get("outcome", "waitlisted") == "waitlisted"
    assert (reported["enrollment"]["status"], reported["enrollment"]["position"]) == (
        "waitlisted",
        1,
    )
    assert api.get(f"/api/v1/students/{student.pk}").json()["courses"][0]["position"] == 1
    again = send(
        api, method, path, student, course, body(student, course) | {"on_full": "waitlist"}
    )
    assert again.status_code == 200


@every_write
def test_on_full_refuse_is_the_default(
    api: APIClient, student: Student, course: Course, method: str, path: str, body: Body
) -> None:
    for extra in ({}, {"on_full": "refuse"}):
        assert (
            send(api, method, path, student, course, body(student, course) | extra).status_code
            == 409
        )


@every_write
def test_override(
    api: APIClient, student: Student, course: Course, method: str, path: str, body: Body
) -> None:
    extra = body(student, course) | {"override": ["course_full"], "reason": "the dean asked"}
    answer = send(api, method, path, student, course, extra)
    assert answer.status_code == (201 if method == "post" else 200)
    row = Enrollment.objects.get(student=student)
    [entry] = api.get(f"/api/v1/enrollments/{row.pk}/history").json()["results"]
    assert (entry["override"], entry["reason"], entry["who"]) == (
        ["course_full"],
        "the dean asked",
        "registrar",
    )


@every_write
@pytest.mark.parametrize(
    ("extra", "pointer"),
    [
        ({"override": ["course_full"]}, "/reason"),
        ({"override": ["course_full"], "reason": ""}, "/reason"),
        ({"override": ["student_inactive"], "reason": "x"}, "/override/0"),
        ({"override": ["nonsense"], "reason": "x"}, "/override/0"),
        ({"override": "course_full", "reason": "x"}, "/override"),
        ({"on_full": "wait"}, "/on_full"),
        ({"validate_only": "yes"}, "/validate_only"),
        ({"atomic": 0}, "/atomic"),
        ({"reason": "x" * 501}, "/reason"),
    ],
)
def test_a_wrong_option_is_400(
    api: APIClient,
    student: Student,
    course: Course,
    method: str,
    path: str,
    body: Body,
    extra: dict[str, Any],
    pointer: str,
) -> None:
    answer = send(api, method, path, student, course, body(student, course) | extra)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


@every_write
def test_validate_only(
    api: APIClient, student: Student, method: str, path: str, body: Body
) -> None:
    free = CourseFactory.create()
    answer = send(api, method, path, student, free, body(student, free) | {"validate_only": True})
    assert answer.status_code == 200
    assert (outcome_of(answer)["outcome"], outcome_of(answer)["enrollment"]) == ("created", None)
    assert not Enrollment.objects.exists()
    assert not Enrollment.history.model.objects.exists()


@every_write
def test_validate_only_tells_refusals_with_200(
    api: APIClient, student: Student, course: Course, method: str, path: str, body: Body
) -> None:
    answer = send(
        api, method, path, student, course, body(student, course) | {"validate_only": True}
    )
    assert answer.status_code == 200
    [reason] = outcome_of(answer)["refusals"]
    assert reason == {
        "code": "course_full",
        "detail": f"{course} is full: 1 of 1 seats are taken.",
        "params": {"course": str(course), "course_id": course.pk, "taken": 1, "capacity": 1},
    }


@pytest.mark.parametrize(("more", "status"), [({"validate_only": True}, 200), ({}, 409)])
def test_the_same_twice_shows_no_enrollment_that_is_not_there(
    api: APIClient, student: Student, course: Course, more: dict[str, Any], status: int
) -> None:
    answer = api.post(
        f"/api/v1/students/{student.pk}/courses",
        {"course_ids": [free := CourseFactory().pk, free, course.pk], **more},
    )
    assert answer.status_code == status
    assert [(item["outcome"], item["enrollment"]) for item in answer.json()["outcomes"]] == [
        ("created", None),
        ("unchanged", None),
        ("refused", None),
    ]


def test_not_atomic_does_what_can_be_done(api: APIClient, student: Student, course: Course) -> None:
    free = CourseFactory.create()
    answer = api.post(
        f"/api/v1/students/{student.pk}/courses",
        {"course_ids": [course.pk, free.pk, 404], "atomic": False},
    )
    assert answer.status_code == 200
    reported = [
        (item["index"], item["outcome"], [reason["code"] for reason in item["refusals"]])
        for item in answer.json()["outcomes"]
    ]
    assert reported == [
        (0, "refused", ["course_full"]),
        (1, "created", []),
        (2, "refused", ["not_found"]),
    ]
    assert [row.course for row in student.enrollments.all()] == [free]


def test_one_enrollment_not_atomic_is_told_as_an_outcome(
    api: APIClient, student: Student, course: Course
) -> None:
    answer = api.post(
        "/api/v1/enrollments", {"student_id": student.pk, "course_id": course.pk, "atomic": False}
    )
    assert (answer.status_code, answer.json()["outcomes"][0]["outcome"]) == (200, "refused")


def test_who_waits_is_made_active_over_capacity_by_patch(
    api: APIClient, student: Student, course: Course
) -> None:
    waiting = api.post(
        "/api/v1/enrollments",
        {"student_id": student.pk, "course_id": course.pk, "on_full": "waitlist"},
    ).json()
    url = f"/api/v1/enrollments/{waiting['id']}"
    assert api.patch(url, {"status": "active"}).json()["code"] == "course_full"
    answer = api.patch(
        url, {"status": "active", "override": ["course_full"], "reason": "a seat was found"}
    )
    assert (answer.status_code, answer.json()["status"], answer.json()["position"]) == (
        200,
        "active",
        None,
    )


def test_a_withdrawal_over_the_api_moves_the_next_up(
    api: APIClient, student: Student, course: Course
) -> None:
    waiting = api.post(
        "/api/v1/enrollments",
        {"student_id": student.pk, "course_id": course.pk, "on_full": "waitlist"},
    ).json()
    seated = Enrollment.objects.get(course=course, status=Status.ACTIVE)
    api.delete(f"/api/v1/students/{seated.student_id}/courses/{course.pk}")
    assert api.get(f"/api/v1/enrollments/{waiting['id']}").json()["status"] == "active"
    entries = api.get(f"/api/v1/enrollments/{waiting['id']}/history").json()["results"]
    assert [(entry["after"]["status"], entry["reason"]) for entry in entries] == [
        ("waitlisted", ""),
        ("active", "Moved up from the waitlist."),
    ]


@pytest.mark.parametrize("change", [{"capacity": 2}, {"capacity": None}])
def test_a_higher_capacity_over_the_api_moves_the_next_up(
    api: APIClient, student: Student, course: Course, change: dict[str, Any]
) -> None:
    api.post(
        "/api/v1/enrollments",
        {"student_id": student.pk, "course_id": course.pk, "on_full": "waitlist"},
    )
    answer = api.patch(f"/api/v1/courses/{course.pk}", change)
    assert (answer.json()["seats"]["taken"], answer.json()["seats"]["waiting"]) == (2, 0)
