"""Parsing of pasted lists: each line, or else each word of a line, names a student or a course."""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from courses.models import Course
from students.models import Student

SEPARATORS = re.compile(r"[\r\n,;\t]+")
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
    parts = (" ".join(part.split()) for part in SEPARATORS.split(text.replace("\0", "")))
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
    """Find students by number or email. A name that is both counts as the number."""
    name_by_email = {name.lower(): name for name in names}
    students = Student.objects.annotate(lower_email=Lower("email")).filter(
        Q(number__in=names) | Q(lower_email__in=list(name_by_email))
    )
    rows = list(students.order_by().values_list("pk", "number", "lower_email"))
    by_email = {name_by_email[email]: pk for pk, _number, email in rows if email in name_by_email}
    by_number = {number: pk for pk, number, _email in rows if number in names}
    return by_email | by_number


def find_courses(names: set[str], term: str = "") -> IdsByName:
    """Find courses by code, in `term` or, without one, in the terms that are not over.

    A code that several of these courses have is left out. A name may add the code of any term:
    `BIO-101 2026-FA` or `BIO-101 (2026-FA)`.
    """
    codes = {*names, *(name.rpartition(" ")[0] for name in names)}
    ids_by_name: dict[str, set[int]] = {}
    for course in Course.objects.select_related("term").filter(code__in=codes):
        course_names = [str(course), f"{course.code} {course.term.code}"]
        if term:
            is_in_scope = course.term.code == term
        else:
            is_in_scope = course.term.ends_on >= timezone.localdate()
        if is_in_scope:
            course_names.append(course.code)
        for name in course_names:
            ids_by_name.setdefault(name, set()).add(course.pk)
    return {
        name: next(iter(ids))
        for name, ids in ids_by_name.items()
        if len(ids) == 1 and name in names
    }
