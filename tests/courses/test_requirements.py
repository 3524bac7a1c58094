"""Requirements as text, in JSON and in a sentence, at every door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from courses.requirements import (
    Requirement,
    StoredRequirement,
    clean_requirements,
    describe_requirements,
    format_requirements,
    localize_requirements,
    parse_requirements,
    read_requirements,
)
from tests.admin_page import fields_of, submit
from tests.importing import faults_of, import_csv
from tests.page_text import text_of

URL = "/api/v1/courses"
MATHS: StoredRequirement = {"any": ["MAT-1", "MAT-2"], "concurrent": True}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("PHY-2", ["PHY-2"]),
        ("MAT-1 | MAT-2*, PHY-2", [MATHS, "PHY-2"]),
        (" MAT-1|MAT-2 * ,, PHY-2,PHY-2,", [MATHS, "PHY-2"]),
        ("PHY-2*", [{"any": ["PHY-2"], "concurrent": True}]),
        ("A | B | A", [{"any": ["A", "B"], "concurrent": False}]),
        ("A | A", ["A"]),
        # A code may have spaces and signs of its own.
        ("CSE 8A | C+/&1", [{"any": ["CSE 8A", "C+/&1"], "concurrent": False}]),
    ],
)
def test_text(text: str, values: list[StoredRequirement]) -> None:
    assert parse_requirements(text) == values
    assert parse_requirements(format_requirements(values)) == values
    assert clean_requirements(values) == values
    requirements = read_requirements(values)
    assert [requirement.store() for requirement in requirements] == values
    assert clean_requirements([each.to_json() for each in requirements]) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A, B |", "“B |” is not read. A code is missing."),
        ("| A", "“| A” is not read. A code is missing."),
        ("A || B", "“A || B” is not read. A code is missing."),
        ("A, *", "“*” is not read. A code is missing."),
        ("C, A* | B", "“A* | B” is not read. A star comes once, after the last alternative."),
        ("A**", "“A**” is not read. A star comes once, after the last alternative."),
    ],
)
def test_bad_text_is_named(text: str, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        parse_requirements(text)
    assert error.value.messages[0].startswith(message)
    assert error.value.code == "invalid"


@pytest.mark.parametrize(
    "value",
    [
        {"any": ["A"]},
        [7],
        [["A"]],
        [{"any": []}],
        [{"any": "A"}],
        [{"any": [1]}],
        [{"concurrent": True}],
        [{"any": ["A"], "concurrent": 1}],
        [{"any": ["A"], "all": ["B"]}],
    ],
)
def test_bad_json(value: Any) -> None:
    with pytest.raises(ValidationError):
        clean_requirements(value)


def test_sentences() -> None:
    assert describe_requirements([MATHS, "PHY-2"]) == (
        "Needed: MAT-1 or MAT-2 completed first or taken at the same time; and PHY-2 completed "
        "first."
    )
    missing = localize_requirements([Requirement(("A", "B")), Requirement(("C",), True)])
    assert str(missing) == missing.value == "A or B, C (may be taken at the same time)"
    with translation.override("de"):
        assert "MAT-1 oder MAT-2" in describe_requirements([MATHS])
        assert str(missing).startswith("A oder B, C (")
        assert missing.value.startswith("A or B, C (")


@pytest.mark.django_db
class TestDoors:
    def make_courses(self) -> None:
        for code in ("MAT-1", "MAT-2", "PHY-2"):
            CourseFactory.create(code=code)

    def test_the_api_writes_and_reads_json(self, api: APIClient) -> None:
        self.make_courses()
        body = {"code": "BIO-101", "title": "Biology", "term": TermFactory.create().code}
        sent = [{"any": [" MAT-1", "MAT-2"], "concurrent": True}, {"any": ["PHY-2"]}, "PHY-2"]
        answer = api.post(URL, body | {"prerequisites": sent, "excludes": ["MAT-1", " MAT-1"]})
        assert answer.status_code == 201, answer.content
        assert answer.json()["prerequisites"] == [MATHS, "PHY-2"]
        assert answer.json()["excludes"] == ["MAT-1"]
        pk = answer.json()["id"]
        assert Course.objects.get(pk=pk).prerequisites == [MATHS, "PHY-2"]
        assert api.get(f"{URL}/{pk}").json() == answer.json()
        changes = Course.history.filter(id=pk).count()
        assert api.put(f"{URL}/{pk}", answer.json()).json() == answer.json()
        assert Course.history.filter(id=pk).count() == changes
        answer = api.patch(f"{URL}/{pk}", {"prerequisites": [{"any": ["MAT-1", "PHY-2"]}]})
        assert answer.json()["prerequisites"] == [{"any": ["MAT-1", "PHY-2"], "concurrent": False}]

    @pytest.mark.parametrize(
        ("change", "pointer", "code"),
        [
            ({"prerequisites": [["MAT-1"]]}, "/prerequisites/0", "invalid"),
            ({"prerequisites": ["M" * 21]}, "/prerequisites/0", "max_length"),
            ({"prerequisites": [{}]}, "/prerequisites/0/any", "required"),
            ({"prerequisites": [{"any": []}]}, "/prerequisites/0/any", "empty"),
            (
                {"prerequisites": ["MAT-1", {"any": ["MAT-2", 7]}]},
                "/prerequisites/1/any/1",
                "invalid",
            ),
            (
                {"prerequisites": [{"any": ["MAT-1"], "concurrent": "yes"}]},
                "/prerequisites/0/concurrent",
                "invalid",
            ),
            (
                {"prerequisites": [{"any": ["MAT-1"], "all": []}]},
                "/prerequisites/0/all",
                "unknown_field",
            ),
            ({"prerequisites": [{"any": ["MAT-1", "NONE"]}]}, "/prerequisites", "not_found"),
            (
                {"prerequisites": [{"any": ["BIO-1"], "concurrent": True}]},
                "/prerequisites",
                "circular",
            ),
            (
                {"prerequisites": [{"any": ["MAT-1"] * 21}]},
                "/prerequisites/0/any",
                "max_length",
            ),
            ({"excludes": ["NONE"]}, "/excludes", "not_found"),
            ({"excludes": "MAT-1"}, "/excludes", "not_a_list"),
        ],
    )
    def test_errors_of_the_api(
        self, api: APIClient, change: dict[str, Any], pointer: str, code: str
    ) -> None:
        self.make_courses()
        body = {"code": "BIO-1", "title": "Biology", "term": TermFactory.create().code}
        answer = api.post(URL, body | change)
        errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
        assert errors == [(pointer, code)]

    def test_longer_lists_are_valid_until_they_are_changed(self, api: APIClient) -> None:
        codes = [f"OLD-{number}" for number in range(60)]
        term = TermFactory.create()
        Course.objects.bulk_create(
            Course(term=term, code=code, title="x", search_key="") for code in codes
        )
        course = CourseFactory.create(prerequisites=codes, excludes=codes)
        path = f"{URL}/{course.pk}"
        assert api.put(path, api.get(path).json()).status_code == 200
        for field in ("prerequisites", "excludes"):
            answer = api.patch(path, {field: codes[:51]})
            [error] = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == (f"/{field}", "max_length")
            assert api.patch(path, {field: codes[:50]}).json()[field] == codes[:50]

    def test_the_form_shows_how_the_text_is_read(self, registrar: Client) -> None:
        self.make_courses()
        course = CourseFactory.create()
        for path in (f"/courses/{course.pk}/edit/", f"/admin/courses/course/{course.pk}/change/"):
            Course.objects.filter(pk=course.pk).update(prerequisites=[], excludes=[])
            assert "Needed:" not in text_of(registrar.get(path).content.decode())
            changes = {"prerequisites": "MAT-1 | MAT-2*, PHY-2", "excludes": "MAT-1"}
            # With an error elsewhere, what was typed comes back with its sentence.
            answer = submit(registrar, path, {**changes, "title": ""})
            sentence = describe_requirements([MATHS, "PHY-2"])
            assert sentence in text_of(answer.content.decode())
            answer = submit(registrar, path, {**changes, "prerequisites": "MAT-1 | *"})
            text = text_of(answer.content.decode())
            assert "“MAT-1 | *” is not read." in text
            assert "Needed:" not in text
            assert submit(registrar, path, changes).status_code == 302
            course.refresh_from_db()
            assert (course.prerequisites, course.excludes) == ([MATHS, "PHY-2"], ["MAT-1"])
            html = registrar.get(path).content.decode()
            assert fields_of(html)["prerequisites"] == ["MAT-1 | MAT-2*, PHY-2"]
            assert sentence in text_of(html)
        assert sentence in text_of(registrar.get(f"/courses/{course.pk}/").content.decode())

    def test_a_new_term_accepts_courses_in_progress_in_forms(
        self, registrar: Client, api_of: Callable[[str], APIClient]
    ) -> None:
        for path in ("/terms/new/", "/admin/courses/term/add/"):
            assert "accepts_in_progress" in fields_of(registrar.get(path).content.decode())
        term = TermFactory.create()
        page = registrar.get(f"/terms/{term.code}/edit/").content.decode()
        assert "accepts_in_progress" not in fields_of(page)
        body = {"code": "NEW", "name": "x", "starts_on": "2030-01-01", "ends_on": "2030-05-01"}
        answer = api_of("admin").post("/api/v1/terms", body)
        assert answer.json()["accepts_in_progress"] is False
        import_csv("terms", "code,name,starts_on,ends_on\nCSV,x,2030-01-01,2030-05-01\n")
        assert not Term.objects.get(code="CSV").accepts_in_progress

    def test_a_file_has_them_as_text(self) -> None:
        self.make_courses()
        TermFactory.create(code="FA")
        header = "term_code,code,title,capacity,prerequisites,excludes\n"
        text = header + 'FA,BIO-1,b,,"MAT-1 | MAT-2*, PHY-2","MAT-1, MAT-2"\n'
        assert import_csv("courses", text) == "courses: 1 created, 0 changed, 0 unchanged"
        assert import_csv("courses", text) == "courses: 0 created, 0 changed, 1 unchanged"
        course = Course.objects.get(code="BIO-1")
        assert (course.prerequisites, course.excludes) == ([MATHS, "PHY-2"], ["MAT-1", "MAT-2"])
        [error] = faults_of("courses", header + "FA,BIO-2,b,,MAT-1 |,NONE\n")
        assert error.startswith("line 2, prerequisites 'MAT-1 |': “MAT-1 |” is not read.")
        assert faults_of("courses", header + "FA,BIO-2,b,,MAT-1 | NO,NONE\n") == [
            "line 2, excludes 'NONE': There is no course with the code NONE.",
            "line 2, prerequisites 'MAT-1 | NO': There is no course with the code NO.",
        ]
