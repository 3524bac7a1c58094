"""Shortcuts for views of the API and the staff pages."""

from django.http import Http404

from students.enrollment import service
from students.enrollment.transitions import (
    WITHDRAW,
    EnrollmentChange,
    Outcome,
    Refused,
    Result,
    Transition,
)


def withdraw_or_404(student_id: int, course_id: int, transition: Transition = WITHDRAW) -> Result:
    """Withdraw a student from a course. Raises Http404 without a current enrollment."""
    try:
        [result] = service.apply_changes([EnrollmentChange(student_id, course_id, transition)])
    except Refused as error:
        raise Http404 from error
    if result.outcome != Outcome.WITHDRAWN:
        raise Http404
    return result
