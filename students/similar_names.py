"""Names that are offered where a search finds nobody: those one letter away from the word."""

from collections import Counter
from typing import Any

from django.db.models import QuerySet

from core.db.search import search_filter
from core.spelling import is_one_letter_away
from core.text import fold, split_words
from courses.models import Course
from students.models import Student

# Students whose names are compared, and names that are offered.
MAX_STUDENTS, MAX_NAMES = 1_000, 5


def find_similar_names(text: str, course: Course | None = None) -> list[str]:
    """Names one letter away from `text` if it is one word, the most frequent first.

    They are those of the first MAX_STUDENTS, of all or of those in `course`, of whom a word of the
    search key begins with the same two letters.
    """
    word = _get_key(text)
    if len(text.split()) != 1 or len(word) < 3 or any(map(str.isdigit, word)):
        return []
    names = _find_students(word[:2], course).values_list("first_name", "last_name")
    counts = Counter(
        name
        for pair in names[:MAX_STUDENTS]
        for name in " ".join(pair).split()
        if name[:1].isalpha() and is_one_letter_away(word, _get_key(name))
    )
    return sorted(counts, key=lambda name: (-counts[name], name))[:MAX_NAMES]


def _find_students(letters: str, course: Course | None) -> QuerySet[Any]:
    students = Student.objects.order_by("pk")
    if course is None:
        return students.search(letters)
    of_course = course.enrollments.order_by().values("student")
    return students.filter(search_filter(letters), pk__in=of_course)


def _get_key(name: str) -> str:
    """The name without case, accents and signs, as in the search key."""
    return "".join(split_words(fold(name)))
