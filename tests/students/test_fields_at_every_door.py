"""Every field of Student, Course, Term and Teacher is written and read at every door.

The fields come from the models, so a new one is tested as soon as it exists. A failing test names
the door and the fields that are missing there. LEFT_OUT lists what a door omits on purpose.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from rest_framework.test import APIClient

from core.db.fields import ListField
from core.history.diffs import attach_diffs, get_history
from core.history.models import HistoryModel
from courses.factories import CourseFactory, TeacherFactory, TermFactory
from courses.meetings import MeetingsField, export_meetings, parse_meetings
from courses.models import Course, Teacher, Term
from courses.requirements import RequirementsField, format_requirements
from students.factories import StudentFactory, enrolled
from students.models import Student
from tests.admin_page import fields_of, submit
from tests.importing import import_csv
from tests.page_text import text_of

pytestmark = pytest.mark.django_db
MODELS: list[type[HistoryModel]] = [Student, Course, Term, Teacher]
ON_ITS_PAGE = "A list has the columns by which rows are found; the page of the row has the rest."
# By model and door: the fields that the door omits on purpose, each with the reason.
LEFT_OUT: dict[str, dict[str, str]] = {
    "Student: roster.csv": {"is_active": "The status of the enrollment is what teachers need."},
    "Student: roster on paper": {
        "email": "The sheet hangs on a door; addresses are private.",
        "is_active": "The status of the enrollment is what teachers need.",
    },
    "Course: staff list": dict.fromkeys(
        (
            "description",
            "credits",
            "starts_on",
            "ends_on",
            "meetings",
            "prerequisites",
            "excludes",
            "repeatable",
        ),
        ON_ITS_PAGE,
    ),
    "Course: admin list": dict.fromkeys(
        (
            *("description", "starts_on", "ends_on", "meetings", "prerequisites", "excludes"),
            "repeatable",
        ),
        ON_ITS_PAGE,
    ),
    "Course: API courses of a student": {
        "description": "Long, and the same for every student: GET /courses/{id} has it.",
        **dict.fromkeys(("starts_on", "ends_on", "meetings"), "GET /courses/{id} has it."),
        **dict.fromkeys(
            ("capacity", "prerequisites", "excludes", "is_open", "repeatable"),
            "Decides who may enroll, and this student is enrolled: GET /courses/{id} has it.",
        ),
    },
    "Course: roster on paper": dict.fromkeys(
        (
            *("description", "credits", "starts_on", "ends_on", "capacity", "prerequisites"),
            *("excludes", "is_open", "repeatable"),
        ),
        "The heading names the course; the rest of the sheet is for the students.",
    ),
}


@dataclass
class Visitor:
    """An administrator's clients for each door."""

    user: User
    browser: Client = field(default_factory=Client)
    api: APIClient = field(default_factory=APIClient)

    def __post_init__(self) -> None:
        self.browser.force_login(self.user)
        self.api.force_authenticate(self.user)

    def get_html(self, path: str) -> str:
        response = self.browser.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return str(response.content.decode())

    def get_json(self, path: str) -> Any:
        response = self.api.get(f"/api/v1{path}")
        assert response.status_code == 200, (path, response.content)
        return response.json()

    def submit(self, path: str, changes: Mapping[str, Any]) -> None:
        response = submit(self.browser, path, dict(changes))
        assert response.status_code == 302, text_of(response.content.decode())

    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        response = getattr(self.api, method)(f"/api/v1{path}", body, format="json")
        assert response.status_code in (200, 201), response.content


@pytest.fixture
def visitor(user_of: Callable[[str], User]) -> Visitor:
    return Visitor(user_of("admin"))


def get_fields(model: type[HistoryModel]) -> list[models.Field[Any, Any]]:
    """The columns of `model` that people fill in: without its id and without derived keys."""
    columns = model._meta.concrete_fields
    return [found for found in columns if found.editable and not found.primary_key]


def make_values(model: type[HistoryModel], number: int) -> dict[str, Any]:
    """A valid value for each field of `model`; each `number` (0, 1) gives other values."""
    return {
        found.name: make_value(found, position, number)
        for position, found in enumerate(get_fields(model))
    }


def make_value(found: models.Field[Any, Any], position: int, number: int) -> Any:
    if isinstance(found, ListField):
        return make_list(found, number)
    if isinstance(found, models.ForeignKey):
        return TermFactory.create(code=f"FK-{number}")
    if isinstance(found, models.BooleanField):
        return number == 0
    if isinstance(found, models.DateField):
        # A later field has a later date: a term ends after it starts.
        return date(2031 + position, 4, 17 + number)
    if isinstance(found, models.DecimalField):
        return Decimal("2.50") + number
    if isinstance(found, models.IntegerField):
        return 4_100 + number
    if isinstance(found, models.EmailField):
        return f"sample-{number}@school.example"
    if isinstance(found, models.CharField | models.TextField):
        return f"{found.name}-{number}"
    raise TypeError(f"{found} needs a sample value here.")


