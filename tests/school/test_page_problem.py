"""The pages of errors outside the API, also while the database is away."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.test import Client

from students.pages.students import StudentListView


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
