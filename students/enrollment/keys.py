"""The school's own keys of students and courses, and the rows that they name."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from courses.models import Course
from students.enrollment.rules import COURSE, STUDENT, PairError
from students.models import Student

# In place of an id where no row has the key.
NO_ID = 0


class StudentKey(NamedTuple):
    number: str


class CourseKey(NamedTuple):
    """`section` None: the only course with this code in the term. Empty: the one without."""

    term: str
    code: str
    section: str | None = None


Key = StudentKey | CourseKey


class ResolvedKey(NamedTuple):
    """A key of a request, and the id of its row, or NO_ID.

    `sections` are those of the courses that have the key, where it has several.
    """

    key: Key
    id: int
    sections: Sequence[str] = ()

    def find_error(self) -> PairError:
        """Why the key names no row."""
        params = {name: value for name, value in self.key._asdict().items() if value is not None}
        if isinstance(self.key, StudentKey):
            message = _("There is no student with the number %(number)s.")
            return PairError(message, "not_found", params, field=STUDENT)
        if self.sections:
            names = [section or str(_("(none)")) for section in self.sections]
            params["sections"] = ", ".join(names)
            message = _(
                "%(code)s has several sections in %(term)s: %(sections)s. Name one of them."
            )
            return PairError(message, "ambiguous", params, field=COURSE)
        if self.key.section:
            message = _("There is no course %(code)s · %(section)s in the term %(term)s.")
        else:
            message = _("There is no course %(code)s in the term %(term)s.")
        return PairError(message, "not_found", params, field=COURSE)


def resolve_keys(keys: Iterable[Key]) -> dict[Key, ResolvedKey]:
    """Find the rows of `keys`, in one query for students and one for courses."""
    students: set[StudentKey] = set()
    courses: set[CourseKey] = set()
    for key in keys:
        if isinstance(key, StudentKey):
            students.add(key)
        else:
            courses.add(key)
    return {**_resolve_students(students), **_resolve_courses(courses)}


def _resolve_students(keys: Collection[StudentKey]) -> dict[Key, ResolvedKey]:
    if not keys:
        return {}
    rows = Student.objects.filter(number__in=[key.number for key in keys]).order_by()
    ids = dict(rows.values_list("number", "pk"))
    return {key: ResolvedKey(key, ids.get(key.number, NO_ID)) for key in keys}


def _resolve_courses(keys: Collection[CourseKey]) -> dict[Key, ResolvedKey]:
    if not keys:
        return {}
    # More rows than those of `keys`: each of the codes in each of the terms.
    rows = Course.objects.filter(
        term__code__in={key.term for key in keys}, code__in={key.code for key in keys}
    ).order_by("section")
    sections: dict[tuple[str, str], dict[str, int]] = {}
    for term, code, section, pk in rows.values_list("term__code", "code", "section", "pk"):
        sections.setdefault((term, code), {})[section] = pk
    return {key: _choose(key, sections.get((key.term, key.code), {})) for key in keys}


def _choose(key: CourseKey, sections: Mapping[str, int]) -> ResolvedKey:
    """The course of `key` among `sections`: the ids of the courses with its term and code."""
    if key.section is not None:
        return ResolvedKey(key, sections.get(key.section, NO_ID))
    if len(sections) > 1:
        return ResolvedKey(key, NO_ID, [*sections])
    [only] = sections.values() or [NO_ID]
    return ResolvedKey(key, only)
