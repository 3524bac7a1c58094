"""What a student takes in each term, in credits."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from core.db.fields import ComputedDecimalField
from core.db.parameters import Parameter
from courses.models import Term
from students.models import COUNTED_STATUSES, CreditLimit, Enrollment

if TYPE_CHECKING:
    from courses.models import TermQuerySet


def find_loads(student: int | Parameter, today: date | Parameter) -> TermQuerySet:
    """The terms that are not over and in which the student takes courses or has a credit limit.

    `student` is an id. Each term has `credits`, the sum of active and completed courses, and `max`,
    the credits that the student may take; None: no limit.
    """
    limits = CreditLimit.objects.filter(student=student, term=OuterRef("pk")).order_by()
    counted = Enrollment.objects.filter(
        student=student, course__term=OuterRef("pk"), status__in=COUNTED_STATUSES
    ).order_by()
    sums = counted.values("course__term").annotate(sum=Sum("course__credits")).values("sum")
    own_limit = When(Exists(limits), then=Subquery(limits.values("max_credits")))
    rows: Any = Term.objects.filter(
        Q(Exists(counted)) | Q(Exists(limits)), ends_on__gte=today
    ).annotate(
        credits=Coalesce(Subquery(sums), Value(0), output_field=_credits(9)),
        max=Case(own_limit, default=F("max_credits"), output_field=_credits(5)),
    )
    found: TermQuerySet = rows.order_by("starts_on", "pk")
    return found


def _credits(max_digits: int) -> ComputedDecimalField:
    return ComputedDecimalField(max_digits=max_digits, decimal_places=2)
