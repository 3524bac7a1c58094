"""CSV files read line by line, and the list of what is wrong in them."""

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from tqdm import tqdm

MAX_ERRORS = 1_000
MAX_VALUE_LENGTH = 60
# Bytes that are not UTF-8 are read as these, so that each can be told with its line.
NOT_UTF8 = re.compile("[\udc80-\udcff]")
UNFIT = re.compile("[\0\udc80-\udcff]")


class RowError(NamedTuple):
    """One thing that is wrong. Line 0: it is about no line."""

    line: int
    column: str
    value: str
    reason: str
    code: str = "invalid"

    def __str__(self) -> str:
        place = _("line %d") % self.line if self.line else _("the file")
        column = f", {self.column} {self.value[:MAX_VALUE_LENGTH]!r}" if self.column else ""
        return f"{place}{column}: {self.reason}"


class RowErrors:
    """What is wrong in a file. Only the first SHOWN bad lines are kept, the others counted."""

    def __init__(self) -> None:
        # The file is none: no line of it can be taken.
        self.unreadable = False
        self.lines: set[int] = set()
        self.kept: list[RowError] = []

    def __bool__(self) -> bool:
        return bool(self.lines)

    def add(
        self,
        line: int,
        reason: ValidationError | str | Promise,
        column: str = "",
        value: object = "",
    ) -> None:
        self.lines.add(line)
        if len(self.lines) <= MAX_ERRORS:
            words = (
                " ".join(reason.messages) if isinstance(reason, ValidationError) else str(reason)
            )
            self.kept.append(
                RowError(
                    line,
                    column,
                    NOT_UTF8.sub("\ufffd", str(value)),
                    words,
                    getattr(reason, "code", None) or "invalid",
                )
            )

    def report(self) -> Iterator[str]:
        """One line for each fault, in the order of the file, and how many bad lines are left out."""
        yield from map(str, sorted(self.kept))
        if len(self.lines) > MAX_ERRORS:
            yield _("… and %d more bad lines.") % (len(self.lines) - MAX_ERRORS)


class ImportRejected(Exception):
    """A file is not taken, for its `faults`. Nothing of it was written."""

    def __init__(self, errors: RowErrors) -> None:
        self.errors = errors
        super().__init__(*errors.report())


@contextmanager
def open_csv(name: str) -> Iterator[TextIO]:
    """The file `name`, or the standard input for `-`, as `read` wants it. Raises OSError."""
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as binary:
        yield TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_rows(
    file: TextIO, required: Sequence[str], optional: Sequence[str], errors: RowErrors
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The columns of `file`, and its lines: number and cells without the space around them, as many as there are columns.

    Lines that cannot be read so are told to `faults`; with a wrong header no line is read.
    """
    records = _records(file, errors)
    line, header = next(records, (1, []))
    if not header and not errors:
        errors.add(line, _("The file is empty."))
    elif not errors:
        _check_header(line, header, required, optional, errors)
    errors.unreadable = bool(errors)
    return header, iter(()) if errors else _whole(records, header, errors)


def _check_header(
    line: int,
    header: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
    errors: RowErrors,
) -> None:
    for column in header:
        if column not in (*required, *optional):
            errors.add(
                line,
                _("There is no such column. Those known are: %s.")
                % ", ".join((*required, *optional)),
                _("column"),
                column,
            )
    for column in required:
        if column not in header:
            errors.add(line, _("This column is missing."), _("column"), column)
    for column in sorted({column for column in header if header.count(column) > 1}):
        errors.add(line, _("This column is there twice."), _("column"), column)


def _records(file: TextIO, errors: RowErrors) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank, by the number of its first line where a quoted cell runs over several."""
    reader = csv.reader(file, strict=True)
    with tqdm(desc=_("reading"), unit=_(" lines"), disable=None) as bar:
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                errors.unreadable = True
                errors.add(line, _("This is not CSV: %s. What follows was not read.") % error)
                return
            if cells is None:
                return
            bar.update()
            if cells:
                yield line, [cell.strip() for cell in cells]


def _whole(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], errors: RowErrors
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        if len(cells) != len(header):
            errors.add(
                line,
                _("There are %(cells)d cells for %(columns)d columns.")
                % {"cells": len(cells), "columns": len(header)},
            )
        elif not UNFIT.search("".join(cells)):
            yield line, cells
        else:
            _tell_unfit(line, header, cells, errors)


def _tell_unfit(line: int, header: Sequence[str], cells: Sequence[str], errors: RowErrors) -> None:
    for column, cell in zip(header, cells, strict=True):
        if UNFIT.search(cell):
            errors.add(
                line,
                _("This has a NUL character.") if "\0" in cell else _("This is not UTF-8."),
                column,
                cell,
            )
