"""`/api/v1/students` and `/api/v1/students/{id}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db
ANN = {"number": "S1", "first_name": "Ann", "last_name": "Smith", "email": "ann@school.example"}


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


class TestList:
    def test_rows_have_the_number_of_active_courses(self, api: APIClient) -> None:
        student = StudentFactory(**ANN)
        for status in Status.ACTIVE, Status.ACTIVE, Status.COMPLETED, Status.WITHDRAWN:
            enrolled(student, CourseFactory(), status)
        [row] = api.get("/api/v1/students").json()["results"]
        assert row == {"id": student.pk, **ANN, "is_active": True, "course_count": 2}

    @pytest.mark.parametrize("words", ["ann", "SMI", "smi ann", "S1", "ann@school", "an sm s"])
    def test_search_finds_by_beginnings_of_words(self, api: APIClient, words: str) -> None:
        student = StudentFactory(**ANN)
        StudentFactory(first_name="Bob", last_name="Jones", number="X9", email="bob@school.example")
        assert ids(api.get("/api/v1/students", {"search": words})) == [student.pk]

    @pytest.mark.parametrize("words", ["mith", "ann jones", "(", "%", "_", "\\", "ann.*", "[", "'"])
    def test_search_takes_words_as_they_are(self, api: APIClient, words: str) -> None:
        StudentFactory(**ANN)
        assert ids(api.get("/api/v1/students", {"search": words})) == []

    def test_search_finds_later_words_of_a_name_and_other_letters(self, api: APIClient) -> None:
        student = StudentFactory(first_name="Zoë Änne", last_name="O'Neil-Çelik")
        for words in ("änn", "ÄNN", "neil", "çel", "zoë o'n"):
            assert ids(api.get("/api/v1/students", {"search": words})) == [student.pk], words

    def test_filters(self, api: APIClient) -> None:
        term = TermFactory(code="2026-FA")
        course = CourseFactory(term=term)
        here, gone, _none = StudentFactory(), StudentFactory(is_active=False), StudentFactory()
        enrolled(here, course)
        enrolled(gone, course, Status.WITHDRAWN)
        assert ids(api.get("/api/v1/students", {"course": course.pk})) == [here.pk]
        assert ids(api.get("/api/v1/students", {"term": "2026-FA"})) == [here.pk]
        assert ids(api.get("/api/v1/students", {"is_active": "false"})) == [gone.pk]

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("is_active", "maybe"),
            ("course", "x"),
            ("course", "0"),
            ("course", str(2**64)),
            ("term", "nope"),
            ("ordering", "colour"),
            ("ordering", ""),
            ("sort", "id"),
            ("search", "\0"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, api: APIClient, parameter: str, value: str) -> None:
        answer = api.get("/api/v1/students", {parameter: value})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["parameter"] == parameter

    def test_those_of_one_last_name_come_by_their_first_names_from_page_to_page(
        self, api: APIClient
    ) -> None:
        zoe, ann, bob = (
            StudentFactory.create(last_name="Smith", first_name=name).pk
            for name in ("Zoe", "Ann", "Bob")
        )
        first = api.get("/api/v1/students", {"ordering": "last_name", "limit": "2"})
        assert [ids(first), ids(api.get(first.json()["next"]))] == [[ann, bob], [zoe]]
        assert ids(api.get("/api/v1/students", {"ordering": "-last_name"})) == [zoe, bob, ann]

    def test_ordering(self, api: APIClient) -> None:
        b, a, c = (
            StudentFactory(last_name=name, first_name="Ann") for name in ("Baker", "Abel", "Baker")
        )
        assert ids(api.get("/api/v1/students", {"ordering": "last_name"})) == [a.pk, b.pk, c.pk]
        assert ids(api.get("/api/v1/students", {"ordering": "-last_name"})) == [c.pk, b.pk, a.pk]


class TestCreate:
    def test_answers_201_with_the_location(self, api: APIClient) -> None:
        answer = api.post("/api/v1/students", ANN)
        student = Student.objects.get()
        assert answer.status_code == 201
        assert answer.json() == {
            "id": student.pk,
            **ANN,
            "is_active": True,
            "course_count": 0,
            "courses": [],
            "load": [],
        }
        assert answer["Location"].endswith(f"/api/v1/students/{student.pk}")
        record = student.history.get()
        assert (record.history_type, record.door, record.history_user.username) == (
            "+",
            "api",
            "registrar",
        )

    @pytest.mark.parametrize(
        ("change", "pointer", "code"),
        [
            ({"number": None}, "/number", "null"),
            ({"number": ""}, "/number", "blank"),
            ({"number": 7}, "/number", "invalid"),
            ({"number": "x" * 31}, "/number", "max_length"),
            ({"number": " -"}, "/number", "invalid"),
            ({"first_name": "A\0"}, "/first_name", "null_characters_not_allowed"),
            ({"email": "nobody"}, "/email", "invalid"),
            ({"is_active": "yes"}, "/is_active", "invalid"),
            ({"colour": "red"}, "/colour", "unknown_field"),
            ({"courses": []}, "/courses", "read_only_field"),
        ],
    )
    def test_says_what_is_wrong_and_where(
        self, api: APIClient, change: dict[str, Any], pointer: str, code: str
    ) -> None:
        answer = api.post("/api/v1/students", ANN | change)
        assert answer.status_code == 400
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            (pointer, code)
        ]
        assert not Student.objects.exists()

    def test_number_and_email_are_unique_the_email_without_case(self, api: APIClient) -> None:
        StudentFactory(**ANN)
        answer = api.post("/api/v1/students", ANN | {"email": "ANN@School.Example"})
        assert answer.status_code == 400
        assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == {
            ("/number", "unique"),
            ("/email", "unique"),
        }

    def test_a_value_taken_meanwhile_is_an_error_of_that_field(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        StudentFactory(**ANN)
        checks: list[Any] = []
        full_clean = Student.full_clean

        def blind_at_first(self: Student, *args: Any, **kwargs: Any) -> None:
            checks.append(self)
            if len(checks) > 1:
                full_clean(self, *args, **kwargs)

        monkeypatch.setattr(Student, "full_clean", blind_at_first)
        answer = api.post("/api/v1/students", ANN | {"number": "S2"})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "/email"


class TestRead:
    def test_has_the_current_courses(self, api: APIClient) -> None:
        student = StudentFactory(**ANN)
        course = CourseFactory(
            term=TermFactory(code="2026-FA"), code="BIO-101", title="Biology", credits="4.5"
        )
        row = enrolled(student, course)
        enrolled(student, CourseFactory(), Status.WITHDRAWN)
        answer = api.get(f"/api/v1/students/{student.pk}")
        assert answer.status_code == 200
        assert answer.json()["courses"] == [
            {
                "id": course.pk,
                "code": "BIO-101",
                "section": "",
                "title": "Biology",
                "term": "2026-FA",
                "credits": "4.50",
                "enrollment_id": row.pk,
                "status": "active",
                "by_mistake": False,
                "position": None,
                "enrolled_at": row.enrolled_at.isoformat().replace("+00:00", "Z"),
                "overridden": [],
            }
        ]

    @pytest.mark.parametrize("key", ["1", "0", "99999999999999999999999999", "x", "-1", "%00"])
    def test_an_unknown_one_is_404(self, api: APIClient, key: str) -> None:
        assert api.get(f"/api/v1/students/{key}").status_code == 404


class TestUpdate:
    def test_patch_changes_what_is_given(self, api: APIClient) -> None:
        student = StudentFactory(**ANN)
        answer = api.patch(f"/api/v1/students/{student.pk}", {"last_name": "Jones"})
        assert answer.status_code == 200
        assert answer.json()["last_name"] == "Jones"
        assert list(student.history.order_by("history_id").values_list("last_name", flat=True)) == [
            "Smith",
            "Jones",
        ]

    def test_patch_without_a_change_leaves_no_history(self, api: APIClient) -> None:
        student = StudentFactory(**ANN)
        assert (
            api.patch(f"/api/v1/students/{student.pk}", {"last_name": "Smith"}).status_code == 200
        )
        assert student.history.count() == 1

    def test_put_takes_back_what_was_read(self, api: APIClient) -> None:
        student = StudentFactory(**ANN)
        read = api.get(f"/api/v1/students/{student.pk}").json()
        assert (
            api.put(f"/api/v1/students/{student.pk}", read | {"first_name": "Anna"}).status_code
            == 200
        )
        student.refresh_from_db()
        assert student.first_name == "Anna"

    def test_put_asks_for_every_field(self, api: APIClient) -> None:
        answer = api.put(f"/api/v1/students/{StudentFactory().pk}", {"number": "S1"})
        assert answer.status_code == 400
        assert {error["pointer"] for error in answer.json()["errors"]} == {
            "/first_name",
            "/last_name",
            "/email",
        }

    def test_a_taken_email_is_refused(self, api: APIClient) -> None:
        StudentFactory(**ANN)
        answer = api.patch(
            f"/api/v1/students/{StudentFactory().pk}", {"email": "ANN@school.example"}
        )
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/email")

    def test_cannot_sneak_in_an_enrollment(self, api: APIClient) -> None:
        student, course = StudentFactory(), CourseFactory()
        read = api.get(f"/api/v1/students/{student.pk}").json()
        api.put(f"/api/v1/students/{student.pk}", read | {"courses": [course.pk]})
        api.patch(
            f"/api/v1/students/{student.pk}", {"courses": [course.pk], "enrollments": [course.pk]}
        )
        assert not student.enrollments.exists()


class TestDelete:
    def test_one_who_never_had_an_enrollment(self, api: APIClient) -> None:
        student = StudentFactory()
        assert api.delete(f"/api/v1/students/{student.pk}").status_code == 204
        assert not Student.objects.exists()
        assert list(Student.history.values_list("history_type", flat=True)) == ["-", "+"]

    def test_others_are_kept_and_the_answer_says_what_to_do(self, api: APIClient) -> None:
        row = enrolled(StudentFactory(), CourseFactory(), Status.WITHDRAWN)
        answer = api.delete(f"/api/v1/students/{row.student_id}")
        assert (answer.status_code, answer.json()["code"]) == (409, "protected")
        assert "Make the student inactive instead" in answer.json()["detail"]
        assert Student.objects.filter(pk=row.student_id).exists()
