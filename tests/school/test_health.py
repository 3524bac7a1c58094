"""Health checks for a load balancer."""

from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.test import Client


def test_healthz_answers_without_a_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "other.example", "bad host", ""])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_both_answer_whatever_the_host(client: Client, path: str, host: str) -> None:
    answer = client.get(path, HTTP_HOST=host)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert client.get("/login/", HTTP_HOST=host).status_code == 400


@pytest.mark.django_db
def test_readyz_answers(client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_says_that_the_database_is_away(client: Client) -> None:
    with patch("school.health.MigrationExecutor", side_effect=OperationalError):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "The database does not answer.")


@pytest.mark.django_db
def test_readyz_names_missing_migrations(client: Client) -> None:
    executor = MigrationExecutor
    plan = [
        (migration, False)
        for key, migration in executor(None).loader.disk_migrations.items()
        if key == ("students", "0003_roles")
    ]
    with patch.object(executor, "migration_plan", return_value=plan):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["students.0003_roles"])
