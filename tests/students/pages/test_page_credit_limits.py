"""`/students/{id}/credit-limits/`: the credits that one student may take in a term."""

from decimal import Decimal

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Term
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Status, Student
from tests.admin_page import submit
from tests.page_text import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def term() -> Term:
    return TermFactory.create(code="FA", max_credits=3)


def test_a_limit_is_set_changed_and_removed_with_its_history(
    registrar: Client, student: Student, term: Term
) -> None:
    path = f"/students/{student.pk}/credit-limits/"
    fields = {"term": str(term.pk), "max_credits": "21", "reason": "Honours programme"}
    assert submit(registrar, f"{path}new/", fields)["Location"] == path
    limit = CreditLimit.objects.get()
    assert (limit.student, limit.term, limit.max_credits) == (student, term, Decimal(21))
    page = text_of(registrar.get(f"/students/{student.pk}/").content.decode())
    assert "In FA this student may take 21 credits. Honours programme" in page

    changes = {"max_credits": "", "change_reason": "Asked by the dean"}
    assert submit(registrar, f"{path}{limit.pk}/edit/", changes).status_code == 302
    page = text_of(registrar.get(f"/students/{student.pk}/").content.decode())
    assert "In FA this student may take any number of credits." in page

    answer = submit(registrar, f"{path}{limit.pk}/remove/", {"reason": "Over"})
    assert answer["Location"] == path
    assert not CreditLimit.objects.exists()
    answer = registrar.get(path)
    assert [record.history_type for record in answer.context["history"].rows] == ["-", "~", "+"]
    text = text_of(answer.content.decode())
    for words in ("The limits of the terms hold.", "Asked by the dean", "Over", "21", "no limit"):
        assert words in text


def test_a_second_limit_for_a_term_is_an_error(
    registrar: Client, student: Student, term: Term
) -> None:
    CreditLimit.objects.create(student=student, term=term, max_credits=5)
    path = f"/students/{student.pk}/credit-limits/new/"
    answer = submit(registrar, path, {"term": str(term.pk), "max_credits": "7", "reason": "More"})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["term"]
    assert 'value="More"' in answer.content.decode()


def test_changing_and_removing_a_limit_moves_the_waitlists(
    registrar: Client, student: Student, term: Term
) -> None:
    limit = CreditLimit.objects.create(student=student, term=term, max_credits=3)
    courses = CourseFactory.create_batch(2, term=term, credits=3, capacity=1)
    waiting = []
    for course in courses:
        enrolled(StudentFactory.create(), course)
        waiting.append(enrolled(student, course, Status.WAITLISTED))
        course.capacity = 2
    enrolled(student, CourseFactory.create(term=term, credits=3))
    for course in courses:
        course.save()
    path = f"/students/{student.pk}/credit-limits/{limit.pk}/"
    for row in waiting:
        row.refresh_from_db()
        assert row.status == Status.WAITLISTED
    submit(registrar, f"{path}edit/", {"max_credits": "6"})
    waiting[0].refresh_from_db()
    assert waiting[0].status == Status.ACTIVE
    Term.objects.update(max_credits=9)
    submit(registrar, f"{path}remove/", {})
    waiting[1].refresh_from_db()
    assert waiting[1].status == Status.ACTIVE


def test_what_is_not_there_is_404(registrar: Client, student: Student, term: Term) -> None:
    limit = CreditLimit.objects.create(student=StudentFactory.create(), term=term)
    path = f"/students/{student.pk}/credit-limits/{limit.pk}/"
    for other in ("/students/404/credit-limits/", "/students/404/credit-limits/new/"):
        assert registrar.get(other).status_code == 404
    for verb in ("edit", "remove"):
        assert registrar.get(f"{path}{verb}/").status_code == 404
        assert registrar.post(f"{path}{verb}/", {}).status_code == 404
    assert CreditLimit.objects.get() == limit
