"""manage.py import_csv credit_limits."""

from decimal import Decimal

import pytest

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "student_number,term_code,max_credits"


def test_are_created_changed_and_recorded() -> None:
    term = TermFactory.create(code="FA")
    students = [StudentFactory.create(number=f"D-{number}") for number in range(3)]
    changed = CreditLimit.objects.create(student=students[0], term=term, reason="Honours")
    text = f"{HEADER},reason\nD-0,FA,21.5,Honours\nD-1,FA,,\nD-2,FA,0,Part time\n"
    expected = "credit_limits: 2 created, 1 changed, 0 unchanged"
    assert import_csv("credit_limits", text) == expected
    assert import_csv("credit_limits", text).endswith("0 created, 0 changed, 3 unchanged")
    limits = CreditLimit.objects.order_by("student__number")
    assert list(limits.values_list("max_credits", "reason")) == [
        (Decimal("21.50"), "Honours"),
        (None, ""),
        (Decimal(0), "Part time"),
    ]
    records = CreditLimit.history.filter(id=changed.pk).order_by("history_id")
    assert [(record.history_type, record.door) for record in records][1:] == [("~", "import")]
    # Without the column, the reason stays.
    import_csv("credit_limits", f"{HEADER}\nD-0,FA,20")
    changed.refresh_from_db()
    assert (changed.max_credits, changed.reason) == (Decimal(20), "Honours")


def test_bad_lines_are_named_and_nothing_is_written() -> None:
    TermFactory.create(code="FA")
    StudentFactory.create(number="D-1")
    lines = ["D-9,FA,3", "D-1,SP,3", "D-1,FA,-1", "D-1,FA,many", "D-1,FA,3", "D-1,FA,4"]
    assert faults_of("credit_limits", "\n".join([HEADER, *lines])) == [
        "line 2, student_number 'D-9': There is none with this code or number.",
        "line 3, term_code 'SP': There is none with this code or number.",
        "line 4, max_credits '-1': Ensure this value is greater than or equal to 0.",
        "line 5, max_credits 'many': “many” value must be a decimal number.",
        "line 7, term_code 'FA': The same one is on line 6 already.",
    ]
    assert not CreditLimit.objects.exists()


def test_a_higher_limit_moves_the_waitlists() -> None:
    term = TermFactory.create(code="FA", max_credits=2)
    course = CourseFactory.create(term=term, credits=2, capacity=0)
    student = StudentFactory.create(number="D-1")
    enrolled(student, course, Status.WAITLISTED)
    Course.objects.filter(pk=course.pk).update(credits=3, capacity=1)
    import_csv("credit_limits", f"{HEADER}\nD-1,FA,2.5")
    assert Enrollment.objects.get().status == "waitlisted"
    import_csv("credit_limits", f"{HEADER}\nD-1,FA,3")
    assert Enrollment.objects.get().status == "active"
