"""Parsing of pasted lists: each line, or else each word of a line, names a student or a course."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from itertools import islice
from typing import NamedTuple

from django.db.models import Q, Value
from django.db.models.functions import Lower, Replace
from django.utils import timezone

from core.text import clean_email, clean_line, get_sort_key
from courses.models import Course, Term
from students.models import Student

SEPARATORS = re.compile(r"[\r\n,;\t]+")
QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb "
ADDRESS = re.compile(r"<\s*([^<>\s]+@[^<>\s]+)\s*>")
# Lines of a list that are read, and names that are looked up in the database.
MAX_LINES, MAX_NAMES = 1_000, 5_000

IdsByName = Mapping[str, int]


class ParsedList(NamedTuple):
    """The ids of the named rows, and the names that name no row or more than one."""

    ids: list[int]
    unknown: list[str]


def parse(text: str, find: Callable[[set[str]], IdsByName]) -> ParsedList:
    """Look up the lines of `text` with `find`; a line that is no name is read word by word.

    Lines after the first MAX_LINES are not looked up: their words are returned as unknown.
    """
    parts = map(_clean_part, SEPARATORS.split(text.replace("\0", "")))
    lines = [line for line in parts if line]
    names = dict.fromkeys(name for line in lines[:MAX_LINES] for name in (line, *line.split()))
    id_by_name = find(set(islice(names, MAX_NAMES)))
    # A dict, because each id is returned once and in the order of the list.
    ids, unknown = dict[int, None](), list[str]()
    for line in lines:
        for name in [line] if line in id_by_name else line.split():
            if name in id_by_name:
                ids[id_by_name[name]] = None
            else:
                unknown.append(name)
    return ParsedList(list(ids), unknown)


def find_students(names: set[str]) -> IdsByName:
    """Find students by number or email, without case. A name that is both counts as the number."""
    spellings = {variant for name in names for variant in (name, name.upper(), name.lower())}
    names_by_email: dict[str, list[str]] = {}
    for name in names:
        names_by_email.setdefault(clean_email(name).lower(), []).append(name)
    students = Student.objects.annotate(lower_email=Lower("email")).filter(
        Q(number__in=spellings) | Q(lower_email__in=list(names_by_email))
    )
    rows = list(students.order_by().values_list("pk", "number", "lower_email"))
    found: dict[str, int] = {}
    for pk, _number, email in rows:
        found |= dict.fromkeys(names_by_email.get(email, []), pk)
    ids_by_number: dict[str, set[int]] = {}
    for pk, number, _email in rows:
        ids_by_number.setdefault(number.lower(), set()).add(pk)
    for name in names:
        ids = ids_by_number.get(name.lower(), set())
        if len(ids) == 1:
            found[name] = next(iter(ids))
    # Numbers that differ in case alone must be written exactly.
    return found | {number: pk for pk, number, _email in rows if number in names}


def find_courses(names: set[str], term: str = "") -> IdsByName:
    """Find courses by code, in `term` or, without one, in the terms that are not over.

    A code that several of these courses have means the one whose term can be enrolled in today;
    if there is no such one, it is left out. A name may add the code of any term: `BIO-101 2026-FA`
    or `BIO-101 (2026-FA)`. Codes are compared without case and dashes, if none is equal.
    """
    keys = {_code_key(code) for name in names for code in (name, name.rpartition(" ")[0])}
    courses = Course.objects.select_related("term").annotate(
        joined_code=Replace("code_key", Value(" "), Value(""))
    )
    exact: dict[str, list[Course]] = {}
    similar: dict[str, list[Course]] = {}
    today = timezone.localdate()
    for course in courses.filter(joined_code__in=keys):
        course_names = [str(course), f"{course.code} {course.term.code}"]
        if course.term.code == term if term else course.term.ends_on >= today:
            course_names.append(course.code)
        for name in course_names:
            exact.setdefault(name, []).append(course)
        for key in {_code_key(name) for name in course_names}:
            similar.setdefault(key, []).append(course)
    found: dict[str, int] = {}
    for name in names:
        candidates = exact.get(name) or similar.get(_code_key(name), [])
        if len(candidates) > 1:
            candidates = [course for course in candidates if _is_open_for(course.term, today)]
        if len(candidates) == 1:
            found[name] = candidates[0].pk
    return found


def _code_key(code: str) -> str:
    return get_sort_key(code).replace(" ", "")


def _is_open_for(term: Term, today: date) -> bool:
    """Whether the term takes enrollments on the day `today`."""
    opens, closes = term.enrollment_opens_on, term.enrollment_closes_on
    return (
        today <= term.ends_on
        and (opens is None or opens <= today)
        and (closes is None or today <= closes)
    )


def _clean_part(part: str) -> str:
    """A part of a list without invisible signs and quotes; of `Name <mail>` the mail."""
    part = " ".join(clean_line(part).split()).strip(QUOTES)
    if match := ADDRESS.search(part):
        return match[1]
    return part
