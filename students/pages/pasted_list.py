"""Reads pasted lists of students or courses: one or several on a line, or the rows of a table.

A row of a table counts when one of its cells names a student or a course. Its other cells and the
heading of the table are passed over.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from core.text import clean_line
from students.pages.pasted_names import Match, Matches, NameFinder

SEPARATORS = re.compile(r"[,;\t]")
QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb "
ADDRESS = re.compile(r"<\s*([^<>\s]+@[^<>\s]+)\s*>")
# Lines of a list that are read, and names that are looked up in the database.
MAX_LINES, MAX_NAMES = 1_000, 20_000


class Reason(StrEnum):
    """Why a line stays in the box."""

    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    # The list is too long.
    NOT_READ = "not_read"
    # There is nothing to withdraw.
    NOT_ENROLLED = "not_enrolled"


@dataclass(frozen=True)
class Source:
    """The number of a line, and the part of it that names something, as it was pasted."""

    line: int
    text: str


@dataclass(frozen=True)
class Problem:
    """A part of the list that stays in the box. `offers` are names to be written instead."""

    source: Source
    reason: Reason
    offers: Sequence[str] = ()


@dataclass(frozen=True)
class ParsedList:
    """The ids that the list names, each with its source, and what is to be corrected."""

    sources: dict[int, Source]
    problems: list[Problem]


@dataclass(frozen=True)
class Line:
    """A line that is not blank, and its cells without quotes and invisible characters."""

    number: int
    text: str
    cells: list[str]
    is_row: bool
    # The cells that may hold a name, where the heading says so.
    key_cells: Sequence[str] = ()

    @property
    def names(self) -> Iterator[str]:
        """What may be a name: the cells and, where they may hold several, their words."""
        for cell in self.cells:
            yield cell
            if not self.is_row:
                yield from cell.split()


def parse(text: str, finder: NameFinder) -> ParsedList:
    """Read `text`. Lines after the first MAX_LINES that are not blank are problems."""
    all_lines = _split_lines(text)
    if not all_lines:
        return ParsedList({}, [])
    lines = all_lines[:MAX_LINES]
    names = dict.fromkeys(name for line in lines for name in line.names if name)
    matches = finder.find(list(islice(names, MAX_NAMES)))
    lines = _select_columns(lines, matches, finder.headings)
    sources: dict[int, Source] = {}
    problems: list[Problem] = []
    for line in lines:
        found, new_problems = _read_line(line, matches)
        for pk, source in found.items():
            sources.setdefault(pk, source)
        problems += new_problems
    problems = _add_suggestions(problems, finder)
    unread = all_lines[MAX_LINES:]
    problems += [Problem(Source(line.number, line.text), Reason.NOT_READ) for line in unread]
    return ParsedList(sources, problems)


def correct(text: str, corrections: Iterable[str]) -> str:
    """Replace lines of `text`. Each correction is a line, a tab, and what to write instead."""
    new_lines: dict[str, list[str]] = {}
    for correction in corrections:
        old, _tab, new = correction.rpartition("\t")
        new_lines.setdefault(old.strip(), []).append(new)
    lines = text.splitlines()
    return "\n".join(new for line in lines for new in new_lines.get(line.strip(), [line]))


def _split_lines(text: str) -> list[Line]:
    lines = []
    for number, line in enumerate(text.replace("\0", "").splitlines(), start=1):
        is_row = "\t" in line.strip()
        cells = line.split("\t") if is_row else SEPARATORS.split(line)
        cells = [_clean_cell(cell) for cell in cells]
        if any(cells):
            lines.append(Line(number, line.strip(), cells, is_row))
    return lines


def _clean_cell(cell: str) -> str:
    """The cell without invisible characters and quotes; of `Name <mail>` the mail."""
    cell = " ".join(clean_line(cell).split()).strip(QUOTES)
    if match := ADDRESS.search(cell):
        return match[1]
    return cell


def _select_columns(lines: list[Line], matches: Matches, headings: set[str]) -> list[Line]:
    """Leave out the heading, and find the cells in the columns that it calls names."""
    if len(lines) < 2 or any(name in matches for name in lines[0].names):
        return lines
    heading, *rows = lines
    columns = [index for index, cell in enumerate(heading.cells) if cell.lower() in headings]
    width = len(heading.cells)
    if not columns:
        is_table = width > 1 and len(rows[0].cells) == width
        return lines if not is_table or any(map(_looks_like_name, heading.cells)) else rows
    selected = []
    for row in rows:
        key_cells = [row.cells[index] for index in columns] if len(row.cells) == width else []
        selected.append(replace(row, key_cells=key_cells, is_row=width > 1))
    return selected


def _read_line(line: Line, matches: Matches) -> tuple[dict[int, Source], list[Problem]]:
    parts = _get_parts(line, matches)
    named = [part for part in parts if part in matches]
    if not named:
        return {}, [Problem(Source(line.number, line.text), Reason.UNKNOWN)]
    is_row = line.is_row or not all(_looks_like_name(part) or part in matches for part in parts)
    if is_row:
        return _read_row(line, [_narrow(matches[part], line) for part in named])
    sources: dict[int, Source] = {}
    problems: list[Problem] = []
    for part in parts:
        source = Source(line.number, part)
        found = _narrow(matches.get(part, []), line)
        if len(found) == 1:
            sources[found[0].pk] = source
        else:
            problems.append(_make_problem(source, found))
    return sources, problems


def _read_row(
    line: Line, matches: Sequence[Sequence[Match]]
) -> tuple[dict[int, Source], list[Problem]]:
    """Read a row of a table: it names the one that most of its cells may mean."""
    source = Source(line.number, line.text)
    counts = Counter(match for cell in matches for match in cell)
    most = max(counts.values())
    found = [match for match, count in counts.items() if count == most]
    if len(found) == 1:
        return {found[0].pk: source}, []
    return {}, [_make_problem(source, found)]


def _get_parts(line: Line, matches: Matches) -> list[str]:
    """The cells of the line; of cells that may hold several names, the words."""
    parts: list[str] = []
    # Where nothing is in the columns of names, the row is read like one without heading.
    cells = [cell for cell in (line.key_cells if any(line.key_cells) else line.cells) if cell]
    for cell in cells:
        words = cell.split()
        is_several = not line.is_row and cell not in matches
        if is_several and (len(cells) == 1 or any(word in matches for word in words)):
            parts += words
        else:
            parts.append(cell)
    return parts


def _narrow(matches: Sequence[Match], line: Line) -> Sequence[Match]:
    """Of several matches, those of whom most hints are cells of the line."""
    counts = [len(set(filter(None, match.hints)).intersection(line.cells)) for match in matches]
    return [match for match, count in zip(matches, counts, strict=True) if count == max(counts)]


def _looks_like_name(text: str) -> bool:
    """Whether the text may be a number, a code or an address, and not the name of a person."""
    return "@" in text or any(map(str.isdigit, text))


def _make_problem(source: Source, matches: Sequence[Match]) -> Problem:
    if not matches:
        return Problem(source, Reason.UNKNOWN)
    return Problem(source, Reason.AMBIGUOUS, [match.label for match in matches])


def _add_suggestions(problems: Sequence[Problem], finder: NameFinder) -> list[Problem]:
    """Add names that are one letter away to problems that have no offers."""
    names_of: dict[int, list[str]] = {}
    for index, problem in enumerate(problems):
        if problem.reason == Reason.UNKNOWN:
            [line] = _split_lines(problem.source.text)
            names_of[index] = [name for name in dict.fromkeys(line.names) if _looks_like_name(name)]
    if not any(names_of.values()):
        return list(problems)
    suggested = finder.suggest(name for names in names_of.values() for name in names)
    with_offers = list(problems)
    for index, names in names_of.items():
        matches = [match for name in names for match in suggested.get(name, [])]
        # The number and the address of one student are one offer.
        offers = {match.pk: match.label for match in reversed(matches)}
        with_offers[index] = replace(problems[index], offers=list(reversed(offers.values())))
    return with_offers
