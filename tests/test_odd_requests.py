"""Odd requests that are generated from the OpenAPI schema, valid and invalid.

Each response is one of those in the schema, and none is a 500.
"""

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
    """Keeps the test's transaction open between requests, as Django's test client does."""
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
    def send(case: Any, known: bool) -> None:
        # Random ids match no row, so half of the requests get ids of existing rows.
        if known and mode == GenerationMode.POSITIVE:
            case.path_parameters.update({name: rows[name] for name in case.path_parameters})
        response = case.call(headers=headers)
        # A body that is valid by the schema may contain an unknown id (400). A stale If-Match
        # (412) is reported before other errors.
        excluded = [
            positive_data_acceptance,
            *([negative_data_rejection] if response.status_code == 412 else []),
        ]
        case.validate_response(response, headers=headers, excluded_checks=excluded)

    send()
