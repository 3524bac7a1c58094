"""Active enrollments that a rule would refuse today, because they came before it or a change.

Nobody has a conflict in a course that is over: only enrollments in courses that are not over are
found, and only with one another. Whoever takes too many credits in a term is found as long as one
of the courses of the term in which the student is active is not over.
"""

from collections import Counter
from collections.abc import Collection

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Lead
from django.db.models.lookups import Contains
from django.utils import timezone

from core.db.parameters import IdList, InIdList
from courses.models import Course, MeetingTime, PrerequisiteCode, Term
from students.enrollment.rules import Refusal
from students.models import COUNTED_STATUSES, CreditLimit, Enrollment, Status, Student

# Up to this number of students who may have a conflict, only their enrollments are compared. Where
# there are more, conflicts are so frequent that the first ones are found soon.
MAX_STUDENTS = 1000
FIRST_DAY = Coalesce("course__starts_on", "course__term__starts_on")
LAST_DAY = Coalesce("course__ends_on", "course__term__ends_on")


def filter_clashing(rows: QuerySet[Enrollment], term: Term | None = None) -> QuerySet[Enrollment]:
    """Those of `rows` that meet at the same time as another active enrollment of the student.

    With `term`, those in courses of the term; the other one may be of another term. Pairs of which
    one was overridden are left out.
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
    with_times = Course.objects.filter(pk__in=MeetingTime.objects.values("course"))
    courses = _find_courses(with_times, term)
    found = _find_not_overridden(rows, Refusal.TIME_CONFLICT, term)
    students = _students_with_overlapping_meetings(courses)
    return _filter_with_other(found, others.filter(Exists(own_meetings)), students)


def _students_with_overlapping_meetings(courses: Collection[int]) -> QuerySet[Enrollment, int]:
    """The ids of students of whose courses two meet at the same time, whatever their dates.

    In the order of their beginnings, two hours that follow one another overlap if any two do.
    """
    meetings = _find_active_in(courses).annotate(
        ends=F("course__meeting_times__ends"),
        next_starts=Window(
            Lead("course__meeting_times__starts"),
            partition_by=[F("student"), F("course__meeting_times__day")],
            order_by=[F("course__meeting_times__starts")],
        ),
    )
    return meetings.filter(next_starts__lt=F("ends")).values_list("student", flat=True)


def filter_doubled(rows: QuerySet[Enrollment], term: Term | None = None) -> QuerySet[Enrollment]:
    """Those of `rows` whose student takes another section of the course at the same time.

    With `term`, those in courses of the term. Pairs of which one was overridden are left out.
    """
    others = _find_others(Refusal.ALREADY_TAKING).filter(
        course__code=OuterRef("course__code"), course__repeatable=False
    )
    courses = _find_courses(Course.objects.filter(repeatable=False), term)
    number_of_sections = Counter(courses.values())
    sections = [pk for pk, code in courses.items() if number_of_sections[code] > 1]
    found = _find_not_overridden(rows, Refusal.ALREADY_TAKING, term)
    students = _students_with_repeated_codes(sections)
    return _filter_with_other(found.filter(course__repeatable=False), others, students)


def _students_with_repeated_codes(courses: Collection[int]) -> QuerySet[Enrollment, int]:
    """The ids of students of whose courses two have the same code, whatever their dates."""
    of_course = _find_active_in(courses).values("student", "course__code")
    numbers = of_course.annotate(number=Count("*"))
    return numbers.filter(number__gt=1).values_list("student", flat=True)


def filter_with_open_prerequisites(
    rows: QuerySet[Enrollment], term: Term | None = None
) -> QuerySet[Enrollment]:
    """Those of `rows` that are active, with a prerequisite not completed yet.

    With `term`, those in courses of the term; also in courses that are over. The student may take
    the prerequisite at present. Enrollments for which it was overridden are left out.
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
    active = rows.filter(status=Status.ACTIVE)
    if term:
        active = active.filter(course__term=term)
    return active.exclude(_was_accepted(Refusal.PREREQUISITE_MISSING)).filter(Exists(not_met))