def make_list(found: ListField, number: int) -> list[Any]:
    if isinstance(found, MeetingsField):
        return [*parse_meetings(f"Mon Wed 1{number}:00-1{number}:50 CENTR 105; Thu 17:00-17:50")]
    codes = [CourseFactory.create(code=code).code for code in ("FIRST", "SECOND")]
    if not number:
        return []
    if isinstance(found, RequirementsField):
        return [codes[0], {"any": codes, "concurrent": True}]
    return codes


def make_instance(model: type[HistoryModel], number: int = 0) -> Any:
    factories: dict[Any, Any] = {
        Student: StudentFactory,
        Course: CourseFactory,
        Term: TermFactory,
        Teacher: TeacherFactory,
    }
    return factories[model].create(**make_values(model, number))


def list_to_text(value: list[Any]) -> str:
    """Meetings, requirements or codes, as people write them."""
    is_meetings = any("days" in item for item in value if isinstance(item, dict))
    return export_meetings(value) if is_meetings else format_requirements(value)


def to_form(value: Any) -> str | None:
    """`value` as a browser sends it; None stands for a box that is not ticked."""
    if isinstance(value, bool):
        return "on" if value else None
    if isinstance(value, list):
        return list_to_text(value)
    return str(value.pk if isinstance(value, models.Model) else value)


def to_json(value: Any) -> Any:
    if isinstance(value, Term):
        return value.code
    return value if isinstance(value, bool | int | list) else str(value)


def to_cell(value: Any) -> str:
    """`value` in a CSV file."""
    if isinstance(value, list):
        return list_to_text(value)
    return value.code if isinstance(value, Term) else str(value)


# How a door shows one field of a row. The answers for two values of the field are compared.
Read = Callable[[Visitor, Any, str], Any]


def read_page(path: str) -> Read:
    return lambda visitor, row, _name: text_of(visitor.get_html(get_path(path, row)))


def read_form(path: str) -> Read:
    def read(visitor: Visitor, row: Any, name: str) -> Any:
        return fields_of(visitor.get_html(get_path(path, row))).get(name)

    return read


def read_json(path: str, key: str | None = None) -> Read:
    """The value in an answer of the API, or in the row of its list whose id or code is `row`'s."""

    def read(visitor: Visitor, row: Any, name: str) -> Any:
        body = visitor.get_json(get_path(path, row))
        if key is None:
            return body.get(name)
        [found] = [item for item in body["results"] if item[key] == getattr(row, key)]
        return found.get(name)

    return read


def read_roster_csv(visitor: Visitor, row: Any, name: str) -> Any:
    text = visitor.browser.get(get_path("/courses/{course}/roster.csv", row)).content.decode()
    [line] = csv.DictReader(StringIO(text.removeprefix("\ufeff")))
    return line.get(name)


def get_path(path: str, row: Any) -> str:
    row.refresh_from_db()
    related = row.enrollments.first() if isinstance(row, Student | Course) else None
    return path.format(
        pk=row.pk,
        code=getattr(row, "code", None),
        course=related and related.course_id,
        student=related and related.student_id,
    )


READERS: dict[type[HistoryModel], dict[str, Read]] = {
    Student: {
        "staff page": read_page("/students/{pk}/"),
        "staff list": read_page("/students/"),
        "staff form": read_form("/students/{pk}/edit/"),
        "admin form": read_form("/admin/students/student/{pk}/change/"),
        "admin list": read_page("/admin/students/student/"),
        "API list": read_json("/students", "id"),
        "API detail": read_json("/students/{pk}"),
        "API roster": read_json("/courses/{course}/students", "id"),
        "roster.csv": read_roster_csv,
        "roster on paper": read_page("/courses/{course}/sheet/"),
    },
    Course: {
        "staff page": read_page("/courses/{pk}/"),
        "staff list": read_page("/courses/"),
        "staff form": read_form("/courses/{pk}/edit/"),
        "admin form": read_form("/admin/courses/course/{pk}/change/"),
        "admin list": read_page("/admin/courses/course/"),
        "API list": read_json("/courses", "id"),
        "API detail": read_json("/courses/{pk}"),
        "API courses of a student": read_json("/students/{student}/courses", "id"),
        "roster on paper": read_page("/courses/{pk}/sheet/"),
    },
    Term: {
        "staff list": read_page("/terms/"),
        "staff form": read_form("/terms/{code}/edit/"),
        "admin form": read_form("/admin/courses/term/{pk}/change/"),
        "admin list": read_page("/admin/courses/term/"),
        "API list": read_json("/terms", "code"),
        "API detail": read_json("/terms/{code}"),
    },
    Teacher: {
        "staff page": read_page("/teachers/{pk}/"),
        "staff list": read_page("/teachers/"),
        "staff form": read_form("/teachers/{pk}/edit/"),
        "admin form": read_form("/admin/courses/teacher/{pk}/change/"),
        "admin list": read_page("/admin/courses/teacher/"),
        "API list": read_json("/teachers", "id"),
        "API detail": read_json("/teachers/{pk}"),
    },
}
ADMIN = {
    Student: "/admin/students/student/",
    Course: "/admin/courses/course/",
    Term: "/admin/courses/term/",
    Teacher: "/admin/courses/teacher/",
}
# The identifying columns of an imported file.
KEYS: dict[type[HistoryModel], list[str]] = {
    Student: ["number"],
    Course: ["term", "code", "section"],
    Term: ["code"],
    Teacher: ["number"],
}
KINDS = {Student: "students", Course: "courses", Term: "terms", Teacher: "teachers"}


