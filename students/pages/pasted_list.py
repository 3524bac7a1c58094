"""Lists that were pasted: each line, or else each word of it, names a student or a course."""

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
# So many lines or words of a list are looked up, and so many lines of it taken.
MOST, WORDS = 1_000, 5_000

Named = Mapping[str, int]


class ParsedList(NamedTuple):
    """The keys of what was named, and the names that name nothing, or too much."""

    ids: list[int]
    unknown: list[str]


def parse(text: str, find: Callable[[set[str]], Named]) -> ParsedList:
    """What the lines of `text` name, by `find`. More than MOST of them are taken for unknown."""
    lines = [
        line
        for part in SEPARATORS.split(text.replace("\0", ""))
        if (line := " ".join(part.split()))
    ]
    names = dict.fromkeys(name for line in lines[:MOST] for name in (line, *line.split()))
    known = find(set(islice(names, WORDS)))
    ids, unknown = dict[int, None](), list[str]()
    for line in lines:
        for name in [line] if line in known else line.split():
            if name in known:
                ids[known[name]] = None
            else:
                unknown.append(name)
    return ParsedList(list(ids), unknown)


def find_students(names: set[str]) -> Named:
    """The students of these numbers or emails."""
    emails = {name.lower(): name for name in names}
    found = Student.objects.annotate(lower=Lower("email")).filter(
        Q(number__in=names) | Q(lower__in=list(emails))
    )
    rows = list(found.order_by().values_list("pk", "number", "lower"))
    return {emails[email]: pk for pk, _number, email in rows if email in emails} | {
        number: pk for pk, number, _email in rows if number in names
    }


def find_courses(names: set[str], term: str = "") -> Named:
    """The courses of these codes, in `term` or, without one, in the terms that are not over, where no other has the same code.

    A term may stand behind the code: `BIO-101 2026-FA` or `BIO-101 (2026-FA)`.
    """
    found = Course.objects.select_related("term").filter(
        code__in={*names, *(name.rpartition(" ")[0] for name in names)}
    )
    by_name: dict[str, set[int]] = {}
    for course in found:
        current = course.term.code == term if term else course.term.ends_on >= timezone.localdate()
        for name in (
            str(course),
            f"{course.code} {course.term.code}",
            *([course.code] if current else []),
        ):
            by_name.setdefault(name, set()).add(course.pk)
    return {
        name: next(iter(keys)) for name, keys in by_name.items() if len(keys) == 1 and name in names
    }
