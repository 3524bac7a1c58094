"""One form of text at every door: composed characters, none invisible, one spelling of emails."""

import unicodedata
from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from core.text import clean_email, clean_line
from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.factories import StudentFactory
from students.models import Student
from tests.admin_page import submit
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
COMPOSED = "Zo\u00eb"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
EMAIL = "ann@b\u00fccher.example"
SPELLINGS = [
    "ann@bu\u0308cher.example",
    "ann@b\u00fc\u00adcher.example",
    "ann@b\u00fccher\u200b.example",
    "\ufeffann@b\u00fccher.example",
    "ann\u2060@b\u00fccher.example",
    "\u202aann@b\u00fccher.example\u202c",
    "ann@b\u00fccher.\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45",
    "ann@b\u00fccher\u3002example",
    "ann@xn--bcher-kva.example",
    "ann@XN--BCHER-KVA.Example",
]
FORMS = ["/students/new/", "/admin/students/student/add/"]


def student_data(**changes: str) -> dict[str, str]:
    return {"number": "1", "first_name": "Ann", "last_name": "Lee", "email": EMAIL} | changes


def csv_of(data: dict[str, str]) -> str:
    return ",".join(data) + "\n" + ",".join(data.values()) + "\n"


@pytest.mark.parametrize("spelling", SPELLINGS)
class TestEmail:
    def test_in_the_api(self, api: APIClient, spelling: str) -> None:
        answer = api.post("/api/v1/students", student_data(email=spelling))
        assert (answer.status_code, answer.json()["email"]) == (201, EMAIL)
        answer = api.post("/api/v1/students", student_data(number="2"))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/email")

    @pytest.mark.parametrize("path", FORMS)
    def test_in_forms(self, browser_of: Callable[[str], Client], path: str, spelling: str) -> None:
        StudentFactory.create(email=EMAIL)
        answer = submit(browser_of("Registrar"), path, student_data(email=spelling))
        assert "A student with this email already exists." in answer.content.decode()

    def test_in_a_file(self, spelling: str) -> None:
        import_csv("students", csv_of(student_data()))
        counts = import_csv("students", csv_of(student_data(email=spelling)))
        assert counts == "students: 0 created, 0 changed, 1 unchanged"


NAMES = [
    (DECOMPOSED, COMPOSED),
    (f"\u200b{COMPOSED}\u00ad", COMPOSED),
    ("Z\u202eoe\u202c", "Zoe"),
    # Joiners inside of words belong to their spelling.
    ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
]


@pytest.mark.parametrize(("sent", "stored"), NAMES)
class TestName:
    def test_in_the_api(self, api: APIClient, sent: str, stored: str) -> None:
        answer = api.post("/api/v1/students", student_data(first_name=sent))
        assert answer.json()["first_name"] == Student.objects.get().first_name == stored
        assert Student.history.get().first_name == stored

    @pytest.mark.parametrize("path", FORMS)
    def test_in_forms(
        self, browser_of: Callable[[str], Client], path: str, sent: str, stored: str
    ) -> None:
        submit(browser_of("Registrar"), path, student_data(first_name=sent))
        assert Student.objects.get().first_name == Student.history.get().first_name == stored

    def test_in_a_file(self, sent: str, stored: str) -> None:
        import_csv("students", csv_of(student_data(first_name=sent)))
        assert Student.objects.get().first_name == Student.history.get().first_name == stored
        again = import_csv("students", csv_of(student_data(first_name=sent)))
        assert again == "students: 0 created, 0 changed, 1 unchanged"


def test_a_form_with_another_spelling_is_no_change(browser_of: Callable[[str], Client]) -> None:
    student = StudentFactory.create(first_name=COMPOSED)
    submit(browser_of("Registrar"), f"/students/{student.pk}/edit/", {"first_name": DECOMPOSED})
    assert student.history.count() == 1


def test_a_decomposed_text_may_have_the_maximal_length(api: APIClient) -> None:
    name = unicodedata.normalize("NFD", "\u00eb" * 100)
    assert api.post("/api/v1/students", student_data(first_name=name)).status_code == 201


