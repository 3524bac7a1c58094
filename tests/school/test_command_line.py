"""`manage.py` names the database that a writing command changes."""

from collections.abc import Iterator
from unittest.mock import Mock, patch

import pytest
from django.db import OperationalError

from school.command_line import describe_database, main


@pytest.fixture(autouse=True)
def execute() -> Iterator[Mock]:
    """Replaces the run of the command."""
    with patch("school.command_line.execute_from_command_line") as execute:
        yield execute


@pytest.mark.parametrize("command", ["add_user", "demo", "import_csv", "migrate"])
def test_a_writing_command_names_its_database_first(
    command: str, execute: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["manage.py", command, "argument"])
    captured = capsys.readouterr()
    assert captured.err.startswith("Database: ")
    assert captured.out == ""
    execute.assert_called_once_with(["manage.py", command, "argument"])


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["migrate", "--verbosity", "0"], ["add_user", "--help"]]
)
def test_other_commands_and_quiet_ones_do_not(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["manage.py", *arguments])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "/a.sqlite3"}, "SQLite /a.sqlite3"),
        (
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "school",
                "USER": "clerk",
                "PASSWORD": "secret",
                "HOST": "db.example",
                "PORT": 5433,
            },
            "PostgreSQL school at db.example:5433",
        ),
        (
            {"ENGINE": "django.db.backends.postgresql", "NAME": "school", "PASSWORD": "secret"},
            "PostgreSQL school at local socket",
        ),
    ],
)
def test_the_database_is_named_without_its_password(config: dict[str, object], text: str) -> None:
    assert describe_database(config) == text


@pytest.mark.parametrize("is_ready", [True, False])
@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (KeyboardInterrupt(), 130, "Interrupted. Unfinished changes are undone.\n"),
        (OperationalError("locked\n"), 1, "The database is away or busy: locked\n"),
    ],
)
def test_an_error_is_one_sentence_also_before_anything_can_be_translated(
    execute: Mock,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    text: str,
    is_ready: bool,
) -> None:
    execute.side_effect = error
    with patch("school.command_line.apps.ready", is_ready), pytest.raises(SystemExit) as exit_:
        main(["manage.py", "check"])
    assert (exit_.value.code, capsys.readouterr().err) == (status, text)
