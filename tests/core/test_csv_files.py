"""CSV files as they come: other encodings and separators, blank rows and cells, odd names."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from courses.factories import TermFactory
from courses.models import Course, Term
from students.factories import StudentFactory
from students.models import Student
from tests.admin_page import submit
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "code,name,starts_on,ends_on\n"
FALL = "2026-FA,Fall,2026-09-01,2026-12-31\n"


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xe9t\xe9.csv"
    Path(os.fsdecode(path)).write_text(HEADER + FALL)
    call_command("import_csv", "terms", os.fsdecode(path), verbosity=0)
    assert Term.history.get().history_change_reason == "Import of \ufffdt\ufffd.csv"


def test_an_unknown_name_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read") as error:
        call_command("import_csv", "terms", os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.csv"))
    str(error.value).encode()


@pytest.mark.parametrize("blank", [",,,", " , ,\t,", "\x1a", "\u200b,,,", '"","","",""'])
def test_rows_of_blank_cells_are_blank_lines(blank: str) -> None:
    text = f"{blank}\n{HEADER}{blank}\n{FALL}{blank}"
    assert import_csv("terms", text) == "terms: 1 created, 0 changed, 0 unchanged"


def test_a_blank_cell_of_an_optional_column_is_missing() -> None:
    term = TermFactory.create(code="FA")
    text = "term_code,code,title,capacity,credits,is_open\nFA,A,a,,,\nFA,B,b,,4,no\n"
    assert import_csv("courses", text) == "courses: 2 created, 0 changed, 0 unchanged"
    first, second = Course.objects.order_by("code")
    assert first.credits == 0
    assert first.is_open
    text = "term_code,code,title,capacity,credits,is_open\nFA,B,b,,,\n"
    assert import_csv("courses", text) == "courses: 0 created, 0 changed, 1 unchanged"
    second.refresh_from_db()
    assert second.credits == 4
    assert not second.is_open
    assert second.term == term
    student = StudentFactory.create(number="1", first_name="A", last_name="B", email="a@x.org")
    text = "number,first_name,last_name,email,is_active\n1,A,B,a@x.org,\n"
    assert import_csv("students", text) == "students: 0 created, 0 changed, 1 unchanged"
    text = "student_number,term_code,course_code,status\n1,FA,A,\n"
    assert import_csv("enrollments", text) == "enrollments: 1 created"
    assert student.enrollments.get().status == "active"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_named(separator: str) -> None:
    [error] = faults_of("terms", (HEADER + FALL).replace(",", separator))
    name = {";": "semicolons", "\t": "tabs"}[separator]
    assert error == f"line 1: The cells are separated by {name}. Save the file with commas."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named(encoding: str) -> None:
    [error] = faults_of("terms", (HEADER + FALL).encode(encoding))
    assert error == "the file: This is UTF-16. Save the file as UTF-8."


def test_cp1252_is_named() -> None:
    data = (HEADER + "A,Fr\u00fchling \u2013 1,2026-01-01,2026-02-01\n").encode("cp1252")
    [error] = faults_of("terms", data)
    assert error == (
        "line 2, name 'Fr\u00fchling \u2013 1': This is not UTF-8 but probably Windows-1252. "
        "Save the file as UTF-8."
    )


class TestYears:
    """A year of two digits, as in 0026, is a mistake."""

    MESSAGE = "The year has four digits and is 1900 or later."

    def test_in_a_file(self) -> None:
        [error] = faults_of("terms", HEADER + "A,a,0026-09-01,2026-12-31\n")
        assert error == f"line 2, starts_on '0026-09-01': {self.MESSAGE}"

    def test_in_the_api(self, api: APIClient) -> None:
        data = {"code": "A", "name": "a", "starts_on": "0026-09-01", "ends_on": "0026-12-31"}
        answer = api.post("/api/v1/terms", data)
        assert {error["detail"] for error in answer.json()["errors"]} == {self.MESSAGE}


class TestCommands:
    def test_an_import_is_interrupted(self, capsys: pytest.CaptureFixture[str]) -> None:
        from school.command_line import main

        with (
            patch(
                "students.management.commands.import_csv.open_csv", side_effect=KeyboardInterrupt
            ),
            pytest.raises(SystemExit) as exit_,
        ):
            main(["manage.py", "import_csv", "terms", "file.csv"])
        assert exit_.value.code == 130
        assert capsys.readouterr().err.endswith("Interrupted. Unfinished changes are undone.\n")

    @pytest.mark.parametrize(
        ("url", "command"),
        [
            ("postgresql://nobody@127.0.0.1:1/none", ["clearsessions"]),
            ("postgresql://nobody@127.0.0.1:1/none", ["add_user", "ann", "--role", "clerk"]),
            ("sqlite:////nowhere/at/all.sqlite3", ["migrate"]),
        ],
    )
    def test_without_a_database(self, url: str, command: list[str]) -> None:
        environment = os.environ | {
            "DATABASE_URL": url,
            "SECRET_KEY": "x" * 60,
            "HTTPS": "off",
            "SCHOOL_PASSWORD": "correct horse battery",
        }
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "The database is away or busy" in done.stderr

    def test_add_user_after_a_role_was_renamed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCHOOL_PASSWORD", "correct horse battery")
        Group.objects.filter(name="Clerk").update(name="Clerks")
        with pytest.raises(CommandError, match="There is no role “Clerk”"):
            call_command("add_user", "ann", "--role", "clerk")
        assert not Student.objects.exists()

    def test_a_new_user_in_the_admin_after_a_role_was_renamed(
        self, browser_of: Callable[[str], Client]
    ) -> None:
        Group.objects.filter(name="Clerk").update(name="Clerks")
        data = {"username": "ann", "role": "clerk"}
        answer = submit(browser_of("admin"), "/admin/auth/user/add/", data)
        assert "There is no role “Clerk”" in answer.content.decode()
        assert not User.objects.filter(username="ann").exists()
