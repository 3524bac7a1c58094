"""Odd requests, made from the schema, in order and out of it: every answer is one that the schema promises, none a 500."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import Group, User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from courses.factories import CourseFactory, TermFactory
from school.wsgi import application
from students.factories import StudentFactory, enrolled
from students.models import Enrollment

EXAMPLES = 30
FOUND: list[Any] = list(
    schemathesis.openapi.from_wsgi("/api/schema/", application).get_all_operations()
)
OPERATIONS = {found.ok().label: found.ok() for found in FOUND}


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """The test's transaction stays open between requests, as with Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    user = User.objects.create_user("odd")
    user.groups.set(Group.objects.filter(name="Registrar"))
    term = TermFactory(code="T")
    for _ in range(3):
        enrolled(StudentFactory(), CourseFactory(term=term))
    return {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("label", OPERATIONS)
def test_keeps_the_schema(label: str, mode: GenerationMode, headers: dict[str, str]) -> None:
    row = Enrollment.objects.all()[0]
    ids = {"students": row.student_id, "courses": row.course_id, "enrollments": row.pk}
    rows = {
        "student_id": row.student_id,
        "course_id": row.course_id,
        "code": "T",
        "id": ids.get(label.split("/")[3], 0),
    }

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), known=st.booleans())
    def ask(case: Any, known: bool) -> None:
        # A path made up at random is of nobody; every other one is of rows that are there.
        if known and mode == GenerationMode.POSITIVE:
            case.path_parameters.update({name: rows[name] for name in case.path_parameters})
        response = case.call(headers=headers)
        # An id that the schema allows may still be of nobody: 400. And who means another state is told that, whatever else is wrong.
        unasked = [
            positive_data_acceptance,
            *([negative_data_rejection] if response.status_code == 412 else []),
        ]
        case.validate_response(response, headers=headers, excluded_checks=unasked)

    ask()
