"""The pages of errors outside the API, also while the database is away."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.test import Client

from students.pages.students import StudentCreateView, StudentListView


@pytest.mark.django_db
def test_missing_and_forbidden_pages(browser_of: Callable[[str], Client]) -> None:
    browser = browser_of("Viewer")
    for path, status, words in (
        ("/nowhere/", 404, "There is nothing at this address."),
        ("/students/new/", 403, "The role of this user does not allow this."),
    ):
        answer = browser.get(path)
        text = answer.content.decode()
        assert answer.status_code == status
        assert words in text
        assert "school.css" in text
        assert 'href="/"' in text


@pytest.mark.django_db
def test_a_missing_page_reads_no_session(
    client: Client, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(0):
        assert client.get("/nowhere/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("away"), RuntimeError("bug"), DataError("NUL")])
@pytest.mark.parametrize("is_away", [False, True])
def test_every_error_keeps_what_was_typed_and_leads_on(
    browser_of: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    is_away: bool,
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        if is_away:
            # The page of the error cannot read the user either.
            monkeypatch.setattr("django.contrib.auth.context_processors.PermWrapper", away)
        raise error

    def away(*_args: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(StudentCreateView, "post", fail)
    sent = {"first_name": "Nora", "csrfmiddlewaretoken": "x", "initial-number": "1"}
    text = browser_of("Registrar").post("/students/new/", sent).content.decode()
    assert '<input type="hidden" name="first_name" value="Nora">' in text
    typed = text.partition("<details>")[2].partition("</details>")[0]
    assert "<li>Nora</li>" in typed
    assert "<li>1</li>" not in typed
    for link in ('href="/students/"', 'href="/courses/"', 'href="/terms/"', '<input type="search"'):
        assert link in text


@pytest.mark.django_db
def test_a_form_that_is_not_allowed_or_gone_keeps_what_was_typed(
    browser_of: Callable[[str], Client],
) -> None:
    sent = {"first_name": "Nora"}
    for role, path, status in (
        ("Viewer", "/students/new/", 403),
        ("Registrar", "/students/404/edit/", 404),
    ):
        answer = browser_of(role).post(path, sent)
        assert answer.status_code == status
        assert '<input type="hidden" name="first_name" value="Nora">' in answer.content.decode()
    # Nobody's view has read this form: it may be of another site.
    answer = browser_of("admin").post("/nowhere/", sent)
    assert "Nora" not in answer.content.decode()


@pytest.mark.django_db
def test_an_error_page_has_the_menu_of_the_user(
    browser_of: Callable[[str], Client], client: Client
) -> None:
    registrar = browser_of("Registrar")
    for path in ("/nowhere/", "/students/404/", "/admin/nowhere/"):
        text = registrar.get(path).content.decode()
        for part in ('href="/courses/"', 'action="/logout/"', 'role="search"', 'lang="de"'):
            assert part in text, (path, part)
    text = client.get("/nowhere/").content.decode()
    assert 'href="/courses/"' not in text
    assert 'role="search"' not in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("away"), 503, "Nothing was done"),
        (RuntimeError("bug"), 500, "It is not your fault"),
        (DataError("NUL"), 400, "can be neither kept nor looked for"),
    ],
)
def test_errors_of_a_view(
    browser_of: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    words: str,
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(StudentListView, "get", fail)
    answer = browser_of("Viewer").get("/students/")
    assert answer.status_code == status
    assert words in answer.content.decode()
