"""The terms in numbers, for the desk: counted from the rows, and kept for a while where counting took long."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from time import time
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from courses.models import Course, Term
from school.dashboard.charts import Chart
from students.models import CURRENT_STATUSES, Enrollment, Status

TERMS = 3
WATCHED = 10
# Courses with at least this share of their seats taken need a look.
NEARLY_FULL_PERCENT = 90
# The shares of seats at which the bars of the chart begin; full courses, and those without a limit, have bars of their own.
SHARES = (0, 25, 50, 75, 90)
DAYS = 60
KEY = "glance"
# Numbers that took longer than this many seconds are kept as many times as long as they took.
QUICK, KEPT = 0.1, 60
COUNTING_SECONDS = 60
# What is kept is shown to people of several languages.
day_in_words = lazy(date_format, str)


class Seats(NamedTuple):
    """A course of a term that is not over, with its seats."""

    pk: int
    term: int
    capacity: int | None
    taken: int = 0
    waiting: int = 0

    @property
    def needs_attention(self) -> bool:
        """Whether it is nearly full or somebody waits."""
        return self.waiting > 0 or bool(
            self.capacity and self.taken * 100 >= self.capacity * NEARLY_FULL_PERCENT
        )

    @property
    def bucket(self) -> int | None:
        """Where its span of SHARES begins; 100 where it is full, None without a limit."""
        if self.capacity is None:
            return None
        if self.taken >= self.capacity:
            return 100
        return max(begin for begin in SHARES if begin <= self.taken * 100 // self.capacity)


@dataclass(frozen=True)
class TermStatistics:
    """One term in numbers."""

    term: Term
    students: int
    taken: int
    waiting: int
    charts: list[Chart]


@dataclass(frozen=True)
class Statistics:
    """The terms that run today, and the keys of the courses that need a look, as they were at a moment."""

    at: datetime
    terms: list[TermStatistics]
    watched: list[int]
    fresh_until: float = field(default=0, compare=False)


def get_statistics() -> Statistics:
    """The numbers of now, or, where it takes long to count them, of a little while ago."""
    kept: Statistics | None = cache.get(KEY)
    if kept and (
        kept.fresh_until > time() or not cache.add(f"{KEY}-counting", True, COUNTING_SECONDS)
    ):
        return kept
    start = time()
    counted = compute_statistics()
    took = time() - start
    kept_for = took * KEPT if took > QUICK else 0
    # Twice as long for those who ask while somebody else counts anew; what is kept for no time is deleted.
    cache.set(KEY, replace(counted, fresh_until=start + kept_for), 2 * kept_for)
    cache.delete(f"{KEY}-counting")
    return counted


def compute_statistics() -> Statistics:
    now = timezone.now()
    today = timezone.localdate(now)
    terms = list(Term.objects.filter(ends_on__gte=today).order_by("-starts_on", "code"))
    courses = count_seats(terms)
    watched = sorted(
        (seats for seats in courses if seats.needs_attention),
        key=lambda seats: (-seats.waiting, (seats.capacity or 0) - seats.taken, seats.pk),
    )
    running = [term for term in terms if term.is_running(today)][:TERMS]
    return Statistics(
        now,
        list(term_statistics(running, courses, today)),
        [seats.pk for seats in watched[:WATCHED]],
    )


def count_seats(terms: Sequence[Term]) -> list[Seats]:
    current = Enrollment.objects.filter(course__term__in=terms).current().order_by()
    numbers = {
        (course, status): number
        for course, status, number in current.values_list("course", "status").annotate(
            number=Count("*")
        )
    }
    courses = Course.objects.filter(term__in=terms).order_by().values_list("pk", "term", "capacity")
    return [
        Seats(
            pk,
            term,
            limit,
            numbers.get((pk, Status.ACTIVE), 0),
            numbers.get((pk, Status.WAITLISTED), 0),
        )
        for pk, term, limit in courses
    ]


def term_statistics(
    terms: Sequence[Term], courses: Iterable[Seats], today: date
) -> Iterable[TermStatistics]:
    active = Enrollment.objects.filter(course__term__in=terms, status=Status.ACTIVE).order_by()
    students = dict(active.values_list("course__term").annotate(Count("student", distinct=True)))
    for term in terms:
        of_term = [seats for seats in courses if seats.term == term.pk]
        taken, waiting = (
            sum(seats.taken for seats in of_term),
            sum(seats.waiting for seats in of_term),
        )
        yield TermStatistics(
            term, students.get(term.pk, 0), taken, waiting, [fullness(of_term), by_day(term, today)]
        )


def fullness(courses: Iterable[Seats]) -> Chart:
    """How many courses are how full."""
    number = Counter(seats.bucket for seats in courses)
    spans = [(f"{low}-{high - 1}", number[low]) for low, high in pairwise((*SHARES, 100))]
    return Chart(
        _("Courses by the share of seats taken, in %"),
        [*spans, (_("full"), number[100]), (_("no limit"), number[None])],
    )


def by_day(term: Term, today: date) -> Chart:
    """How many of the current enrollments came on which day, since one can enroll; at most those of the last days."""
    first = max(term.enrollment_opens_on or term.starts_on, today - timedelta(days=DAYS - 1))
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    came = Enrollment.objects.filter(
        Q(course__term=term, status__in=CURRENT_STATUSES), enrolled_at__date__gte=first
    ).order_by()
    number = dict(
        came.annotate(day=TruncDate("enrolled_at")).values_list("day").annotate(Count("pk"))
    )
    return Chart(
        _("Enrollments by day"),
        [(day_in_words(day, "SHORT_DATE_FORMAT"), number.get(day, 0)) for day in days],
    )
