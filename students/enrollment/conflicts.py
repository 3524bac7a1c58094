"""Active enrollments that a rule would refuse today, because they came before it or a change."""

from collections.abc import Iterator
from itertools import combinations, groupby

from django.db.models import (
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    RowRange,
    Subquery,
    Sum,
    TextField,
    Window,
)
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from courses.models import MeetingTime, PrerequisiteCode, Term
from students.enrollment.rules import Refusal
from students.models import COUNTED_STATUSES, CreditLimit, Enrollment, Status, Student

# Two enrollments of one student in sections of one course.
Pair = tuple[Enrollment, Enrollment]


def find_doubled_sections() -> Iterator[Pair]:
    """Find students in two sections of a course at the same time.

    Courses that are over, and pairs of which one was overridden, are left out.
    """
    today = timezone.localdate()
    is_not_over = Q(course__ends_on__gte=today) | Q(
        course__ends_on=None, course__term__ends_on__gte=today
    )
    active = Enrollment.objects.filter(
        is_not_over, status=Status.ACTIVE, course__repeatable=False
    ).order_by()
    numbers = active.values_list("student", "course__code").annotate(number=Count("*"))
    repeated = list(numbers.filter(number__gt=1))
    if not repeated:
        return
    students, codes, _numbers = zip(*repeated, strict=True)
    rows = (
        active.filter(student__in=students, course__code__in=codes)
        .select_related("student", "course__term")
        .order_by("student", "course__code", "course")
    )
    for _key, group in groupby(rows, lambda row: (row.student_id, row.course.code)):
        for first, second in combinations(group, 2):
            is_accepted = Refusal.ALREADY_TAKING in (*first.overridden, *second.overridden)
            if first.course.overlaps(second.course) and not is_accepted:
                yield first, second


def clashing_enrollments(term: Term) -> QuerySet[Enrollment]:
    """The active enrollments of a term that meet at the same time as another one of the student.

    The other one may be of another term. Pairs of which one was overridden are left out.
    """
    own_meetings = MeetingTime.objects.filter(
        course=OuterRef(OuterRef("course")),
        day=OuterRef("day"),
        starts__lt=OuterRef("ends"),
        ends__gt=OuterRef("starts"),
    )
    others = _find_others(Refusal.TIME_CONFLICT).alias(
        day=F("course__meeting_times__day"),
        starts=F("course__meeting_times__starts"),
        ends=F("course__meeting_times__ends"),
    )
    rows = _find_active(term, Refusal.TIME_CONFLICT).filter(
        Exists(others.filter(Exists(own_meetings)))
    )
    return rows.filter(student__in=_students_with_overlapping_meetings(term))


def _students_with_overlapping_meetings(term: Term) -> QuerySet[Enrollment, int]:
    """The ids of students of a term whose courses meet at the same time, whatever their dates.

    Few students, found by one sort of all meetings: a join of all with all would be slow where the
    database does not know yet how many rows there are, as after an import.
    """
    students = Enrollment.objects.filter(status=Status.ACTIVE, course__term=term).values("student")
    meetings = Enrollment.objects.filter(
        status=Status.ACTIVE, student__in=students, course__meeting_times__isnull=False
    )
    latest_end = Window(
        Max("course__meeting_times__ends"),
        partition_by=[F("student"), F("course__meeting_times__day")],
        order_by=[F("course__meeting_times__starts"), F("course__meeting_times__id")],
        frame=RowRange(end=-1),
    )
    overlapping = meetings.annotate(latest_end=latest_end).filter(
        latest_end__gt=F("course__meeting_times__starts")
    )
    return overlapping.order_by().values_list("student", flat=True)


def doubled_enrollments(term: Term) -> QuerySet[Enrollment]:
    """The active enrollments of a term whose student takes another section at the same time.

    Pairs of which one was overridden are left out.
    """
    others = _find_others(Refusal.ALREADY_TAKING).filter(
        course__code=OuterRef("course__code"), course__repeatable=False
    )
    return _find_active(term, Refusal.ALREADY_TAKING).filter(
        Exists(others), course__repeatable=False
    )


def enrollments_with_open_prerequisites(term: Term) -> QuerySet[Enrollment]:
    """The active enrollments of a term with a prerequisite that the student has not completed yet.

    The student may take it at present. Enrollments for which it was overridden are left out.
    """
    completed = Enrollment.objects.filter(
        student=OuterRef(OuterRef(OuterRef("student"))), status=Status.COMPLETED
    )
    met = PrerequisiteCode.objects.filter(
        course=OuterRef("course"),
        requirement=OuterRef("requirement"),
        code__in=completed.order_by().values("course__code"),
    )
    not_met = PrerequisiteCode.objects.filter(~Exists(met), course=OuterRef("course"))
    return _find_active(term, Refusal.PREREQUISITE_MISSING).filter(Exists(not_met))


def students_over_limit(term: Term) -> QuerySet[Student]:
    """The students who take more credits in a term than they may.

    Students for whom the limit was overridden in an active enrollment are left out.
    """
    limits = CreditLimit.objects.filter(term=term).order_by()
    counted = Enrollment.objects.filter(course__term=term, status__in=COUNTED_STATUSES).order_by()
    sums = counted.values("student").annotate(credits=Sum("course__credits"))
    # Null where the student has no limit: nothing is greater.
    own_limit = Subquery(limits.filter(student=OuterRef("student")).values("max_credits"))
    is_over = Q(pk__in=sums.filter(credits__gt=own_limit).values("student"))
    if term.max_credits is not None:
        over = sums.exclude(student__in=limits.values("student"))
        is_over |= Q(pk__in=over.filter(credits__gt=term.max_credits).values("student"))
    accepted = counted.alias(codes=Cast("overridden", TextField())).filter(
        status=Status.ACTIVE, codes__contains=f'"{Refusal.CREDIT_LIMIT}"'
    )
    return Student.objects.filter(is_over).exclude(pk__in=accepted.values("student"))


def _find_active(term: Term, refusal: Refusal) -> QuerySet[Enrollment]:
    """The active enrollments of a term for which `refusal` was not overridden, with their dates."""
    return _find_not_overridden(refusal).filter(course__term=term)


def _find_others(refusal: Refusal) -> QuerySet[Enrollment]:
    """A subquery of the other active enrollments of the student in courses at the same time.

    It is for a queryset of `_find_active`.
    """
    at_the_same_time = Q(first_day__lte=OuterRef("last_day"), last_day__gte=OuterRef("first_day"))
    rows = _find_not_overridden(refusal).filter(at_the_same_time, student=OuterRef("student"))
    return rows.exclude(pk=OuterRef("pk"))


def _find_not_overridden(refusal: Refusal) -> QuerySet[Enrollment]:
    rows = Enrollment.objects.filter(status=Status.ACTIVE).alias(
        # Django has no lookup for an element of a list in JSON that both databases know.
        codes=Cast("overridden", TextField()),
        first_day=Coalesce("course__starts_on", "course__term__starts_on"),
        last_day=Coalesce("course__ends_on", "course__term__ends_on"),
    )
    return rows.exclude(codes__contains=f'"{refusal}"')
