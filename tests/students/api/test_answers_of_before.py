"""Requests of clients that know no sections get the answers that they always got.

The answers are committed as they were before courses had sections. Fields may be added; none is
missing, renamed or changed.
"""

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from students.factories import StudentFactory

pytestmark = pytest.mark.django_db
ANSWERS = Path(__file__).with_name("answers_of_before.json")
NOW = "2026-09-15T10:00:00Z"
COURSE = {"code": "MUS-1", "title": "Music", "term": "2026-FA", "credits": "2.00", "capacity": 9}
STUDENT = {
    "number": "D-9",
    "first_name": "Eve",
    "last_name": "Hall",
    "email": "eve@school.example",
}
TERM = {"code": "2027-SP", "name": "Spring", "starts_on": "2027-01-10", "ends_on": "2027-05-20"}
# Method, path and body. {s}, {t} are students; {b}, {c}, {f} courses, of which {f} is full.
REQUESTS: list[tuple[str, str, Any]] = [
    ("get", "/terms", None),
    ("post", "/terms", TERM),
    ("patch", "/terms/2027-SP", {"name": "Spring 2027"}),
    ("post", "/terms", TERM | {"ends_on": "2027-01-01"}),
    ("get", "/courses?ordering=code&count=true", None),
    ("get", "/courses?search=bio&term=2026-FA&is_open=true", None),
    ("get", "/courses?has_seats=false", None),
    ("get", "/courses/{b}", None),
    ("post", "/courses", COURSE),
    ("post", "/courses", COURSE),
    ("post", "/courses", COURSE | {"code": "ART-1", "capacity": -1, "colour": "red"}),
    ("patch", "/courses/{c}", {"capacity": 3, "prerequisites": ["BIO-1"]}),
    ("put", "/courses/{c}", COURSE | {"code": "CHE-1"}),
    ("post", "/students", STUDENT),
    ("get", "/students?number=D-9", None),
    ("put", "/students/by-number/D-9", {"email": "eve.hall@school.example"}),
    ("post", "/students/{s}/courses", {"course_ids": ["{b}", "{c}"]}),
    ("post", "/students/{s}/courses", {"course_id": "{b}"}),
    ("post", "/students/{s}/courses", {"course_id": "{f}"}),
    ("post", "/students/{s}/courses", {"course_id": "{f}", "on_full": "waitlist"}),
    ("post", "/students/{t}/courses", {"course_id": "{f}", "validate_only": True}),
    ("patch", "/students/{t}/courses", {"add": ["{b}"], "remove": []}),
    ("put", "/students/{t}/courses", {"course_ids": ["{c}"], "term": "2026-FA"}),
    ("get", "/students/{s}", None),
    ("get", "/students/{s}/courses?status=all", None),
    ("get", "/courses/{b}/students", None),
    ("post", "/courses/{c}/students", {"student_ids": ["{s}", "{t}"]}),
    ("post", "/enrollments", {"student_id": "{t}", "course_id": "{b}"}),
    (
        "post",
        "/enrollments",
        {"enrollments": [{"student_id": "{t}", "course_id": "{f}"}], "atomic": False},
    ),
    ("get", "/enrollments?ordering=id", None),
    ("get", "/enrollments?term=2026-FA&status=waitlisted", None),
    ("delete", "/students/{s}/courses/{b}", None),
    ("delete", "/courses/{b}", None),
    ("delete", "/students/{s}", None),
]


def answer_all(api: APIClient) -> list[dict[str, Any]]:
    """The answers to REQUESTS, one after the other, in a small school."""
    term = TermFactory.create(
        code="2026-FA", name="Fall", starts_on=date(2026, 9, 1), ends_on=date(2026, 12, 18)
    )
    ids = {}
    for name, code, capacity in [("b", "BIO-1", 30), ("c", "CHE-1", None), ("f", "PHI-1", 0)]:
        course = CourseFactory.create(term=term, code=code, title=code, capacity=capacity)
        ids[name] = course.pk
    for name, number in [("s", "D-1"), ("t", "D-2")]:
        student = StudentFactory.create(
            number=number,
            first_name="Ann",
            last_name=f"Lee {number}",
            email=f"{number}@school.example",
        )
        ids[name] = student.pk
    answers = []
    for method, path, body in REQUESTS:
        response = getattr(api, method)(f"/api/v1{path.format(**ids)}", fill(body, ids))
        content = json.loads(response.content) if response.content else None
        answers.append(
            {
                "request": f"{method} {path}",
                "status": response.status_code,
                "body": without_ids(content),
            }
        )
    return answers


def fill(body: Any, ids: dict[str, int]) -> Any:
    if isinstance(body, dict):
        return {name: fill(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [fill(value, ids) for value in body]
    return ids[body[1]] if isinstance(body, str) and body.startswith("{") else body


def without_ids(value: Any, name: str = "") -> Any:
    """`value` without ids, times and addresses, which differ from run to run."""
    if isinstance(value, dict):
        return {key: without_ids(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [without_ids(item, name) for item in value]
    if re.search("(^|_)ids?$", name) and isinstance(value, int):
        return "id"
    if re.search("_at$|^when$", name) and value:
        return "time"
    return value


def find_differences(before: Any, now: Any, place: str = "") -> list[str]:
    """What of `before` is missing or different in `now`. Texts for people may be reworded."""
    if place.endswith("/detail"):
        return [] if isinstance(now, str) else [f"{place}: {before!r} is {now!r}"]
    if isinstance(before, dict) and isinstance(now, dict):
        found = [f"{place}/{name} is missing" for name in before if name not in now]
        for name in before.keys() & now.keys():
            found += find_differences(before[name], now[name], f"{place}/{name}")
        return found
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [
            difference
            for index, (old, new) in pairs
            for difference in find_differences(old, new, f"{place}/{index}")
        ]
    return [] if before == now else [f"{place}: {before!r} is {now!r}"]


def test_requests_of_before_get_the_answers_of_before(api: APIClient) -> None:
    with time_machine.travel(NOW, tick=False):
        answers = answer_all(api)
    if os.environ.get("SCHOOL_WRITE_ANSWERS"):
        ANSWERS.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
        return
    before = json.loads(ANSWERS.read_text())
    assert [answer["request"] for answer in before] == [
        f"{method} {path}" for method, path, _body in REQUESTS
    ]
    assert find_differences(before, answers) == []


def test_a_missing_renamed_or_changed_field_is_found() -> None:
    before = [{"body": {"id": "id", "seats": {"left": 3}, "codes": ["A"]}}]
    assert find_differences(before, [{"body": {**before[0]["body"], "section": ""}}]) == []
    changed = [{"body": {"seats": {"left": "3"}, "codes": []}}]
    assert sorted(find_differences(before, changed)) == [
        "/0/body/codes: ['A'] is []",
        "/0/body/id is missing",
        "/0/body/seats/left: 3 is '3'",
    ]
