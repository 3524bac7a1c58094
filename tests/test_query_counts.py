"""The number of queries of every page and endpoint, in a committed table.

A change shows as a line of a diff. SCHOOL_WRITE_COUNTS=1 writes the table anew.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TeacherFactory, TeachingFactory, TermFactory
from students.enrollment import service
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status
from tests.queries import executed_statements

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("query_counts.json")
API = "/api/v1"
# Views without queries, or which are counted with another one.
UNCOUNTED = {
    "api/schema/",
    "api/docs/",
    "^api/",
    "readyz",
    "api/v1/problems/<slug:code>",
    "account/sessions/end/",
    "account/sessions/<slug:public_id>/end/",
    "account/reset/<uidb64>/<token>/",
    "tokens/<slug:key>/revoke/",
    "account/second-factor/app/qr.svg",
    "account/second-factor/app/remove/",
    "account/second-factor/passkeys/<int:pk>/remove/",
    "account/second-factor/codes/",
    "login/second-factor/",
    "login/sso/",
    "login/sso/callback/",
    "logout/",
    "undo/",
    "language/",
    # Redirects.
    "admin/students/accesschange/<path:rest>",
    "admin/students/accesschange/",
}


def cases() -> Iterator[tuple[str, str, Any]]:
    """(method, path, body) of every page and endpoint.

    `{s}`, `{c}` and so on are keys of `rows`; `{new}` is a course that the student does not have.
    """
    for path in [
        "/students",
        "/courses",
        "/terms",
        "/teachers",
        "/enrollments",
        "/students/{s}",
        "/courses/{c}",
        "/courses/{c}/teachers",
        "/teachers/{p}",
        "/terms/{t}",
        "/enrollments/{e}",
    ]:
        yield "GET", API + path, None
    yield "GET", API + "/students?search=an&ordering=last_name", None
    yield "GET", API + "/courses?has_seats=true", None
    for path in ["/students/{s}/courses", "/courses/{c}/students", "/enrollments/{e}/history"]:
        yield "GET", API + path, None
    for parameter in ["clashing", "doubled", "prerequisite_open"]:
        yield "GET", API + f"/enrollments?{parameter}=true&term={{t}}", None
    yield "GET", API + "/students?over_credit_limit=true&term={t}", None
    yield "GET", API + "/students/{s}/credit-limits", None
    limit = "/students/{s}/credit-limits/{limited}"
    yield "GET", API + limit, None
    yield "PUT", API + limit, {"max_credits": 2}
    yield "PUT", API + "/students/{s}/credit-limits/{t}", {"max_credits": 90}
    yield "DELETE", API + limit, None
    student = {
        "number": "new",
        "first_name": "New",
        "last_name": "One",
        "email": "new@school.example",
    }
    yield "POST", API + "/students", student
    yield "PATCH", API + "/students/{s}", {"first_name": "Other"}
    yield "PUT", API + "/students/{s}", student
    by_number = {key: value for key, value in student.items() if key != "number"}
    yield "PUT", API + "/students/by-number/{s}", by_number
    yield "DELETE", API + "/students/{unused_student}", None
    course = {"code": "NEW", "title": "New", "term": "{t}"}
    yield "POST", API + "/courses", course
    yield "PATCH", API + "/courses/{c}", {"title": "Other"}
    yield "PUT", API + "/courses/{c}", course | {"capacity": 40}
    yield "DELETE", API + "/courses/{unused_course}", None
    teacher = {"number": "new", "first_name": "New", "last_name": "One"}
    yield "POST", API + "/teachers", teacher
    yield "PATCH", API + "/teachers/{p}", {"first_name": "Other"}
    yield "PUT", API + "/teachers/{p}", teacher
    yield "DELETE", API + "/teachers/{unused_teacher}", None
    assignments = [{"teacher_id": "{unused_teacher}", "is_primary": True}, {"teacher_id": "{p}"}]
    yield "PUT", API + "/courses/{c}/teachers", {"teachers": assignments}
    term = {"code": "NEW", "name": "New", "starts_on": "2026-01-01", "ends_on": "2026-06-30"}
    yield "POST", API + "/terms", term
    yield "PATCH", API + "/terms/{t}", {"name": "Other"}
    yield "PUT", API + "/terms/{t}", term
    yield "DELETE", API + "/terms/{unused_term}", None
    yield "POST", API + "/students/{s}/courses", {"course_ids": ["{new}"]}
    yield "PATCH", API + "/students/{s}/courses", {"add": ["{new}"], "remove": ["{c}"]}
    yield "PUT", API + "/students/{s}/courses", {"course_ids": ["{new}"]}
    yield "DELETE", API + "/students/{s}/courses/{c}", None
    yield "POST", API + "/courses/{new}/students", {"student_ids": ["{s}"]}
    yield "POST", API + "/enrollments", {"student_id": "{s}", "course_id": "{new}"}
    yield "PATCH", API + "/enrollments/{e}", {"status": "completed"}
    yield "DELETE", API + "/enrollments/{e}", None
    pages = [
        "/",
        "/students/",
        "/students/?q=an",
        "/students/new/",
        "/students/{s}/",
        "/students/{s}/edit/",
        "/students/{s}/courses/",
        "/students/{s}/credit-limits/",
        "/students/{s}/credit-limits/new/",
        "/students/{s}/credit-limits/{l}/edit/",
        "/students/{s}/credit-limits/{l}/remove/",
    ]
    pages += [
        "/students/{s}/courses/{c}/withdraw/",
        "/courses/",
        "/courses/new/",
        "/courses/{c}/",
        "/courses/{c}/edit/",
        "/courses/{c}/students/",
    ]
    pages += [
        "/courses/{c}/withdraw/?students={s}",
        "/courses/{c}/sheet/",
        "/courses/{c}/roster.csv",
        "/teachers/",
        "/teachers/new/",
        "/teachers/{p}/",
        "/teachers/{p}/edit/",
        "/terms/",
        "/terms/new/",
        "/terms/{t}/edit/",
        "/terms/{reviewed}/prerequisites/",
        "/terms/{reviewed}/prerequisites/withdraw/?enrollments={r}",
        "/account/",
        "/account/password/",
        "/account/confirm/",
        "/account/second-factor/",
        "/account/second-factor/app/",
        "/account/second-factor/passkey/",
        "/account/reset/",
        "/account/reset/sent/",
        "/tokens/",
        "/login/",
        "/healthz",
        "/alive",
    ]
    pages += [
        "/admin/",
        "/admin/students/student/",
        "/admin/students/student/{s}/change/",
        "/admin/courses/course/",
        "/admin/courses/course/{c}/change/",
    ]
    pages += [
        "/admin/students/enrollment/",
        "/admin/students/enrollment/{e}/change/",
        "/admin/courses/term/",
    ]
    pages += ["/admin/courses/teacher/", "/admin/courses/teacher/{p}/change/"]
    pages += ["/admin/accounts/accesschange/"]
    for path in pages:
        yield "GET", path, None
    yield "POST", "/students/{s}/courses/", {"courses": ["{new}"]}
    yield "POST", "/courses/{new}/students/", {"students": ["{s}"]}
    yield "POST", "/students/{s}/courses/{c}/withdraw/", {}
    yield (
        "POST",
        "/admin/students/student/",
        {
            "action": "enroll",
            "_selected_action": ["{s}"],
            "rows": "{s}",
            "chosen": ["{new}"],
            "select_across": "1",
        },
    )
    yield "POST", "/admin/students/enrollment/", {"action": "withdraw", "_selected_action": ["{e}"]}


@pytest.fixture
def rows() -> dict[str, int | str]:
    """A school with several rows of everything, so that a query for each row is counted."""
    term = TermFactory(code="T")
    courses = [
        CourseFactory.create(
            term=term, code="C", section=f"S{number:02}", capacity=30, repeatable=True
        )
        for number in range(12)
    ]
    teachers = TeacherFactory.create_batch(3)
    for course in courses:
        for teacher in teachers:
            TeachingFactory.create(
                course=course, teacher=teacher, is_primary=teacher == teachers[0]
            )
    students = StudentFactory.create_batch(12)
    service.enroll([(student.pk, course.pk) for student in students for course in courses[:11]])
    enrolled(students[1], courses[11], Status.COMPLETED)
    # Over, so that the desk does not count it.
    today = timezone.localdate()
    reviewed = TermFactory.create(code="R", starts_on=today - timedelta(days=300))
    advanced = CourseFactory.create_batch(3, term=reviewed)
    others = StudentFactory.create_batch(12)
    open_rows = [enrolled(student, course) for student in others for course in advanced]
    for course in advanced:
        course.prerequisites = ["C"]
        course.save()
    limited = TermFactory.create(code="L", starts_on=today + timedelta(days=1))
    limit = CreditLimit.objects.create(student=students[0], term=limited)
    return {
        "s": students[0].pk,
        "c": courses[0].pk,
        "t": term.code,
        "limited": limited.code,
        "reviewed": reviewed.code,
        "r": open_rows[0].pk,
        "p": teachers[0].pk,
        "unused_teacher": TeacherFactory().pk,
        "e": Enrollment.objects.get(student=students[0], course=courses[0]).pk,
        "l": limit.pk,
        "new": courses[11].pk,
        "unused_student": StudentFactory().pk,
        "unused_course": CourseFactory(term=term).pk,
        "unused_term": TermFactory(code="U").code,
    }


@pytest.fixture
def count(rows: dict[str, int | str], api: APIClient) -> Callable[[str, str, Any], int]:
    user = User.objects.create_user("counter", password="pass", is_staff=True, is_superuser=True)
    user.groups.set(Group.objects.filter(name="Registrar"))
    browser = Client()
    browser.force_login(user)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return rows[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value

    # Django caches content types across tests.
    ContentType.objects.clear_cache()

    def count_case(method: str, path: str, body: Any) -> int:
        client = api if path.startswith(API) else browser
        with CaptureQueriesContext(connection) as captured:
            response = getattr(client, method.lower())(
                path.format(**rows), filled(body) if body is not None else None
            )
        assert response.status_code < 400, response.content
        # Only PostgreSQL has the announcement of a change and the estimate of rows.
        return sum(
            not re.search("pg_advisory_xact_lock|^EXPLAIN", statement)
            for statement in executed_statements(captured)
        )

    return count_case


def name(method: str, path: str) -> str:
    return f"{method} {path}"


@pytest.mark.parametrize(
    ("method", "path", "body"), [pytest.param(*case, id=name(*case[:2])) for case in cases()]
)
def test_query_counts_are_those_of_the_table(
    count: Callable[[str, str, Any], int], method: str, path: str, body: Any
) -> None:
    taken = count(method, path, body)
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    if os.environ.get("SCHOOL_WRITE_COUNTS"):
        TABLE.write_text(
            json.dumps(dict(sorted((table | {name(method, path): taken}).items())), indent=1) + "\n"
        )
        return
    assert taken == table[name(method, path)]


def test_the_table_has_every_page_and_endpoint(client: Client) -> None:
    counted = {path.partition("?")[0] for _method, path, _body in cases()}

    def walk(patterns: Any, prefix: str = "") -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if route == "admin/":
                continue
            yield from (
                walk(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]
            )

    keys = {
        "pk": "[scep]",
        "student_id": "s",
        "course_id": "[cn]",
        "code": "t",
        "number": "s",
        "term": "t",
    }
    for route in walk(get_resolver().url_patterns):
        if route in UNCOUNTED:
            continue
        shape = [
            part.partition(":")[2].rstrip(">") if part.startswith("<") else part
            for part in route.split("/")
        ]
        assert any(_fits(path.lstrip("/").split("/"), shape, keys) for path in counted), (
            f"{route} is not in the table"
        )
    assert set(json.loads(TABLE.read_text())) == {
        name(method, path) for method, path, _body in cases()
    }


def _fits(parts: list[str], shape: list[str], keys: dict[str, str]) -> bool:
    return len(parts) == len(shape) and all(
        part == wanted or (part.startswith("{") and wanted in keys)
        for part, wanted in zip(parts, shape, strict=True)
    )