@pytest.mark.parametrize("invisible", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e"])
class TestKeys:
    def test_numbers(self, api: APIClient, invisible: str) -> None:
        StudentFactory.create(number="D1")
        answer = api.post("/api/v1/students", student_data(number=f"D{invisible}1"))
        assert answer.json()["errors"][0]["pointer"] == "/number"

    def test_codes(self, api: APIClient, invisible: str) -> None:
        CourseFactory.create(code="BIO1", term=TermFactory.create(code="FA"))
        course = {"term": f"F{invisible}A", "code": f"BIO{invisible}1", "title": "Life"}
        answer = api.post("/api/v1/courses", course)
        assert answer.json()["errors"][0]["pointer"] == "/code"
        text = f"term_code,code,title,capacity\nF{invisible}A,BIO{invisible}1,Life,\n"
        assert import_csv("courses", text) == "courses: 0 created, 1 changed, 0 unchanged"
        assert api.get(f"/api/v1/terms/F{invisible}A").status_code == 200


def test_codes_may_be_decomposed_wherever_they_are_named(api: APIClient) -> None:
    code = "\u00dcB1"
    decomposed = unicodedata.normalize("NFD", code)
    term, other = TermFactory.create(code=code), CourseFactory.create(code=code)
    course = CourseFactory.create(term=term)
    student = StudentFactory.create(number=code)
    assert api.get(f"/api/v1/terms/{decomposed}").json()["code"] == code
    [found] = api.get("/api/v1/courses", {"term": decomposed}).json()["results"]
    assert found["id"] == course.pk
    answer = api.patch(
        f"/api/v1/courses/{course.pk}", {"prerequisites": [decomposed], "term": decomposed}
    )
    assert answer.json()["prerequisites"] == [code]
    text = "term_code,code,title,capacity,prerequisites\n"
    text += f"{decomposed},{course.code},Life,,{decomposed}\n"
    assert import_csv("courses", text) == "courses: 0 created, 1 changed, 0 unchanged"
    assert Course.objects.get(pk=course.pk).prerequisites == [other.code]
    text = f"student_number,term_code,course_code\n{decomposed},{other.term.code},{decomposed}\n"
    assert import_csv("enrollments", text) == "enrollments: 1 created"
    assert list(other.students.all()) == [student]


def test_reasons_are_composed(api: APIClient) -> None:
    course = CourseFactory.create(is_open=False)
    student = StudentFactory.create()
    body = {"course_id": course.pk, "override": ["course_closed"], "reason": DECOMPOSED}
    assert api.post(f"/api/v1/students/{student.pk}/courses", body).status_code == 201
    assert student.enrollments.get().history.get().history_change_reason == COMPOSED


class TestNamesOfOnePart:
    @pytest.mark.parametrize("name", ["first_name", "last_name"])
    def test_can_be_entered_at_every_door(
        self, api: APIClient, browser_of: Callable[[str], Client], name: str
    ) -> None:
        other = {"first_name": "last_name", "last_name": "first_name"}[name]
        data = student_data(**{name: "Suharto", other: ""})
        assert api.post("/api/v1/students", data).status_code == 201
        answer = api.post(
            "/api/v1/students", {"number": "2", name: "U", other: "", "email": "u@x.org"}
        )
        assert answer.json()[other] == ""
        browser = browser_of("admin")
        for number, path in enumerate(FORMS):
            submit(browser, path, data | {"number": f"F{number}", "email": f"f{number}@x.org"})
        import_csv("students", csv_of(data | {"number": "C", "email": "c@x.org"}))
        assert Student.objects.filter(**{other: ""}).count() == 5
        assert {student.name for student in Student.objects.all()} == {"Suharto", "U"}
        page = browser.get("/students/").content.decode()
        assert "Suharto</a>" in page
        assert "Suharto," not in page

    def test_one_part_is_needed_at_every_door(
        self, api: APIClient, browser_of: Callable[[str], Client]
    ) -> None:
        data = student_data(first_name="", last_name="\u200b")
        answer = api.post("/api/v1/students", data)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "/last_name"
        message = "A student needs a first name or a last name."
        browser = browser_of("admin")
        for path in FORMS:
            assert message in submit(browser, path, data).content.decode()
        assert faults_of("students", csv_of(data)) == [f"line 2, last_name '': {message}"]
        assert not Student.objects.exists()


def test_texts_are_cleaned_once() -> None:
    for spelling in SPELLINGS:
        assert clean_email(spelling) == clean_email(clean_email(spelling)) == EMAIL
    for sent, stored in NAMES:
        assert clean_line(sent) == clean_line(stored) == stored
    assert clean_email("ann@xn--.example") == "ann@xn--.example"


def test_terms_are_cleaned(browser_of: Callable[[str], Client]) -> None:
    days = {"starts_on": "2026-09-01", "ends_on": "2026-12-01"}
    submit(browser_of("Registrar"), "/terms/new/", days | {"code": "\u200bFA", "name": DECOMPOSED})
    assert Term.objects.values_list("code", "name").get() == ("FA", COMPOSED)
