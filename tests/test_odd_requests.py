"""Generated requests, valid and invalid by the schema: every response is documented there, and
none is a 500.

SCHOOL_ODD_REQUESTS is the number of requests of each kind to each operation. `make test-all` sends
many more than `make test`.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import Group, User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from courses.factories import CourseFactory, TermFactory
from school.wsgi import application
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment

EXAMPLES = int(os.environ.get("SCHOOL_ODD_REQUESTS", "15"))
# The same requests in each run, so that a failure can be repeated; others for each database.
SEED = sum(connection.vendor.encode())
FOUND: list[Any] = list(
    schemathesis.openapi.from_wsgi("/api/schema/", application).get_all_operations()
)
OPERATIONS = {found.ok().label: found.ok() for found in FOUND}


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """Keep the transaction of the test open between requests, as Django's test client does."""
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
        student = StudentFactory.create()
        enrolled(student, CourseFactory(term=term))
        CreditLimit.objects.create(student=student, term=term, max_credits=30)
    return {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("label", OPERATIONS)
def test_responses_match_the_schema(
    label: str, mode: GenerationMode, headers: dict[str, str]
) -> None:
    row = Enrollment.objects.all()[0]
    ids = {"students": row.student_id, "courses": row.course_id, "enrollments": row.pk}
    rows = {
        "student_id": row.student_id,
        "course_id": row.course_id,
        "code": "T",
        "term": "T",
        "number": row.student.number,
        "id": ids.get(label.split("/")[3], 0),
    }

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @seed(SEED)
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        # A generated id finds no row, so half of the valid requests get the ids of existing rows.
        if known and mode == GenerationMode.POSITIVE:
            case.path_parameters.update({name: rows[name] for name in case.path_parameters})
        response = case.call(headers=headers)
        # An id that is valid by the schema may belong to no row: 400.
        excluded = [positive_data_acceptance]
        if response.status_code == 412:
            # A wrong If-Match is reported before the other errors of a request.
            excluded.append(negative_data_rejection)
        case.validate_response(response, headers=headers, excluded_checks=excluded)

    send()
