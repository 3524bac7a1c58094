"""The commands in README.md and docs/ work, in order, as they are written."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from knox.models import AuthToken
from pytest_django.live_server_helper import LiveServer

from courses.models import Teaching, Term
from students import demo
from students.enrollment.rules import Refusal
from students.models import Enrollment, Status

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
# The README's examples come first: those of the API's page go on from there.
CURL_DOCUMENTS = ["README.md", "docs/api.md"]


def read_blocks(document: str) -> list[tuple[str, str]]:
    """The fenced blocks of a document, each with its language."""
    return BLOCK.findall((Path(settings.BASE_DIR) / document).read_text())


def read_examples(document: str) -> Iterator[tuple[str, Any]]:
    """The shell blocks that call curl, each with the answer that the JSON block after it shows."""
    blocks = read_blocks(document)
    for (language, text), (next_language, answer) in zip(
        blocks, [*blocks[1:], ("", "")], strict=True
    ):
        if language == "sh" and "curl " in text:
            assert next_language == "json", f"{document} shows no answer for:\n{text}"
            # The demo's terms depend on today. The documents show those of one autumn.
            code = current_term_code()
            yield text.replace("2026-FA", code), json.loads(answer.replace("2026-FA", code))


def current_term_code() -> str:
    today = timezone.localdate()
    return Term.objects.get(starts_on__lte=today, ends_on__gte=today).code


def is_like(actual: Any, shown: Any) -> bool:
    """Is `actual` what a document shows? "…" in a document is any value."""
    if shown == "…":
        return True
    if isinstance(shown, dict) and isinstance(actual, dict):
        return shown.keys() == actual.keys() and all(
            is_like(actual[key], value) for key, value in shown.items()
        )
    if isinstance(shown, list) and isinstance(actual, list):
        return len(shown) == len(actual) and all(map(is_like, actual, shown))
    return bool(actual == shown)


@pytest.mark.skipif(shutil.which("curl") is None, reason="No curl is installed.")
@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_each_curl_gives_the_answer_that_the_document_shows(live_server: LiveServer) -> None:
    demo.fill(timezone.localdate())
    admin = User.objects.create_superuser("admin", "admin@school.example", "pass")
    _token, secret = AuthToken.objects.create(admin)
    # One shell runs them all, since a later block uses variables of an earlier one.
    examples = [example for document in CURL_DOCUMENTS for example in read_examples(document)]
    script = "\nprintf '\\n\\036'\n".join(commands for commands, _answer in examples)
    run = subprocess.run(
        ["sh", "-e"],
        input=script.replace(ADDRESS, live_server.url),
        env={**os.environ, "TOKEN": secret},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = run.stdout.split("\036")
    assert len(answers) == len(examples) > 5
    for (commands, shown), answer in zip(examples, answers, strict=True):
        actual = json.loads(answer)
        assert is_like(actual, shown), f"{commands}\nanswers\n{json.dumps(actual, indent=1)}"


def commands_of(document: str, command: str) -> list[list[str]]:
    """The lines of a document's shell blocks that run `manage.py command`: the arguments."""
    start = f".venv/bin/python manage.py {command} "
    lines = [
        line
        for language, text in read_blocks(document)
        if language == "sh"
        for line in text.splitlines()
    ]
    return [
        shlex.split(line.removeprefix(start), comments=True)
        for line in lines
        if line.startswith(start)
    ]


@pytest.mark.django_db
def test_the_files_of_imports_md_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(settings.BASE_DIR) / "docs/imports.md").read_text()
    for name, content in re.findall(r"^`(\w+\.csv)`:\n\n```csv\n(.*?)^```$", text, re.M | re.S):
        Path(name).write_text(content)
    commands = commands_of("docs/imports.md", "import_csv")
    for arguments in commands:
        call_command("import_csv", *arguments, stdout=StringIO())
    assert {arguments[0] for arguments in commands} == {
        "terms",
        "teachers",
        "courses",
        "students",
        "credit_limits",
        "enrollments",
    }
    active = Enrollment.objects.filter(status=Status.ACTIVE).order_by(
        "course__code", "student__number"
    )
    sections = active.values_list("course__code", "course__section", "student__number")
    assert list(sections) == [
        ("LAT-101", "A01", "D-1"),
        ("LAT-101", "A01", "D-2"),
        ("LAT-101", "A02", "D-3"),
        ("LAT-101", "B01", "D-4"),
        ("MAT-101", "A02", "D-1"),
        ("MAT-101", "A01", "D-2"),
        ("MAT-101", "A01", "D-3"),
        ("MAT-101", "A02", "D-4"),
    ]
    teachings = Teaching.objects.order_by("course", "pk")
    taught = teachings.values_list("course__section", "teacher__number", "is_primary")
    assert list(taught) == [
        ("A01", "T-1", True),
        ("A02", "T-1", True),
        ("A02", "T-2", False),
        ("B01", "T-3", True),
        ("", "T-2", True),
        ("A01", "T-3", True),
    ]


@pytest.mark.django_db
def test_the_users_of_deploy_md_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PASSWORD", "a password for the tests")
    commands = commands_of("docs/deploy.md", "add_user")
    for arguments in commands:
        call_command("add_user", *arguments, stdout=StringIO())
    assert User.objects.count() == len(commands) > 1


def test_settings_md_lists_each_setting() -> None:
    base = Path(settings.BASE_DIR)
    names = re.findall(r'\bsetting\(\s*"(\w+)"', (base / "school/settings.py").read_text())
    text = (base / "docs/settings.md").read_text()
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("refusal", Refusal)
def test_the_readme_lists_each_refusal(refusal: Refusal) -> None:
    assert f"| `{refusal.value}` | " in (Path(settings.BASE_DIR) / "README.md").read_text()


def test_api_md_lists_each_path() -> None:
    text = (Path(settings.BASE_DIR) / "docs/api.md").read_text()
    documented = {re.sub(r"{\w+}", "{}", path) for path in re.findall(r"/[a-z/{}_-]+", text)}
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    shapes = {re.sub(r"{\w+}", "{}", path.removeprefix("/api/v1")) for path in paths}
    assert shapes - documented == set()
