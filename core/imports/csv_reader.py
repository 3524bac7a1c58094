"""Reads CSV files line by line and collects the errors of each line."""

from __future__ import annotations

import codecs
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from tqdm import tqdm

from core.text import clean_line

# Lines with errors that are listed; later ones are counted.
MAX_ERRORS = 1_000
# Characters of a wrong value that are shown.
MAX_VALUE_LENGTH = 60
# Python's "surrogateescape" reads bytes that are not UTF-8 as these characters.
UNDECODABLE = re.compile("[\udc80-\udcff]")
BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Characters at the end of a file from CP/M and DOS (Ctrl-Z), which mean no more than a space.
PADDING = " \t\x1a"
SEPARATORS = {";": _lazy("semicolons"), "\t": _lazy("tabs")}
FORBIDDEN = re.compile("[\0\udc80-\udcff]")


class RowError(NamedTuple):
    """One error. Line 0 stands for the whole file."""

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
    """The errors of a file: of the first MAX_ERRORS bad lines all, of the others the number."""

    def __init__(self) -> None:
        # Whether no line can be imported, because the file is no CSV or has a wrong header.
        self.unreadable = False
        # Numbers of all bad lines.
        self.lines: set[int] = set()
        self.listed: list[RowError] = []

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
        if len(self.lines) > MAX_ERRORS:
            return
        messages = reason.messages if isinstance(reason, ValidationError) else [str(reason)]
        code = getattr(reason, "code", None) or "invalid"
        printable_value = str(value)
        if UNDECODABLE.search(printable_value):
            replaced = UNDECODABLE.sub("\ufffd", printable_value)
            printable_value = _decode_cp1252(printable_value) or replaced
        self.listed.append(RowError(line, column, printable_value, " ".join(messages), code))

    def extend(self, errors: RowErrors) -> None:
        """Add all of `errors`."""
        for error in errors.listed:
            self.lines.add(error.line)
            if len(self.lines) <= MAX_ERRORS:
                self.listed.append(error)
        self.lines |= errors.lines

    def report(self) -> Iterator[str]:
        """The listed errors as text, by line number; then how many bad lines are not listed."""
        yield from map(str, sorted(self.listed))
        if len(self.lines) > MAX_ERRORS:
            yield _("… and %d more bad lines.") % (len(self.lines) - MAX_ERRORS)


class ImportRejected(Exception):
    """A file has `errors`; nothing of it was written."""

    def __init__(self, errors: RowErrors) -> None:
        self.errors = errors
        super().__init__(*errors.report())


@contextmanager
def open_csv(name: str) -> Iterator[TextIO]:
    """Open the file `name`, or the standard input for `-`, for `read_rows`.

    Raises OSError, and ImportRejected for UTF-16.
    """
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as binary:
        raw: Any = binary
        buffered = raw if isinstance(raw, BufferedReader) else BufferedReader(raw)
        start = buffered.peek(4)[:4]
        if start.startswith(BOMS) or b"\0" in start:
            errors = RowErrors()
            errors.add(0, _("This is UTF-16. Save the file as UTF-8."))
            raise ImportRejected(errors)
        yield TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_rows(
    file: TextIO, required: Sequence[str], optional: Sequence[str], errors: RowErrors
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Read the header of `file`; return its columns and an iterator over its other lines.

    Each line is its number and its stripped cells, as many as there are columns. Lines that
    cannot be read are left out and added to `errors`. A wrong header, with columns that are
    neither `required` nor `optional`, leaves out all lines.
    """
    records = _read_records(file, errors)
    line, header = next(records, (1, []))
    header = [clean_line(column) for column in header]
    if not header and not errors:
        errors.add(line, _("The file is empty."))
    elif separator := _find_separator(header, required):
        message = _("The cells are separated by %s. Save the file with commas.")
        errors.add(line, message % SEPARATORS[separator])
    elif not errors:
        _check_header(line, header, required, optional, errors)
    errors.unreadable = bool(errors)
    return header, iter(()) if errors else _check_records(records, header, errors)


def _find_separator(header: Sequence[str], required: Sequence[str]) -> str:
    """Another separator than the comma, with which the header has all required columns."""
    if len(header) == 1:
        for separator in SEPARATORS:
            columns = {clean_line(column.strip()) for column in header[0].split(separator)}
            if columns.issuperset(required):
                return separator
    return ""


def _decode_cp1252(text: str) -> str:
    """`text` with its undecodable bytes as Windows-1252; empty if they are something else."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeError:
        return ""


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


def _read_records(file: TextIO, errors: RowErrors) -> Iterator[tuple[int, list[str]]]:
    """The lines with a cell that is not blank.

    A quoted cell may span several lines: the number is that of the first one.
    """
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
            cells = [cell.strip(PADDING).strip() for cell in cells]
            if any(map(clean_line, cells)):
                yield line, cells


def _check_records(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], errors: RowErrors
) -> Iterator[tuple[int, list[str]]]:
    """The records that have a cell for each column and no forbidden character."""
    for line, cells in records:
        if len(cells) != len(header):
            errors.add(
                line,
                _("There are %(cells)d cells for %(columns)d columns.")
                % {"cells": len(cells), "columns": len(header)},
            )
        elif FORBIDDEN.search("".join(cells)):
            _add_character_errors(line, header, cells, errors)
        else:
            yield line, cells


def _add_character_errors(
    line: int, header: Sequence[str], cells: Sequence[str], errors: RowErrors
) -> None:
    for column, cell in zip(header, cells, strict=True):
        if "\0" in cell:
            errors.add(line, _("This has a NUL character."), column, cell)
        elif UNDECODABLE.search(cell):
            message = _("This is not UTF-8.")
            if _decode_cp1252(cell):
                message = _("This is not UTF-8 but probably Windows-1252. Save the file as UTF-8.")
            errors.add(line, message, column, cell)
