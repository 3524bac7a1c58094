"""Two people each save a half of a circle of prerequisites, at the same moment."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from threading import Barrier, BrokenBarrierError
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from courses import imports, models, prerequisites
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from tests.admin_page import submit
from tests.importing import import_csv
from tests.students.enrollment.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
CODES = ["A", "B"]


def checked_by_both_first(monkeypatch: pytest.MonkeyPatch, hold: Callable[[], None]) -> None:
    """Let both check and write before either checks again; SQLite has one writer at a time."""
    both = Barrier(2)

    def wait_and_hold() -> None:
        with suppress(BrokenBarrierError):
            both.wait(10 if connection.vendor == "postgresql" else 0.2)
        hold()

    for module in (models, imports):
        monkeypatch.setattr(module, "lock_prerequisites", wait_and_hold)


def halves() -> list[tuple[Course, str]]:
    """Each course of a circle, and the code that closes it."""
    term = TermFactory.create(code="2026-FA")
    courses = [CourseFactory.create(code=code, term=term, title="x") for code in CODES]
    return [(one, other.code) for one, other in pairwise([*courses, courses[0]])]


def by_model(course: Course, code: str) -> str:
    course.prerequisites = [code]
    try:
        course.full_clean()
        course.save(update_fields=["prerequisites"])
    except ValidationError as error:
        return str(error.error_dict["prerequisites"][0].code)
    return "saved"


def by_import(course: Course, code: str) -> str:
    with patch("django.core.management.base.OutputWrapper.write"):
        try:
            import_csv(
                "courses",
                f"term_code,code,title,capacity,prerequisites\n2026-FA,{course.code},x,,{code}\n",
            )
        except CommandError:
            return "refused"
    return "saved"


def circles() -> int:
    return Course.objects.exclude(prerequisites=[]).count()


def race(*ways: Callable[[Course, str], str]) -> Counter[str]:
    done = at_once(
        *(lambda way=way, half=half: way(*half) for way, half in zip(ways, halves(), strict=True))
    )
    return Counter(done)


@pytest.mark.parametrize("_round", range(3))
def test_one_of_two_is_refused(_round: int, monkeypatch: pytest.MonkeyPatch) -> None:
    checked_by_both_first(monkeypatch, prerequisites.lock_prerequisites)
    assert race(by_model, by_model) == Counter(saved=1, circular=1)
    assert circles() == 1


def test_without_the_lock_both_are_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it shows that the race above is one."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets only one write.")
    both = Barrier(2)
    check = Course.check_reachable

    def both_check_before_either_commits(course: Course) -> None:
        check(course)
        both.wait(10)

    checked_by_both_first(monkeypatch, lambda: None)
    monkeypatch.setattr(Course, "check_reachable", both_check_before_either_commits)
    assert race(by_model, by_model) == Counter(saved=2)
    assert circles() == 2


def test_an_import_and_a_form_are_serialized_too(
    browser_of: Any, user_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser: Client = browser_of("admin")

    def by_form(course: Course, code: str) -> str:
        answer = submit(browser, f"/courses/{course.pk}/edit/", {"prerequisites": code})
        if answer.status_code == 302:
            return "saved"
        assert "A course cannot come before itself" in answer.content.decode()
        return "refused"

    checked_by_both_first(monkeypatch, prerequisites.lock_prerequisites)
    assert race(by_import, by_form) == Counter(saved=1, refused=1)
    assert circles() == 1


def test_the_api_and_the_admin_are_serialized_too(
    api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api: APIClient = api_of("admin")
    browser = Client(raise_request_exception=False)
    browser.login(username="admin", password="pass")

    def by_api(course: Course, code: str) -> str:
        answer = api.patch(f"/api/v1/courses/{course.pk}", {"prerequisites": [code]})
        if answer.status_code == 200:
            return "saved"
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
            400,
            "/prerequisites",
        )
        return "refused"

    def by_admin(course: Course, code: str) -> str:
        answer = submit(
            browser, f"/admin/courses/course/{course.pk}/change/", {"prerequisites": code}
        )
        if answer.status_code == 302:
            return "saved"
        assert "A course cannot come before itself" in str(answer.context["adminform"].form.errors)
        return "refused"

    checked_by_both_first(monkeypatch, prerequisites.lock_prerequisites)
    assert race(by_api, by_admin) == Counter(saved=1, refused=1)
    assert circles() == 1