def write_csv(model: type[HistoryModel], values: Mapping[str, Any]) -> None:
    header = ["term_code" if name == "term" else name for name in values]
    file = StringIO()
    csv.writer(file).writerows([header, [to_cell(value) for value in values.values()]])
    import_csv(KINDS[model], file.getvalue())


@pytest.mark.parametrize(
    ("model", "door"),
    [
        pytest.param(model, door, id=f"{model.__name__}: {door}")
        for model, doors in READERS.items()
        for door in doors
    ],
)
def test_every_field_is_read(visitor: Visitor, model: type[HistoryModel], door: str) -> None:
    read = READERS[model][door]
    row, values = make_instance(model), make_values(model, 1)
    if model is Student:
        enrolled(row, CourseFactory.create())
    if model is Course:
        enrolled(StudentFactory.create(), row)

    missing = set()
    for name, value in values.items():
        before = read(visitor, row, name)
        model._base_manager.filter(pk=row.pk).update(**{name: value})
        after = read(visitor, row, name)
        if before == after:
            missing.add(name)
        elif door.startswith("API"):
            assert after == to_json(value)
    assert missing == set(LEFT_OUT.get(f"{model.__name__}: {door}", {}))


def create_by_api(visitor: Visitor, model: type[HistoryModel], values: dict[str, Any]) -> None:
    body = {name: to_json(value) for name, value in values.items()}
    visitor.send("post", f"/{KINDS[model]}", body)


def create_by_staff_form(
    visitor: Visitor, model: type[HistoryModel], values: dict[str, Any]
) -> None:
    changes = {name: to_form(value) for name, value in values.items()}
    visitor.submit(f"/{KINDS[model]}/new/", changes)


def create_by_admin(visitor: Visitor, model: type[HistoryModel], values: dict[str, Any]) -> None:
    changes = {name: to_form(value) for name, value in values.items()}
    visitor.submit(f"{ADMIN[model]}add/", changes)


def create_by_import(_visitor: Visitor, model: type[HistoryModel], values: dict[str, Any]) -> None:
    write_csv(model, values)


CREATORS: dict[str, Callable[[Visitor, type[HistoryModel], dict[str, Any]], None]] = {
    "API POST": create_by_api,
    "staff form": create_by_staff_form,
    "admin form": create_by_admin,
    "import": create_by_import,
}


@pytest.mark.parametrize("door", CREATORS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_set_in_a_new_row(
    visitor: Visitor, model: type[HistoryModel], door: str
) -> None:
    # The values of number 1 differ from the defaults of the fields.
    values = make_values(model, 1)
    existing = list(model._base_manager.values_list("pk", flat=True))
    CREATORS[door](visitor, model, values)
    row = model._base_manager.exclude(pk__in=existing).get()
    assert [name for name, value in values.items() if getattr(row, name) != value] == []


def change_by_api(visitor: Visitor, row: Any, name: str, value: Any) -> None:
    key = row.code if isinstance(row, Term) else row.pk
    visitor.send("patch", f"/{KINDS[type(row)]}/{key}", {name: to_json(value)})


def change_by_staff_form(visitor: Visitor, row: Any, name: str, value: Any) -> None:
    key = row.code if isinstance(row, Term) else row.pk
    visitor.submit(f"/{KINDS[type(row)]}/{key}/edit/", {name: to_form(value)})


def change_by_admin(visitor: Visitor, row: Any, name: str, value: Any) -> None:
    visitor.submit(f"{ADMIN[type(row)]}{row.pk}/change/", {name: to_form(value)})


def change_by_import(_visitor: Visitor, row: Any, name: str, value: Any) -> None:
    values = {found.name: getattr(row, found.name) for found in get_fields(type(row))}
    write_csv(type(row), {**values, name: value})


CHANGERS: dict[str, Callable[[Visitor, Any, str, Any], None]] = {
    "API PATCH": change_by_api,
    "staff form": change_by_staff_form,
    "admin form": change_by_admin,
    "import": change_by_import,
}


@pytest.mark.parametrize("door", CHANGERS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_changed_and_has_its_history(
    visitor: Visitor, model: type[HistoryModel], door: str
) -> None:
    row = make_instance(model)
    labels = {found.name: str(found.verbose_name) for found in get_fields(model)}
    for name, value in make_values(model, 1).items():
        if door == "import" and name in KEYS[model]:
            # Identifies the row: with another value the line creates another row.
            continue
        CHANGERS[door](visitor, row, name, value)
        row.refresh_from_db()
        assert getattr(row, name) == value, name
        [record] = records = list(get_history(row)[:1])
        attach_diffs(records)
        [change] = record.history_delta_changes
        assert change["field"] == labels[name].capitalize(), name
