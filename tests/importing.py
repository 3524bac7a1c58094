"""Helpers that run `manage.py import_csv`."""

from io import BytesIO, StringIO, TextIOWrapper
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command


def import_csv(kind: str, text: str | bytes, *options: str) -> str:
    """Import a valid file and return the output of the command."""
    data = text if isinstance(text, bytes) else text.encode()
    out = StringIO()
    with patch("sys.stdin", TextIOWrapper(BytesIO(data))):
        call_command("import_csv", kind, "-", *options, stdout=out)
    return out.getvalue().strip()


def faults_of(kind: str, text: str | bytes, *options: str) -> list[str]:
    """Import an invalid file and return the reported lines."""
    err = StringIO()
    data = text if isinstance(text, bytes) else text.encode()
    with (
        patch("sys.stdin", TextIOWrapper(BytesIO(data))),
        pytest.raises(CommandError, match=r"^Nothing was imported\. Bad lines: \d+\.$"),
    ):
        call_command("import_csv", kind, "-", *options, stderr=err, no_color=True)
    return err.getvalue().splitlines()
