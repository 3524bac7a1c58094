"""Statistics of terms for the desk, counted from the rows and cached if that takes long."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from time import time
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db.models import Count, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from courses.models import Course, Term, count_subquery
from school.dashboard.charts import Chart
from students.enrollment.conflicts import (
    filter_clashing,
    filter_doubled,
    filter_with_open_prerequisites,
    find_over_limit,
)
from students.models import CURRENT_STATUSES, Enrollment, Status

MAX_TERMS = 3
MAX_WATCHED_COURSES = 10
# Students with conflicts of one kind that the desk shows, and enrollments that are read for them.
MAX_CONFLICTS, MAX_ROWS = 10, 200
# Enrollments with open prerequisites that are counted in one term.
MAX_COUNTED = 1000
# Courses with at least this share of their seats taken need attention.
NEARLY_FULL_PERCENT = 90
# The lower bounds of the chart's buckets, in percent of the seats. Full courses and courses without
# a limit have buckets of their own.
BUCKETS = (0, 25, 50, 75, 90)
MAX_DAYS = 60
# With the fields of Statistics, as another version may have cached others.
CACHE_KEY = "glance-5"
# Statistics that took longer to compute than SLOW_SECONDS are cached for that time multiplied by
# CACHE_FACTOR.
SLOW_SECONDS, CACHE_FACTOR = 0.1, 60
# While one request computes the statistics, the others use the old ones for at most this long.
LOCK_SECONDS = 60
# Lazy, because the cached charts are shown in several languages.
lazy_date_format = lazy(date_format, str)


class Seats(NamedTuple):
    """The seats of a course. `capacity` is None if the course has no limit."""

    pk: int
    term: int
    capacity: int | None
    taken: int = 0
    waiting: int = 0

    @property
    def needs_attention(self) -> bool:
        """Whether the course is nearly full or somebody waits."""
        return self.waiting > 0 or bool(
            self.capacity and self.taken * 100 >= self.capacity * NEARLY_FULL_PERCENT
        )

    @property
    def bucket(self) -> int | None:
        """The lower bound in BUCKETS; 100 if the course is full, None if it has no limit."""
        if self.capacity is None:
            return None
        if self.taken >= self.capacity:
            return 100
        percent = self.taken * 100 // self.capacity
        return max(lower for lower in BUCKETS if lower <= percent)


@dataclass(frozen=True)
class TermStatistics:
    """The numbers of one term: students with an active enrollment, seats taken, and waiters."""

    term: Term
    students: int
    taken: int
    waiting: int
    charts: list[Chart]


@dataclass(frozen=True)
class Statistics:
    """The running terms and the ids of the courses that need attention, as counted at `at`.

    `doubled` and `clashing` are ids of enrollments, of at most MAX_ROWS, and `over_limit` pairs of
    ids of a student and a term, of which there is one more than are shown. `open_prerequisites` are
    codes of terms, each with its number of enrollments whose prerequisites are not completed, which
    is not counted further than MAX_COUNTED + 1.
    `fresh_until` is a time as of `time.time()`; later the cached statistics are computed again.
    """

    at: datetime
    terms: list[TermStatistics]
    watched: list[int]
    doubled: list[int]
    clashing: list[int]
    over_limit: list[tuple[int, int]]
    open_prerequisites: list[tuple[str, int]]
    fresh_until: float = field(default=0, compare=False)


def get_statistics() -> Statistics:
    """Return the statistics, from the cache if they took long to compute."""
    cached: Statistics | None = cache.get(CACHE_KEY)
    if cached and cached.fresh_until > time():
        return cached
    if cached and not cache.add(f"{CACHE_KEY}-counting", True, LOCK_SECONDS):
        # Another request computes them now.
        return cached
    start = time()
    statistics = compute_statistics()
    seconds = time() - start
    lifetime = seconds * CACHE_FACTOR if seconds > SLOW_SECONDS else 0
    # Twice as long, for the requests that come while another one computes them again. A timeout of
    # 0 deletes the entry.
    cache.set(CACHE_KEY, replace(statistics, fresh_until=start + lifetime), 2 * lifetime)
    cache.delete(f"{CACHE_KEY}-counting")
    return statistics


def compute_statistics() -> Statistics:
    now = timezone.now()
    today = timezone.localdate(now)
    terms = list(Term.objects.filter(ends_on__gte=today).order_by("-starts_on", "code"))
    courses = count_seats(terms)
    watched = sorted(
        (seats for seats in courses if seats.needs_attention),
        key=lambda seats: (-seats.waiting, (seats.capacity or 0) - seats.taken, seats.pk),
    )
    running = [term for term in terms if term.is_running(today)]
    return Statistics(
        now,
        term_statistics(running[:MAX_TERMS], courses, today),
        [seats.pk for seats in watched[:MAX_WATCHED_COURSES]],
        find_first(filter_doubled(Enrollment.objects.all())),
        find_first(filter_clashing(Enrollment.objects.all())),
        list(find_over_limit().order_by("student", "course__term")[: MAX_CONFLICTS + 1]),
        count_open_prerequisites(terms),
    )


def find_first(rows: QuerySet[Enrollment]) -> list[int]:
    """The ids of the first of `rows`, those of a student together."""
    return list(rows.order_by("student", "course").values_list("pk", flat=True)[:MAX_ROWS])


def count_open_prerequisites(terms: Sequence[Term]) -> list[tuple[str, int]]:
    """The terms with enrollments whose prerequisites are not completed, and how many they are.

    Of a term at most MAX_COUNTED + 1 are counted.
    """
    of_term = Enrollment.objects.filter(course__term=OuterRef(OuterRef("pk"))).order_by()
    found = filter_with_open_prerequisites(of_term).values("pk")[: MAX_COUNTED + 1]
    count = count_subquery(Enrollment.objects.filter(pk__in=found))
    rows = Term.objects.filter(pk__in=[term.pk for term in terms]).order_by("starts_on", "code")
    counts = rows.values_list("code", count)
    return [(code, number) for code, number in counts if number]


def count_seats(terms: Sequence[Term]) -> list[Seats]:
    """Return the seats of all courses of `terms`, in two queries."""
    enrollments = Enrollment.objects.filter(course__term__in=terms).current().order_by()
    counts = {}
    rows = enrollments.values_list("course", "status").annotate(count=Count("*"))
    for course, status, count in rows:
        counts[course, status] = count
    courses = Course.objects.filter(term__in=terms).order_by()
    return [
        Seats(
            pk,
            term,
            capacity,
            taken=counts.get((pk, Status.ACTIVE), 0),
            waiting=counts.get((pk, Status.WAITLISTED), 0),
        )
        for pk, term, capacity in courses.values_list("pk", "term", "capacity")
    ]


def term_statistics(
    terms: Sequence[Term], courses: Sequence[Seats], today: date
) -> list[TermStatistics]:
    """Return the statistics of each of `terms`. `courses` holds the seats of all their courses."""
    active = Enrollment.objects.filter(course__term__in=terms, status=Status.ACTIVE).order_by()
    students = dict(active.values_list("course__term").annotate(Count("student", distinct=True)))
    statistics = []
    for term in terms:
        of_term = [seats for seats in courses if seats.term == term.pk]
        statistics.append(
            TermStatistics(
                term,
                students=students.get(term.pk, 0),
                taken=sum(seats.taken for seats in of_term),
                waiting=sum(seats.waiting for seats in of_term),
                charts=[seats_chart(of_term), enrollments_chart(term, today)],
            )
        )
    return statistics


def seats_chart(courses: Iterable[Seats]) -> Chart:
    """Chart the number of courses by the share of their seats that is taken."""
    counts = Counter(seats.bucket for seats in courses)
    values: list[tuple[Any, int]] = []
    for lower, upper in pairwise((*BUCKETS, 100)):
        values.append((f"{lower}-{upper - 1}", counts[lower]))
    values += [(_("full"), counts[100]), (_("no limit"), counts[None])]
    return Chart(_("Courses by the share of seats taken, in %"), values)


def enrollments_chart(term: Term, today: date) -> Chart:
    """Chart the current enrollments by day, from the first day of enrollment, at most MAX_DAYS."""
    first = max(term.enrollment_opens_on or term.starts_on, today - timedelta(days=MAX_DAYS - 1))
    enrollments = Enrollment.objects.filter(
        Q(course__term=term, status__in=CURRENT_STATUSES), enrolled_at__date__gte=first
    ).order_by()
    counts = dict(
        enrollments.annotate(day=TruncDate("enrolled_at")).values_list("day").annotate(Count("pk"))
    )
    values = []
    for offset in range((today - first).days + 1):
        day = first + timedelta(days=offset)
        values.append((lazy_date_format(day, "SHORT_DATE_FORMAT"), counts.get(day, 0)))
    return Chart(_("Enrollments by day"), values)