def find_over_limit(term: Term | None = None) -> QuerySet[Enrollment, tuple[int, int]]:
    """Pairs of ids: students, and terms in which they take more credits than they may.

    Students for whom the limit was overridden in an active enrollment are left out.
    """
    active = Q(status=Status.ACTIVE)
    limits = CreditLimit.objects.filter(
        student=OuterRef("student"), term=OuterRef("course__term")
    ).order_by()
    counted = Enrollment.objects.filter(status__in=COUNTED_STATUSES).order_by()
    if term:
        counted = counted.filter(course__term=term)
    # Null where there is no limit: nothing is greater.
    limit = Case(
        When(Exists(limits), then=Subquery(limits.values("max_credits"))),
        default=Max("course__term__max_credits"),
    )
    loads = counted.values("student", "course__term").annotate(
        credits=Sum("course__credits"),
        last_day=Max(LAST_DAY, filter=active & Q(course__credits__gt=0)),
        accepted=Count("pk", filter=active & _was_accepted(Refusal.CREDIT_LIMIT)),
    )
    over = loads.filter(credits__gt=limit, last_day__gte=timezone.localdate(), accepted=0)
    return over.values_list("student", "course__term")


def filter_over_limit(rows: QuerySet[Student], term: Term) -> QuerySet[Student]:
    """Those of `rows` who take more credits in a term than they may."""
    return rows.filter(pk__in=find_over_limit(term).values("student"))


def _find_active_in(courses: Collection[int]) -> QuerySet[Enrollment]:
    """The active enrollments in courses with these ids, in no order."""
    in_courses = InIdList("course", IdList([*courses]))
    return Enrollment.objects.filter(in_courses, status=Status.ACTIVE).order_by()


def _find_courses(courses: QuerySet[Course], term: Term | None) -> dict[int, str]:
    """The ids and codes of those of `courses` that are not over.

    With `term`, only those that may share a day with one of the term.
    """
    today = timezone.localdate()
    is_not_over = Q(ends_on__gte=today) | Q(ends_on=None, term__ends_on__gte=today)
    first_day = Coalesce("starts_on", "term__starts_on")
    last_day = Coalesce("ends_on", "term__ends_on")
    found = courses.filter(is_not_over).order_by()
    rows = list(found.values_list("pk", "code", "term", first_day, last_day))
    of_term = [row for row in rows if term is None or row[2] == term.pk]
    if not of_term:
        return {}
    first, last = min(row[3] for row in of_term), max(row[4] for row in of_term)
    return {
        pk: code
        for pk, code, _term, starts_on, ends_on in rows
        if starts_on <= last and ends_on >= first
    }


def _find_active(rows: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    """Those of `rows` that are active in courses that are not over, with the dates of these."""
    return rows.alias(first_day=FIRST_DAY, last_day=LAST_DAY).filter(
        status=Status.ACTIVE, last_day__gte=timezone.localdate()
    )


def _find_not_overridden(
    rows: QuerySet[Enrollment], refusal: Refusal, term: Term | None = None
) -> QuerySet[Enrollment]:
    """Those of `rows` that are active in courses that are not over, without this override."""
    found = _find_active(rows).exclude(_was_accepted(refusal))
    return found.filter(course__term=term) if term else found


def _was_accepted(refusal: Refusal) -> Q:
    # Django has no lookup for an element of a list in JSON that both databases know.
    return Q(Contains(Cast("overridden", TextField()), Value(f'"{refusal}"')))


def _find_others(refusal: Refusal) -> QuerySet[Enrollment]:
    """A subquery of the student's other enrollments in courses that have a day in common."""
    rows = _find_not_overridden(Enrollment.objects.order_by(), refusal)
    at_the_same_time = Q(first_day__lte=OuterRef("last_day"), last_day__gte=OuterRef("first_day"))
    return rows.filter(at_the_same_time, student=OuterRef("student")).exclude(pk=OuterRef("pk"))


def _filter_with_other(
    rows: QuerySet[Enrollment], others: QuerySet[Enrollment], students: QuerySet[Enrollment, int]
) -> QuerySet[Enrollment]:
    """Those of `rows` for which the subquery `others` has a row: all of them are of `students`.

    `students` are read first: in one query with `others`, PostgreSQL would compare all enrollments.
    """
    ids = list(students.order_by("student")[: MAX_STUDENTS + 1])
    if not ids:
        return rows.none()
    if len(ids) <= MAX_STUDENTS:
        rows = rows.filter(InIdList("student", IdList(ids)))
    # PostgreSQL would read all others at once for a condition that is only EXISTS.
    return rows.filter(Case(When(Exists(others), then=Value(True)), default=Value(False)))
