"""Looks up the rows that pasted names may mean, and names that are one letter away from them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower, Replace
from django.utils import timezone
from django.utils.translation import gettext as _

from core.db.parameters import InTextList, TextList
from core.spelling import SPELLINGS_PER_LETTER, get_spellings_one_letter_away
from core.text import clean_email, get_sort_key
from courses.models import Course, Term
from students.models import Student

# The longest number or email. Longer texts are not looked up.
MAX_NAME_LENGTH = 254
# A shorter name has too many neighbours.
MIN_LENGTH_TO_SUGGEST = 4
# Spellings that one search for suggestions looks up: those of 15 numbers or 5 emails.
MAX_SPELLINGS = 10_000
MAX_SUGGESTIONS = 3
# Letters that are taken for digits.
LOOK_ALIKES = str.maketrans("oil", "011")


class Match(NamedTuple):
    """A row that a name may mean. `label` names this row alone.

    Other cells that are `hints` tell it from the other rows that the name may mean.
    """

    pk: int
    label: str
    hints: tuple[str, ...] = ()


Matches = Mapping[str, Sequence[Match]]


class NameFinder(Protocol):
    """Finds rows of one model by their names."""

    @property
    def headings(self) -> set[str]:
        """The headings of columns of names, in small letters."""

    def find(self, names: Collection[str]) -> Matches:
        """Return the rows that each of `names` may mean; names that mean none are left out."""

    def suggest(self, names: Iterable[str]) -> Matches:
        """Return the rows with a name one letter away from each of `names`, in one query.

        Only as many of `names` are looked up as MAX_SPELLINGS allows.
        """


class StudentFinder:
    """Finds students by number or email, without case. A name that is both is the number."""

    @property
    def headings(self) -> set[str]:
        return {
            *("number", "student", "student_number", "email", "e-mail"),
            *(_("number").lower(), _("email").lower()),
        }

    def find(self, names: Collection[str]) -> Matches:
        short = [name for name in names if len(name) <= MAX_NAME_LENGTH]
        return {
            **self._find_by_email([name for name in short if "@" in name]),
            **self._find_by_number(short),
        }

    def _find_by_email(self, names: Iterable[str]) -> dict[str, list[Match]]:
        names_by_email: dict[str, list[str]] = {}
        for name in names:
            names_by_email.setdefault(clean_email(name).lower(), []).append(name)
        if not names_by_email:
            return {}
        rows = _with_lower_email().filter(InTextList("lower_email", TextList(list(names_by_email))))
        return {
            name: [Match(pk, number)]
            for pk, number, email in rows.values_list("pk", "number", "lower_email")
            for name in names_by_email[email]
        }

    def _find_by_number(self, names: Iterable[str]) -> dict[str, list[Match]]:
        spellings = {text for name in names for text in (name, name.upper(), name.lower())}
        matches_by_key: dict[str, list[Match]] = {}
        rows = Student.objects.filter(InTextList("number", TextList(list(spellings))))
        for pk, number in rows.order_by("pk").values_list("pk", "number"):
            matches_by_key.setdefault(number.lower(), []).append(Match(pk, number))
        found: dict[str, list[Match]] = {}
        for name in names:
            matches = matches_by_key.get(name.lower(), [])
            # Numbers that differ in case alone must be written exactly.
            exact = [match for match in matches if match.label == name]
            if matches:
                found[name] = exact or matches
        return found

    def suggest(self, names: Iterable[str]) -> Matches:
        names_by_spelling = collect_spellings(names, str.lower)
        emails = [spelling for spelling in names_by_spelling if "@" in spelling]
        numbers = [spelling for spelling in names_by_spelling if "@" not in spelling]
        found = _with_lower_email().filter(
            Q(InTextList("lower_email", TextList(emails)))
            | Q(InTextList("number", TextList([*numbers, *map(str.upper, numbers)])))
        )
        suggested: dict[str, list[Match]] = {}
        for pk, number, email in found.values_list("pk", "number", "lower_email"):
            for name in names_by_spelling.get(number.lower(), []):
                suggested.setdefault(name, []).append(Match(pk, number))
            for name in names_by_spelling.get(email, []):
                suggested.setdefault(name, []).append(Match(pk, email))
        return _shorten(suggested)


class CourseFinder:
    """Finds courses by code, in `term` or, without one, in the terms that are not over.

    A code that several of these courses have means those whose term can be enrolled in today, if
    there are any. A name may add the section, and the code of any term: `BIO-101 A01`,
    `BIO-101 2026-FA` or `BIO-101 · A01 (2026-FA)`. Names are compared without case and dashes, if
    none is equal.
    """

    def __init__(self, term: str = "") -> None:
        self.term = term

    @property
    def headings(self) -> set[str]:
        return {"code", "course", _("code").lower(), _("course").lower()}

    def find(self, names: Collection[str]) -> Matches:
        short = [name for name in names if len(name) <= MAX_NAME_LENGTH]
        keys = {_get_code_key(text) for name in short for text in _get_beginnings(name)}
        exact: dict[str, list[Course]] = {}
        similar: dict[str, list[Course]] = {}
        for course in _find_courses(keys):
            course_names = self._get_names(course)
            for name in course_names:
                exact.setdefault(name, []).append(course)
            for key in {_get_code_key(name) for name in course_names}:
                similar.setdefault(key, []).append(course)
        found: dict[str, list[Match]] = {}
        for name in short:
            if courses := exact.get(name) or similar.get(_get_code_key(name)):
                found[name] = [
                    Match(course.pk, str(course), (course.term.code, course.section))
                    for course in _prefer_open_terms(courses)
                ]
        return found

    def _get_names(self, course: Course) -> list[str]:
        codes = {course.code, f"{course.code} {course.section}".strip()}
        names = [str(course), *(f"{code} {course.term.code}" for code in codes)]
        is_in_term = (
            course.term.code == self.term if self.term else course.last_day >= timezone.localdate()
        )
        return [*names, *codes] if is_in_term else names

    def suggest(self, names: Iterable[str]) -> Matches:
        names_by_spelling = collect_spellings(names, _get_code_key)
        suggested: dict[str, list[Match]] = {}
        for course in _find_courses(names_by_spelling):
            if course.code in self._get_names(course):
                for name in names_by_spelling[course.joined_code]:
                    suggested.setdefault(name, []).append(Match(course.pk, course.code))
        return _shorten(suggested)


def _with_lower_email() -> QuerySet[Any]:
    return Student.objects.annotate(lower_email=Lower("email")).order_by("number")


def _find_courses(keys: Iterable[str]) -> QuerySet[Any]:
    """Courses with `joined_code`, their code as `_get_code_key` returns it, in `keys`."""
    joined_code = Replace("code_key", Value(" "), Value(""))
    courses = Course.objects.select_related("term").annotate(joined_code=joined_code)
    return courses.filter(InTextList("joined_code", TextList(list(keys)))).order_by(
        "-term__starts_on", "code_key", "code", "section", "pk"
    )


def _get_code_key(code: str) -> str:
    return get_sort_key(code).replace(" ", "")


def _get_beginnings(name: str) -> list[str]:
    """The name, and without its last words: a section, a term."""
    words = name.split()
    return [" ".join(words[:end]) for end in range(max(len(words) - 3, 1), len(words) + 1)]


def _prefer_open_terms(courses: Sequence[Course]) -> Sequence[Course]:
    """Of several courses, those whose term takes enrollments today, if there are any."""
    if len(courses) == 1:
        return courses
    today = timezone.localdate()
    return [course for course in courses if _is_open_for(course.term, today)] or courses


def _is_open_for(term: Term, today: date) -> bool:
    """Whether the term takes enrollments on the day `today`."""
    opens, closes = term.enrollment_opens_on, term.enrollment_closes_on
    return (
        today <= term.ends_on
        and (opens is None or opens <= today)
        and (closes is None or today <= closes)
    )


def collect_spellings(names: Iterable[str], get_key: Callable[[str], str]) -> dict[str, list[str]]:
    """The spellings one letter away from the keys of `names`, each with the names it is for."""
    names_by_spelling: dict[str, list[str]] = {}
    for name in names:
        key = get_key(name)
        if not MIN_LENGTH_TO_SUGGEST <= len(key) <= MAX_NAME_LENGTH:
            continue
        if len(names_by_spelling) + len(key) * SPELLINGS_PER_LETTER > MAX_SPELLINGS:
            continue
        for spelling in get_spellings_one_letter_away(key):
            names_by_spelling.setdefault(spelling, []).append(name)
    return names_by_spelling


def _shorten(suggested: Mapping[str, list[Match]]) -> dict[str, list[Match]]:
    """At most MAX_SUGGESTIONS for each name, first those in which only look-alikes differ."""
    shortened = {}
    for name, matches in suggested.items():
        by_label = {match.label: match for match in matches}
        look_alike = [label for label in by_label if _as_digits(label) == _as_digits(name)]
        nearest = list(dict.fromkeys([*look_alike, *by_label]))
        shortened[name] = [by_label[label] for label in nearest[:MAX_SUGGESTIONS]]
    return shortened


def _as_digits(text: str) -> str:
    return text.lower().translate(LOOK_ALIKES)
