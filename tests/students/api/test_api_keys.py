"""Students and courses named by the school's own keys, in every body that enrolls."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student
from tests.school.test_problems import problem_of

pytestmark = pytest.mark.django_db
ANN = {"number": "D-1"}
BIO = {"term": "2026-FA", "code": "BIO-101"}
ART = {"term": "2026-FA", "code": "ART-1"}
NOBODY = {"number": "D-9"}
NOTHING = {"term": "2026-FA", "code": "NONE-1"}
# Method, path, and body by keys and its pointer to the course or (below) to the student.
COURSE_BODIES: dict[str, tuple[str, str, Callable[[Any], Any], str]] = {
    "POST course": ("post", "/students/{s}/courses", lambda key: {"course": key}, "/course"),
    "POST courses": ("post", "/students/{s}/courses", lambda key: {"courses": [key]}, "/courses/0"),
    "PATCH add": ("patch", "/students/{s}/courses", lambda key: {"add": [key]}, "/add/0"),
    "PATCH courses": (
        *("patch", "/students/{s}/courses"),
        *(lambda key: {"courses": [key]}, "/courses/0"),
    ),
    "PUT": ("put", "/students/{s}/courses", lambda key: {"courses": [key]}, "/courses/0"),
    "PUT a term": (
        *("put", "/students/{s}/courses"),
        *(lambda key: {"term": "2026-FA", "courses": [key]}, "/courses/0"),
    ),
    "POST pair": ("post", "/enrollments", lambda key: {"student": ANN, "course": key}, "/course"),
    "POST pairs": (
        *("post", "/enrollments"),
        *(lambda key: {"enrollments": [{"student": ANN, "course": key}]}, "/enrollments/0/course"),
    ),
}
STUDENT_BODIES: dict[str, tuple[str, str, Callable[[Any], Any], str]] = {
    "POST student": ("post", "/courses/{c}/students", lambda key: {"student": key}, "/student"),
    "POST students": (
        *("post", "/courses/{c}/students"),
        *(lambda key: {"students": [key]}, "/students/0"),
    ),
    "POST pair": ("post", "/enrollments", lambda key: {"student": key, "course": BIO}, "/student"),
    "POST pairs": (
        *("post", "/enrollments"),
        *(lambda key: {"enrollments": [{"student": key, "course": BIO}]}, "/enrollments/0/student"),
    ),
}
every_course_body = pytest.mark.parametrize(
    ("method", "path", "body", "pointer"), COURSE_BODIES.values(), ids=COURSE_BODIES.keys()
)
every_student_body = pytest.mark.parametrize(
    ("method", "path", "body", "pointer"), STUDENT_BODIES.values(), ids=STUDENT_BODIES.keys()
)
Send = Callable[..., Any]


@pytest.fixture
def ann() -> Student:
    return StudentFactory(number="D-1")


@pytest.fixture
def bio() -> Course:
    return CourseFactory(term=TermFactory(code="2026-FA"), code="BIO-101")


@pytest.fixture
def send(api: APIClient, ann: Student, bio: Course) -> Send:
    def send(method: str, path: str, body: Any) -> Any:
        return getattr(api, method)("/api/v1" + path.format(s=ann.pk, c=bio.pk), body)

    return send


def outcome_of(answer: Any) -> dict[str, Any]:
    [outcome] = answer.json()["outcomes"]
    found: dict[str, Any] = outcome
    return found


@every_course_body
def test_a_course_by_its_key(
    send: Send, bio: Course, method: str, path: str, body: Any, pointer: str
) -> None:
    assert send(method, path, body(BIO)).status_code in (200, 201)
    assert Enrollment.objects.current().get().course == bio


@every_student_body
def test_a_student_by_the_number(
    send: Send, ann: Student, method: str, path: str, body: Any, pointer: str
) -> None:
    assert send(method, path, body(ANN)).status_code == 201
    assert Enrollment.objects.current().get().student == ann


@every_course_body
def test_an_unknown_course_is_400_at_its_key(
    send: Send, bio: Course, method: str, path: str, body: Any, pointer: str
) -> None:
    problem = problem_of(send(method, path, body(NOTHING)), 400, "not_found")
    assert problem["errors"] == [
        {
            "pointer": pointer,
            "code": "not_found",
            "detail": "There is no course NONE-1 in the term 2026-FA.",
            "params": {"term": "2026-FA", "code": "NONE-1"},
        }
    ]
    assert problem["outcomes"][0]["outcome"] == "refused"
    assert not Enrollment.objects.exists()


@every_student_body
def test_an_unknown_student_is_400_at_the_key(
    send: Send, method: str, path: str, body: Any, pointer: str
) -> None:
    problem = problem_of(send(method, path, body(NOBODY)), 400, "not_found")
    assert problem["errors"] == [
        {
            "pointer": pointer,
            "code": "not_found",
            "detail": "There is no student with the number D-9.",
            "params": {"number": "D-9"},
        }
    ]
    assert not Enrollment.objects.exists()


@every_course_body
@pytest.mark.parametrize("option", [{"validate_only": True}, {"atomic": False}])
def test_an_unknown_course_is_an_outcome_that_repeats_the_key(
    send: Send, ann: Student, option: Any, method: str, path: str, body: Any, pointer: str
) -> None:
    answer = send(method, path, body(NOTHING) | option)
    assert answer.status_code == 200
    outcome = outcome_of(answer)
    [reason] = outcome.pop("refusals")
    assert reason["code"] == "not_found"
    assert outcome == {
        "index": 0,
        "student_id": ann.pk,
        "student_number": "D-1",
        "course_id": None,
        "course_code": "NONE-1",
        "section": None,
        "term": "2026-FA",
        "outcome": "refused",
        "enrollment": None,
    }


@every_student_body
@pytest.mark.parametrize("option", [{"validate_only": True}, {"atomic": False}])
def test_an_unknown_student_is_an_outcome_that_repeats_the_key(
    send: Send, bio: Course, option: Any, method: str, path: str, body: Any, pointer: str
) -> None:
    answer = send(method, path, body(NOBODY) | option)
    assert answer.status_code == 200
    outcome = outcome_of(answer)
    assert [outcome[name] for name in ("student_id", "student_number", "course_id", "term")] == [
        *(None, "D-9"),
        *(bio.pk, "2026-FA"),
    ]


@every_course_body
def test_a_refusal_points_to_the_key(
    send: Send, bio: Course, method: str, path: str, body: Any, pointer: str
) -> None:
    Course.objects.update(is_open=False)
    problem = problem_of(send(method, path, body(BIO)), 409, "course_closed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@every_student_body
def test_a_refusal_points_to_the_key_of_the_student(
    send: Send, method: str, path: str, body: Any, pointer: str
) -> None:
    Student.objects.update(is_active=False)
    problem = problem_of(send(method, path, body(ANN)), 409, "student_inactive")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        ("post", "/students/{s}/courses", {"course_id": 1, "course": BIO}, "/course"),
        ("post", "/students/{s}/courses", {"course_ids": [1], "courses": [BIO]}, "/courses"),
        ("patch", "/students/{s}/courses", {"course_ids": [1], "courses": [BIO]}, "/courses"),
        ("put", "/students/{s}/courses", {"course_ids": [1], "courses": [BIO]}, "/courses"),
        ("put", "/students/{s}/courses", {"course_ids": [], "courses": []}, "/courses"),
        ("post", "/courses/{c}/students", {"student_id": 1, "student": ANN}, "/student"),
        ("post", "/courses/{c}/students", {"student_ids": [1], "students": [ANN]}, "/students"),
        ("post", "/enrollments", {"student_id": 1, "student": ANN, "course_id": 1}, "/student"),
        (
            *("post", "/enrollments"),
            {"enrollments": [{"student": ANN, "course_id": 1, "course": BIO}]},
            "/enrollments/0/course",
        ),
    ],
)
def test_id_and_key_together_are_a_contradiction(
    send: Send, method: str, path: str, body: Any, pointer: str
) -> None:
    problem = problem_of(send(method, path, body), 400, "invalid")
    found = [(error["pointer"], error["code"]) for error in problem["errors"]]
    assert found == [(pointer, "contradiction")]


@pytest.mark.parametrize(
    ("key", "pointer", "code"),
    [
        (7, "", "invalid"),
        ("BIO-101", "", "invalid"),
        (None, "", "null"),
        ([], "", "invalid"),
        ({}, "/term", "required"),
        ({"code": "BIO-101"}, "/term", "required"),
        ({"term": "2026-FA"}, "/code", "required"),
        (BIO | {"id": 7}, "/id", "unknown_field"),
        (BIO | {"code": 101}, "/code", "invalid"),
        (BIO | {"code": None}, "/code", "null"),
        (BIO | {"code": ""}, "/code", "blank"),
        (BIO | {"code": "X" * 21}, "/code", "max_length"),
        (BIO | {"section": None}, "/section", "null"),
        (BIO | {"section": 1}, "/section", "invalid"),
        (BIO | {"section": "X" * 21}, "/section", "max_length"),
        (BIO | {"code": "a\0b"}, "/code", "null_characters_not_allowed"),
    ],
)
def test_what_is_no_key_is_400_with_its_pointer(
    send: Send, key: Any, pointer: str, code: str
) -> None:
    bodies = {"/course": {"student": ANN, "course": key}}
    bodies["/enrollments/0/course"] = {"enrollments": [{"student": ANN, "course": key}]}
    for prefix, body in bodies.items():
        errors = problem_of(send("post", "/enrollments", body), 400, "invalid")["errors"]
        assert (errors[0]["pointer"], errors[0]["code"]) == (prefix + pointer, code)


@pytest.mark.parametrize(
    ("item", "pointer", "code"),
    [
        ("7", "", "invalid"),
        (7.5, "", "invalid"),
        (True, "", "invalid"),
        (None, "", "null"),
        (0, "", "min_value"),
        (2**63, "", "max_value"),
        (2**70, "", "invalid"),
        ({"term": "2026-FA"}, "/code", "required"),
        ({"number": "D-1"}, "/number", "unknown_field"),
    ],
)
@pytest.mark.parametrize("name", ["add", "remove", "courses"])
def test_what_is_neither_id_nor_key_is_400_with_its_pointer(
    send: Send, name: str, item: Any, pointer: str, code: str
) -> None:
    answer = send("patch", "/students/{s}/courses", {name: [BIO, item]})
    errors = problem_of(answer, 400, "invalid")["errors"]
    assert (errors[0]["pointer"], errors[0]["code"]) == (f"/{name}/1{pointer}", code)


@pytest.mark.parametrize("name", ["courses", "course_ids"])
def test_a_list_has_at_most_1000_items_and_a_list_of_ids_no_keys(send: Send, name: str) -> None:
    answer = send("post", "/students/{s}/courses", {name: [*range(1, 1002)]})
    [error] = problem_of(answer, 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == (f"/{name}", "max_length")
    answer = send("post", "/students/{s}/courses", {"course_ids": [BIO]})
    assert answer.json()["errors"][0]["pointer"] == "/course_ids/0"


def test_ids_and_keys_are_mixed_in_one_list(send: Send, ann: Student, bio: Course) -> None:
    art = CourseFactory(term=bio.term, code="ART-1")
    other = enrolled(ann, CourseFactory()).course
    body = {"add": [BIO, art.pk], "remove": [{"term": other.term.code, "code": other.code}]}
    outcomes = send("patch", "/students/{s}/courses", body).json()["outcomes"]
    assert [(item["course_id"], item["outcome"]) for item in outcomes] == [
        (bio.pk, "created"),
        (art.pk, "created"),
        (other.pk, "withdrawn"),
    ]


def test_the_same_by_id_and_by_key_is_like_the_same_by_two_ids(send: Send, bio: Course) -> None:
    for courses in ([bio.pk, BIO], [BIO, bio.pk], [BIO, BIO], [bio.pk, bio.pk]):
        answer = send("put", "/students/{s}/courses", {"courses": []})
        answer = send("post", "/students/{s}/courses", {"courses": courses})
        assert [item["outcome"] for item in answer.json()["outcomes"]][1] == "unchanged"
        assert {item["course_id"] for item in answer.json()["outcomes"]} == {bio.pk}


def test_one_course_added_by_id_and_removed_by_key_is_a_contradiction(
    send: Send, bio: Course
) -> None:
    answer = send("patch", "/students/{s}/courses", {"add": [bio.pk], "remove": [BIO]})
    [error] = problem_of(answer, 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/remove", "contradiction")
    # Of two unknown ones nobody knows whether they are the same.
    answer = send("patch", "/students/{s}/courses", {"add": [NOTHING], "remove": [ART]})
    errors = problem_of(answer, 400, "not_found")["errors"]
    assert [error["pointer"] for error in errors] == ["/add/0", "/remove/0"]


def test_a_set_of_one_term_refuses_a_key_of_another_term(send: Send, bio: Course) -> None:
    other = CourseFactory()
    body = {"term": "2026-FA", "courses": [BIO, {"term": other.term.code, "code": other.code}]}
    [error] = problem_of(send("put", "/students/{s}/courses", body), 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/courses/1", "contradiction")


def test_keys_are_compared_in_the_form_in_which_they_are_stored(api: APIClient) -> None:
    term = TermFactory(code="SoSe-ä")
    course = CourseFactory(term=term, code="Zoë-1")
    student = StudentFactory(number="Zoë")
    body: dict[str, Any] = {
        "student": {"number": " Zoe\u0308\u200b"},
        "course": {"term": "SoSe-a\u0308", "code": "Zoe\u0308-1 "},
    }
    answer = api.post("/api/v1/enrollments", body)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["student_id"], answer.json()["course_id"]) == (student.pk, course.pk)
    # As in the unique constraints, case matters.
    body["student"] = {"number": "zoë"}
    problem_of(api.post("/api/v1/enrollments", body), 400, "not_found")


def test_a_batch_reads_its_keys_in_two_queries_and_ids_in_none(api: APIClient) -> None:
    students, courses = StudentFactory.create_batch(5), CourseFactory.create_batch(5)

    def count(pairs: list[dict[str, Any]]) -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = api.post("/api/v1/enrollments", {"enrollments": pairs, "validate_only": True})
        assert {item["outcome"] for item in answer.json()["outcomes"]} == {"created"}
        return len(queries)

    by_id = [
        {"student_id": student.pk, "course_id": course.pk}
        for student in students
        for course in courses
    ]
    by_key = [
        {
            "student": {"number": student.number},
            "course": {"term": course.term.code, "code": course.code},
        }
        for student in students
        for course in courses
    ]
    count(by_id)
    assert count(by_key) == count(by_id) + 2


def test_unknown_student_and_unknown_course_are_both_reported(send: Send) -> None:
    body = {
        "enrollments": [{"student": NOBODY, "course": NOTHING}, {"student": ANN, "course": BIO}]
    }
    problem = problem_of(send("post", "/enrollments", body), 400, "not_found")
    assert [error["pointer"] for error in problem["errors"]] == [
        "/enrollments/0/student",
        "/enrollments/0/course",
    ]
    assert [item["outcome"] for item in problem["outcomes"]] == ["refused", "created"]
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"student": ANN}, ["/course_id"]),
        ({"course": BIO}, ["/student_id"]),
        ({"enrollments": [{}]}, ["/enrollments/0/student_id", "/enrollments/0/course_id"]),
        ({"enrollments": [{"student": ANN}]}, ["/enrollments/0/course_id"]),
        ({"enrollments": [{"student": ANN, "course": BIO}], "student": ANN}, [""]),
    ],
)
def test_a_pair_needs_both(send: Send, body: Any, pointers: list[str]) -> None:
    problem = problem_of(send("post", "/enrollments", body), 400, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [
        (pointer, "required") for pointer in pointers
    ]


def test_a_set_with_an_unknown_key_withdraws_nothing(send: Send, ann: Student) -> None:
    kept = enrolled(ann, CourseFactory())
    problem_of(send("put", "/students/{s}/courses", {"courses": [NOTHING]}), 400, "not_found")
    kept.refresh_from_db()
    assert kept.status == "active"
    body = {"courses": [NOTHING], "atomic": False}
    outcomes = send("put", "/students/{s}/courses", body).json()["outcomes"]
    assert [item["outcome"] for item in outcomes] == ["refused", "withdrawn"]


class TestSections:
    """`bio` has no section. `lab` is another course with its code, in the section A01."""

    @pytest.fixture
    def lab(self, bio: Course) -> Course:
        return CourseFactory(term=bio.term, code=bio.code, section="A01")

    @every_course_body
    def test_a_key_without_a_section_is_ambiguous_where_there_are_several(
        self, send: Send, lab: Course, method: str, path: str, body: Any, pointer: str
    ) -> None:
        problem = problem_of(send(method, path, body(BIO)), 400, "ambiguous")
        assert problem["errors"] == [
            {
                "pointer": pointer,
                "code": "ambiguous",
                "detail": "BIO-101 has several sections in 2026-FA: (none), A01. Name one of them.",
                "params": {"term": "2026-FA", "code": "BIO-101", "sections": "(none), A01"},
            }
        ]
        answer = send(method, path, body(BIO) | {"validate_only": True})
        outcome = outcome_of(answer)
        assert (outcome["course_id"], outcome["refusals"][0]["code"]) == (None, "ambiguous")
        assert not Enrollment.objects.exists()

    @every_course_body
    def test_a_section_is_named_and_the_empty_one_is_the_course_without(
        self, send: Send, bio: Course, lab: Course, method: str, path: str, body: Any, pointer: str
    ) -> None:
        for section, course in (("A01", lab), ("", bio)):
            key = BIO | {"section": section}
            outcome = outcome_of(send(method, path, body(key) | {"validate_only": True}))
            assert (outcome["course_id"], outcome["section"]) == (course.pk, section)
        unknown = body(BIO | {"section": "a01"})
        problem = problem_of(send(method, path, unknown), 400, "not_found")
        assert problem["detail"] == "There is no course BIO-101 · a01 in the term 2026-FA."
        assert problem["outcomes"][0]["section"] == "a01"

    def test_a_code_alone_is_the_only_course_of_the_term_whatever_its_section(
        self, send: Send, bio: Course, lab: Course
    ) -> None:
        bio.delete()
        CourseFactory(term=TermFactory(code="2027-SP"), code=lab.code)
        body = {"student": ANN, "course": BIO, "validate_only": True}
        assert outcome_of(send("post", "/enrollments", body))["course_id"] == lab.pk
        body["course"] = BIO | {"section": ""}
        assert outcome_of(send("post", "/enrollments", body))["course_id"] is None


class TestAnswers:
    """Beside each id stands the key, and the overrides stand wherever the enrollment does."""

    def enroll(self, api: APIClient, ann: Student, bio: Course) -> Any:
        Course.objects.update(is_open=False)
        body = {"student": ANN, "course": BIO, "override": ["course_closed"], "reason": "so be it"}
        return api.post("/api/v1/enrollments", body)

    def test_an_enrollment_has_the_keys_in_every_answer(
        self, api: APIClient, ann: Student, bio: Course
    ) -> None:
        created = self.enroll(api, ann, bio)
        shown = created.json()
        names = ("student_id", "student_number", "course_id", "course_code", "section", "term")
        keys = [ann.pk, "D-1", bio.pk, "BIO-101", "", "2026-FA"]
        assert [shown[name] for name in names] == keys
        url = f"/api/v1/enrollments/{shown['id']}"
        detail = api.get(url)
        assert (detail.json(), detail["ETag"]) == (shown, created["ETag"])
        for query in ("", f"?course={bio.pk}", "?updated_since=1970-01-01T00:00:00Z"):
            assert api.get(f"/api/v1/enrollments{query}").json()["results"] == [shown]
        completed = api.patch(url, {"status": "completed"}, HTTP_IF_MATCH=created["ETag"])
        assert completed.status_code == 200
        assert completed["ETag"] == api.get(url)["ETag"]
        again = api.post("/api/v1/enrollments", {"enrollments": [{"student": ANN, "course": BIO}]})
        [outcome] = again.json()["outcomes"]
        assert outcome["enrollment"] == api.get(url).json()
        assert [outcome[name] for name in names] == [shown[name] for name in names]

    def test_a_refused_pair_has_the_keys(self, api: APIClient, ann: Student, bio: Course) -> None:
        Course.objects.update(is_open=False)
        pair = {"student_id": ann.pk, "course_id": bio.pk}
        problem = problem_of(api.post("/api/v1/enrollments", pair), 409, "course_closed")
        [outcome] = problem["outcomes"]
        assert (outcome["student_number"], outcome["course_code"]) == ("D-1", "BIO-101")
        pairs = [{"student_id": 404, "course_id": bio.pk}, {"student_id": ann.pk, "course_id": 404}]
        body = {"enrollments": pairs, "validate_only": True}
        first, second = api.post("/api/v1/enrollments", body).json()["outcomes"]
        assert (first["student_id"], first["student_number"]) == (404, None)
        assert (first["course_code"], first["term"]) == ("BIO-101", "2026-FA")
        assert (second["student_number"], second["course_id"]) == ("D-1", 404)
        assert (second["course_code"], second["term"]) == (None, None)

    def test_rosters_and_a_students_courses_show_the_overrides(
        self, api: APIClient, ann: Student, bio: Course
    ) -> None:
        made = self.enroll(api, ann, bio).json()
        moment = made["updated_at"]
        service.withdraw([(ann.pk, bio.pk)])
        paths = [f"/api/v1/students/{ann.pk}/courses", f"/api/v1/courses/{bio.pk}/students"]
        for path in paths:
            for query, overridden in (
                ({"status": "withdrawn"}, []),
                ({"as_of": moment}, ["course_closed"]),
            ):
                [row] = api.get(path, query).json()["results"]
                assert row["overridden"] == overridden
        self.enroll(api, ann, bio)
        rows = [api.get(path).json()["results"][0] for path in paths]
        rows += api.get(f"/api/v1/students/{ann.pk}").json()["courses"]
        assert [row["overridden"] for row in rows] == [["course_closed"]] * 3
