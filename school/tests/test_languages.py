"""In which language a page is answered: the one chosen, or else the one that the browser asks for; programs are answered in English."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import get_language
from rest_framework.test import APIClient

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}

Browser = Callable[[str], Client]


def language_of(answer: Any) -> str:
    return str(answer.content.decode().partition('<html lang="')[2].partition('"')[0])


@pytest.mark.django_db
class TestPage:
    @pytest.mark.parametrize(
        ("asked", "got"), [("de-AT,de;q=0.9", "de"), ("en-GB", "en"), ("fr,de;q=0.5", "de"), ("fr", "en"), ("", "en"), ("nonsense;;q=x", "en")]
    )
    @pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/nowhere/"])
    def test_follows_the_browser(self, client: Client, path: str, asked: str, got: str) -> None:
        answer = client.get(path, headers={"accept-language": asked})
        assert (language_of(answer), answer["Content-Language"]) == (got, got)

    def test_says_what_the_answer_depends_on(self, registrar: Client) -> None:
        for path in ("/", "/login/", "/nowhere/", "/admin/", "/students/"):
            answer = registrar.get(path)
            assert {"Accept-Language", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}, path

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
        assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == ("de", 365 * 24 * 3600, True, "Lax")
        assert language_of(registrar.get("/students/", headers={"accept-language": "en"})) == "de"
        assert language_of(registrar.get("/admin/", headers={"accept-language": "en"})) == "de"

    @pytest.mark.parametrize("path", ["/", "/admin/"])
    def test_stands_on_every_page_with_the_one_in_use_marked(self, registrar: Client, path: str) -> None:
        text = " ".join(registrar.get(f"{path}?q=an").content.decode().split())
        form = text.partition('action="/language/"')[2].partition("</form>")[0]
        assert f'name="next" value="{path}?q=an"' in form
        assert 'value="en" lang="en" aria-current="true">English<' in form
        assert 'value="de" lang="de" >Deutsch<' in form

    def test_leads_nowhere_else(self, client: Client) -> None:
        assert client.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})["Location"] == "/"

    def test_of_a_language_that_there_is_not_changes_nothing(self, client: Client) -> None:
        answer = client.post("/language/", {"language": "xx", "next": "/login/"})
        assert (answer.status_code, "django_language" in answer.cookies) == (302, False)

    def test_is_nobody_else_s(self, registrar: Client) -> None:
        browser = Client(enforce_csrf_checks=True)
        assert browser.post("/language/", {"language": "de"}).status_code == 403


@pytest.mark.django_db
class TestProgram:
    @pytest.mark.parametrize("path", ["/api/v1/students/404", "/api/v1/problems/course_full", "/api/nowhere", "/healthz", "/readyz"])
    def test_is_answered_in_english(self, api: APIClient, path: str) -> None:
        english, german = api.get(path), api.get(path, headers=GERMAN)
        assert german.content == english.content
        assert "Content-Language" not in german
        assert "Accept-Language" not in german.get("Vary", "")
