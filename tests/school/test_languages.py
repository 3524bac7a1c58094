"""The language of a page: the chosen one, else that of the browser. The API answers in English."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import get_language, ngettext, override
from rest_framework.test import APIClient

from core.history.reasons import translate_reason
from courses.factories import CourseFactory, TermFactory
from students.enrollment.service import apply_changes
from students.enrollment.transitions import COMPLETE, EnrollmentChange, Refused
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status
from tests.admin_page import fields_of
from tests.undoing import last_changes_token

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}

Browser = Callable[[str], Client]


def language_of(answer: Any) -> str:
    return str(answer.content.decode().partition('<html lang="')[2].partition('"')[0])


@pytest.mark.django_db
class TestPage:
    @pytest.mark.parametrize(
        ("accepted", "expected"),
        [
            ("de-AT,de;q=0.9", "de"),
            ("en-GB", "en"),
            ("fr,de;q=0.5", "de"),
            ("fr", "en"),
            ("", "en"),
            ("nonsense;;q=x", "en"),
        ],
    )
    @pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/nowhere/"])
    def test_follows_the_browser(
        self, client: Client, path: str, accepted: str, expected: str
    ) -> None:
        answer = client.get(path, headers={"accept-language": accepted})
        assert (language_of(answer), answer["Content-Language"]) == (expected, expected)

    def test_sets_the_header_vary(self, registrar: Client) -> None:
        for path in ("/", "/login/", "/nowhere/", "/admin/", "/students/"):
            answer = registrar.get(path)
            assert {"Accept-Language", "Cookie"} <= {
                name.strip() for name in answer["Vary"].split(",")
            }, path

    def test_leaves_no_language_to_the_next_request_of_the_thread(self, client: Client) -> None:
        def serve() -> str:
            client.get("/nowhere/", headers=GERMAN)
            return get_language()

        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(serve).result() == "en"


@pytest.mark.django_db
class TestChoice:
    def test_stays_for_a_year_and_leads_back(self, registrar: Client) -> None:
        answer = registrar.post("/language/", {"language": "de", "next": "/students/?q=an"})
        assert (answer.status_code, answer["Location"]) == (302, "/students/?q=an")
        cookie = answer.cookies["django_language"]
        assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (
            "de",
            365 * 24 * 3600,
            True,
            "Lax",
        )
        assert language_of(registrar.get("/students/", headers={"accept-language": "en"})) == "de"
        assert language_of(registrar.get("/admin/", headers={"accept-language": "en"})) == "de"

    @pytest.mark.parametrize("path", ["/", "/admin/"])
    def test_is_offered_on_every_page_with_the_current_language_marked(
        self, registrar: Client, path: str
    ) -> None:
        text = " ".join(registrar.get(f"{path}?q=an").content.decode().split())
        form = text.partition('action="/language/"')[2].partition("</form>")[0]
        assert f'name="next" value="{path}?q=an"' in form
        assert 'value="en" lang="en" aria-current="true">English<' in form
        assert 'value="de" lang="de" >Deutsch<' in form

    def test_redirects_to_this_host_only(self, client: Client) -> None:
        assert (
            client.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})[
                "Location"
            ]
            == "/"
        )

    def test_of_an_unknown_language_changes_nothing(self, client: Client) -> None:
        answer = client.post("/language/", {"language": "xx", "next": "/login/"})
        assert (answer.status_code, "django_language" in answer.cookies) == (302, False)

    def test_needs_a_csrf_token(self, registrar: Client) -> None:
        browser = Client(enforce_csrf_checks=True)
        assert browser.post("/language/", {"language": "de"}).status_code == 403


@pytest.mark.django_db
class TestProgram:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/students/404",
            "/api/v1/problems/course_full",
            "/api/nowhere",
            "/healthz",
            "/readyz",
        ],
    )
    def test_is_answered_in_english(self, api: APIClient, path: str) -> None:
        english, german = api.get(path), api.get(path, headers=GERMAN)
        assert german.content == english.content
        assert "Content-Language" not in german
        assert "Accept-Language" not in german.get("Vary", "")


@pytest.mark.django_db
class TestGerman:
    @pytest.fixture
    def german(self, registrar: Client) -> Client:
        registrar.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
        return registrar

    def test_formats_dates_and_refusals_in_german(
        self, german: Client, api_of: Callable[[str], APIClient]
    ) -> None:
        term = TermFactory.create(code="T", enrollment_opens_on=date(2099, 9, 3))
        student, course = StudentFactory.create(), CourseFactory.create(code="C", term=term)
        answer = german.post(f"/students/{student.pk}/courses/", {"courses": [course.pk]})
        assert "Die Einschreibung für T beginnt am 03.09.2099." in answer.content.decode()
        assert "ab 03.09.2099" in german.get(f"/courses/{course.pk}/").content.decode()
        problem = (
            api_of("Clerk")
            .post(
                f"/api/v1/students/{student.pk}/courses", {"course_id": course.pk}, headers=GERMAN
            )
            .json()
        )
        assert problem["detail"] == "Enrollment for T opens on 2099-09-03. Come back then."
        assert problem["errors"][0]["params"] == {"term": "T", "opens_on": "2099-09-03"}

    def test_reads_the_same_values_of_forms_and_shows_them_with_a_comma(
        self, german: Client
    ) -> None:
        course = CourseFactory.create(credits="3.25")
        form = german.get(f"/courses/{course.pk}/edit/").content.decode()
        assert 'name="credits" value="3.25"' in form
        sent = fields_of(form) | {"credits": ["2.50"]}
        assert german.post(f"/courses/{course.pk}/edit/", sent).status_code == 302
        assert "<dd>2,50</dd>" in german.get(f"/courses/{course.pk}/").content.decode()
        # The old value, in the list of changes.
        assert "3,25" in german.get(f"/courses/{course.pk}/").content.decode()
        day = german.get(f"/terms/{course.term.code}/edit/").content.decode()
        assert f'value="{course.term.starts_on.isoformat()}"' in day

    def test_translates_reasons_of_the_product_that_were_recorded_in_english(
        self, german: Client, viewer: Client
    ) -> None:
        student, course = StudentFactory.create(), CourseFactory.create(code="C", capacity=1)
        german.post(f"/students/{student.pk}/courses/", {"courses": [course.pk]})
        german.post("/undo/", {"token": last_changes_token()})
        assert (
            Enrollment.history.model.objects.latest("history_id").history_change_reason == "Undone."
        )
        url = f"/students/{student.pk}/"
        assert "<q>Rückgängig gemacht.</q>" in german.get(url).content.decode()
        assert "<q>Undone.</q>" in viewer.get(url).content.decode()

    @pytest.mark.parametrize(
        ("recorded", "shown"),
        [
            ("Moved up from the waitlist.", "Von der Warteliste nachgerückt."),
            ("Import of a.csv", "Import von a.csv"),
            ("Wünsche", "Wünsche"),
        ],
    )
    def test_translates_only_reasons_of_the_product(self, recorded: str, shown: str) -> None:
        with override("de"):
            assert translate_reason(recorded) == shown

    def test_counts(self) -> None:
        with override("de"):
            texts = [
                ngettext("because %d seat was freed", "because %d seats were freed", number)
                % number
                for number in (0, 1, 2)
            ]
        assert texts == [
            "weil 0 Plätze frei wurden",
            "weil 1 Platz frei wurde",
            "weil 2 Plätze frei wurden",
        ]

    def test_names_a_status_that_is_not_possible(self, api: APIClient) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create(), Status.WITHDRAWN)
        with override("de"), pytest.raises(Refused) as refused:
            apply_changes([EnrollmentChange(row.student_id, row.course_id, COMPLETE)])
        with override("de"):
            assert refused.value.messages == [
                (
                    "Aus dem Status „ausgetragen“ einer Einschreibung kann nicht "
                    "„abgeschlossen“ werden."
                )
            ]
        params = api.patch(f"/api/v1/enrollments/{row.pk}", {"status": "completed"}).json()[
            "errors"
        ][0]["params"]
        assert params == {"before": "withdrawn", "after": "completed"}

    def test_does_not_translate_a_csv_file(self, german: Client) -> None:
        row = enrolled(StudentFactory.create(), CourseFactory.create())
        assert ",active,," in german.get(f"/courses/{row.course_id}/roster.csv").content.decode()
