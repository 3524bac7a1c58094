"""Fixtures of the browser tests: a school, and windows of a headless Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)
from pytest_django.live_server_helper import LiveServer

from courses.factories import CourseFactory, TeachingFactory, TermFactory
from courses.models import Course, Teacher
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

# Playwright runs an event loop in the thread of the tests, where Django then refuses queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# A busy machine is slow.
expect.set_options(timeout=20_000)

# The first one has no windows of its own to draw: tests with it take a third of the time.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))),
    None,
)
QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("No chromium is installed.")
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": QUIET}


@pytest.fixture
def roles(transactional_db: None) -> None:
    """Makes the roles again: tests without a transaction delete them, and all other rows."""
    made: dict[str, list[str]] = import_module("students.migrations.0003_roles").ROLES
    for name, labels in made.items():
        role, _created = Group.objects.get_or_create(name=name)
        role.permissions.set(
            Permission.objects.filter(codename__in=[label.partition(".")[2] for label in labels])
        )


@dataclass
class School:
    """A student; courses: open, full, one in which the student is enrolled, and a section of two.

    The teacher teaches the section.
    """

    student: Student
    open: Course
    full: Course
    held: Course
    section: Course
    teacher: Teacher


@pytest.fixture
def school(roles: None) -> School:
    today = timezone.localdate()
    term = TermFactory.create(
        code="2026-FA", enrollment_opens_on=today, enrollment_closes_on=today + timedelta(days=9)
    )
    student = StudentFactory.create(first_name="Ann", last_name="Lee")
    free, full, held = (
        CourseFactory.create(term=term, code=code, title=title, capacity=capacity)
        for code, title, capacity in (
            ("BIO-101", "Biology", 30),
            ("CHE-102", "Chemistry", 1),
            ("MAT-103", "Linear Algebra", None),
        )
    )
    enrolled(StudentFactory.create(), full)
    enrolled(student, held)
    enrolled(student, CourseFactory.create(is_open=False), Status.COMPLETED)
    StudentFactory.create_batch(60)
    section, _other = (
        CourseFactory.create(term=term, code="LAT-1", section=name, title="Latin in sections")
        for name in ("A01", "A02")
    )
    teacher = TeachingFactory.create(course=section, is_primary=True).teacher
    return School(student, free, full, held, section, teacher)


@pytest.fixture
def faults() -> list[str]:
    """The errors in the windows of the test, which fail it at its end."""
    return []


@pytest.fixture
def open_as(
    browser: Browser,
    live_server: LiveServer,
    school: School,
    browser_of: Callable[[str], Client],
    faults: list[str],
) -> Iterator[Callable[..., Page]]:
    """Returns a function that opens a window for a new user of a role, or for an anonymous one.

    `more` are further options of Playwright's `new_context`. Errors in the window fail the test.
    """
    contexts = []

    def open_window(
        role: str | None = None,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        javascript: bool = True,
        locale: str = "en-US",
        **more: Any,
    ) -> Page:
        more |= {"color_scheme": scheme, "java_script_enabled": javascript, "locale": locale}
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, **more
        )
        contexts.append(context)
        _watch(context, live_server.url, faults)
        if role:
            cookie = browser_of(role).cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies(
                [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
            )
        return context.new_page()

    yield open_window
    for context in contexts:
        context.close()
    assert faults == []


def _watch(context: BrowserContext, home: str, faults: list[str]) -> None:
    """Record errors of the console, requests to other hosts and failed requests for subresources.

    Violations of the content security policy are errors of the console.
    """

    def note_message(message: ConsoleMessage) -> None:
        # Failed requests are recorded below, without those for the page itself (404, 422). Messages
        # without a URL come from scripts of the test: axe-core sets styles.
        if (
            message.type == "error"
            and message.location["url"]
            and not message.text.startswith("Failed to load resource")
        ):
            faults.append(message.text)

    def note_request(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(home).netloc:
            faults.append(f"request to another host: {request.url}")

    def note_response(response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            faults.append(f"{response.status}: {response.url}")

    context.on("console", note_message)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", note_request)
    context.on("response", note_response)


def busy(*_args: object, **_kwargs: object) -> None:
    """Replaces a view: raises the error of a lock that is not free in time."""
    raise OperationalError("database is locked")


def expect_messages(page: Page, *words: str) -> None:
    """Expect that the messages of the page contain all these texts."""
    for text in words:
        expect(page.get_by_role("status").first).to_contain_text(text)
