"""The OpenAPI schema and its interactive page."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client: Client) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content
    )
    return made


def test_is_valid_without_a_warning(tmp_path: Any) -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml")
    )


def test_is_openapi_3_1_and_open_to_all(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")


def test_has_every_path_of_the_map(schema: dict[str, Any]) -> None:
    parts: list[Any] = get_resolver().url_patterns
    routes = {
        str(pattern.pattern)
        for part in parts
        if str(part.pattern) == "api/v1/"
        for pattern in part.url_patterns
    }
    documented = {
        path.removeprefix("/api/v1/").replace("{", "").replace("}", "") for path in schema["paths"]
    }
    plain = {
        re.sub("<(int|str|path):", "", route).replace(">", "").replace("pk", "id")
        for route in routes
        if not route.startswith("problems/")
    }
    assert plain == documented


def test_every_operation_names_its_problems(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            assert "application/problem+json" in operation["responses"]["403"]["content"]


def test_the_docs_load_nothing_from_outside(client: Client) -> None:
    for url in ("/api/docs/", "/api/docs/?script="):
        text = client.get(url).content.decode()
        assert "http://" not in text.replace("http://testserver", "")
        assert "https://" not in text
