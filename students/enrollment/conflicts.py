"""Active enrollments that a rule would refuse today, because they came before it or a change."""

from collections.abc import Iterator
from itertools import combinations, groupby

from django.db.models import Count, Q
from django.utils import timezone

from students.enrollment.rules import Refusal
from students.models import Enrollment, Status

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
