"""The Content-Security-Policy of responses, and that the pages comply with it."""

import hashlib
import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db

INLINE = re.compile(r"<style|<script(?![^>]* src=)| style=| on[a-z]+=")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/students/",
        "/nowhere/",
        "/admin/",
        "/admin/students/student/",
        "/api/docs/",
        "/api/v1/students",
        "/healthz",
    ],
)
def test_every_response_allows_resources_of_this_server_only(
    browser_of: Callable[[str], Client], path: str
) -> None:
    answer = browser_of("admin").get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not INLINE.search(answer.content.decode())


def test_htmx_has_the_recorded_checksum() -> None:
    [script] = (settings.BASE_DIR / "static").glob("htmx-*.min.js")
    assert (
        hashlib.sha256(script.read_bytes()).hexdigest()
        in script.with_name(script.name.replace(".min.js", ".txt")).read_text()
    )
