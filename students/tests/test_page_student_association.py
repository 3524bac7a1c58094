"""`/students/{id}/courses/`: the association form from the student's side."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from students.story import changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create(first_name="Ann", last_name="Lee")


@pytest.fixture
def url(student: Student) -> str:
    return f"/students/{student.pk}/courses/"


def rows(answer: Any) -> dict[str, list[int]]:
    """The ids of the courses that the form shows as chosen and as found."""
    return {name: [choice.row.pk for choice in answer.context[name]] for name in ("chosen", "found")}


def ticked(answer: Any) -> list[int]:
    boxes = [part.partition(">")[0] for part in answer.content.decode().split('<input type="checkbox"')[1:]]
    return [int(box.split('value="')[1].partition('"')[0]) for box in boxes if 'name="courses"' in box and "checked" in box]


class TestShow:
    def test_the_student_the_current_courses_and_what_there_is_to_choose(self, clerk: Client, student: Student, url: str) -> None:
        held = enrolled(student, CourseFactory.create(code="HELD-1")).course
        term = TermFactory.create(code="X", enrollment_opens_on=timezone.localdate() + timedelta(days=2), starts_on=timezone.localdate())
        course = CourseFactory.create(code="FREE-1", capacity=30, is_open=False, term=term)
        enrolled(StudentFactory.create(), held)
        answer = clerk.get(url)
        text = answer.content.decode()
        assert answer.status_code == 200
        for words in ("Ann Lee", "HELD-1", "FREE-1", "0 / 30", "closed", "not yet", str(term.enrollment_opens_on)):
            assert words in text
        assert f'name="courses" value="{course.pk}"' in " ".join(text.split())

    def test_a_course_that_the_student_has_cannot_be_chosen_again_but_a_withdrawn_one_can(self, clerk: Client, student: Student, url: str) -> None:
        for status in (Status.ACTIVE, Status.COMPLETED, Status.WITHDRAWN):
            enrolled(student, CourseFactory.create(), status)
        settled = {choice.status: choice.is_settled for choice in clerk.get(url).context["found"]}
        assert settled == {Status.ACTIVE: True, Status.COMPLETED: True, Status.WITHDRAWN: False}

    def test_search_and_term_narrow_it(self, clerk: Client, url: str) -> None:
        term = TermFactory.create(code="T-A")
        biology, chemistry, later = (
            CourseFactory.create(title="Biology", term=term),
            CourseFactory.create(title="Chemistry", term=term),
            CourseFactory.create(title="Biology"),
        )
        assert set(rows(clerk.get(url, {"q": "bio"}))["found"]) == {biology.pk, later.pk}
        assert rows(clerk.get(url, {"q": "bio", "term": "T-A"}))["found"] == [biology.pk]
        assert set(rows(clerk.get(url, {"term": "T-A"}))["found"]) == {biology.pk, chemistry.pk}
        assert "Nothing was found" in clerk.get(url, {"q": "zoo"}).content.decode()

    def test_what_was_chosen_stays_chosen_across_a_search(self, clerk: Client, url: str) -> None:
        chosen, other = CourseFactory.create(title="Biology"), CourseFactory.create(title="Chemistry")
        answer = clerk.get(url, {"q": "chem", "courses": [str(chosen.pk), "x", "\0", str(2**70)]})
        assert rows(answer) == {"chosen": [chosen.pk], "found": [other.pk]}
        assert ticked(answer) == [chosen.pk]

    def test_pages_have_every_course_once(self, clerk: Client, url: str) -> None:
        term = TermFactory.create()
        made = [course.pk for course in CourseFactory.create_batch(45, term=term)]
        seen, cursor = [], ""
        while cursor is not None:
            answer = clerk.get(url, {"cursor": cursor} if cursor else {})
            seen += rows(answer)["found"]
            cursor = answer.context["page"].next
        assert sorted(seen) == sorted(made)

    def test_the_token_of_the_form_is_not_in_the_address_of_a_search(self, clerk: Client, url: str) -> None:
        text = " ".join(clerk.get(url).content.decode().split())
        form = text[text.index('<form method="get"') :]
        assert form.count("csrfmiddlewaretoken") == 1
        assert '<button type="submit" formmethod="post" name="csrfmiddlewaretoken"' in form

    def test_it_asks_a_bounded_number_of_queries(self, clerk: Client, student: Student, url: str, django_assert_max_num_queries: Callable[[int], Any]) -> None:
        for course in CourseFactory.create_batch(6, capacity=2):
            enrolled(student, course)
        ids = [course.pk for course in CourseFactory.create_batch(6)]
        with django_assert_max_num_queries(12):
            clerk.get(url, {"courses": ids})


class TestEnroll:
    def test_every_course_is_named_with_its_outcome(self, clerk: Client, student: Student, url: str) -> None:
        new, again, held = CourseFactory.create(code="NEW"), CourseFactory.create(code="AGAIN"), CourseFactory.create(code="HELD")
        enrolled(student, again, Status.WITHDRAWN)
        enrolled(student, held)
        answer = clerk.post(url, {"courses": [new.pk, again.pk, held.pk]})
        assert (answer.status_code, answer["Location"]) == (302, f"/students/{student.pk}/")
        text = clerk.get(answer["Location"]).content.decode()
        for words in (f"enrolled: {new}.", f"enrolled again: {again}.", f"nothing to change: {held}."):
            assert words in text
        assert set(student.enrollments.filter(status="active").values_list("course", flat=True)) == {new.pk, again.pk, held.pk}

    def test_a_course_named_twice_is_enrolled_once(self, clerk: Client, student: Student, url: str) -> None:
        course = CourseFactory.create()
        assert clerk.post(url, {"courses": [course.pk, f"0{course.pk}"]}).status_code == 302
        assert changes().count() == 1

    def test_the_history_says_who_and_through_which_door(self, clerk: Client, url: str) -> None:
        clerk.post(url, {"courses": [CourseFactory.create().pk]})
        record = changes().get()
        assert (record.history_user, record.door, record.before, record.status) == (User.objects.get(username="clerk"), "staff", None, "active")


def closed(course: Course) -> str:
    Course.objects.filter(pk=course.pk).update(is_open=False)
    return f"{course} is closed."


def full(course: Course) -> str:
    Course.objects.filter(pk=course.pk).update(capacity=0)
    return f"{course} is full: 0 of 0 seats are taken."


def too_early(course: Course) -> str:
    course.term.enrollment_opens_on = timezone.localdate() + timedelta(days=1)
    course.term.save()
    return f"Enrollment for {course.term} opens on {course.term.enrollment_opens_on}."


def too_late(course: Course) -> str:
    course.term.enrollment_closes_on = timezone.localdate() - timedelta(days=1)
    course.term.save()
    return f"Enrollment for {course.term} closed on {course.term.enrollment_closes_on}."


class TestRefused:
    @pytest.mark.parametrize("refuse", [closed, full, too_early, too_late])
    def test_each_reason_is_said_beside_its_course_and_nothing_is_written(
        self, clerk: Client, student: Student, url: str, refuse: Callable[[Course], str]
    ) -> None:
        good, bad = CourseFactory.create(code="GOOD"), CourseFactory.create(code="BAD")
        words = refuse(bad)
        answer = clerk.post(url, {"courses": [good.pk, bad.pk]})
        assert answer.status_code == 422
        text = " ".join(answer.content.decode().split())
        assert text.count(words) == 2  # in the summary, and in the row
        assert f'<a href="#choice-{bad.pk}">{bad}</a>' in text
        assert f'aria-invalid="true" aria-describedby="remarks-{bad.pk}"' in text
        assert text.count('aria-invalid="true"') == 1
        assert "would be: enrolled" in text
        assert sorted(ticked(answer)) == [good.pk, bad.pk]
        assert not Enrollment.objects.exists()

    def test_an_inactive_student(self, clerk: Client, student: Student, url: str) -> None:
        Student.objects.filter(pk=student.pk).update(is_active=False)
        answer = clerk.post(url, {"courses": [CourseFactory.create().pk]})
        assert answer.status_code == 422
        assert f"{student} is not active." in answer.content.decode()

    def test_every_reason_of_one_course_is_said(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create()
        reasons = [closed(course), full(course)]
        text = clerk.post(url, {"courses": [course.pk]}).content.decode()
        assert all(text.count(words) == 2 for words in reasons)

    def test_the_search_is_kept_too(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create(is_open=False, term=TermFactory.create(code="T-A"))
        text = " ".join(clerk.post(url, {"courses": [course.pk], "q": "zoo", "term": "T-A", "has_seats": "on"}).content.decode().split())
        assert 'value="zoo"' in text
        assert '<option value="T-A" selected>' in text
        assert 'id="id_has_seats" checked' in text

    def test_a_course_that_filled_up_meanwhile(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create(capacity=1)
        assert course.pk in rows(clerk.get(url))["found"]
        enrolled(StudentFactory.create(), course)
        answer = clerk.post(url, {"courses": [course.pk]})
        assert answer.status_code == 422
        assert f"{course} is full: 1 of 1 seats are taken." in answer.content.decode()

    def test_nothing_chosen(self, clerk: Client, url: str) -> None:
        answer = clerk.post(url, {"q": "bio"})
        assert answer.status_code == 422
        assert "Choose at least one course." in answer.content.decode()
        assert 'value="bio"' in answer.content.decode()

    @pytest.mark.parametrize("text", ["x", "-1", "0", "1.0", "²", "\0", str(2**63), "9" * 5000, " 1", "<b>"])
    def test_what_is_not_an_id(self, clerk: Client, url: str, text: str) -> None:
        course = CourseFactory.create()
        answer = clerk.post(url, {"courses": [course.pk, text]})
        assert answer.status_code == 422
        assert "is not an id." in answer.content.decode()
        assert "<b>” is not" not in answer.content.decode()
        assert ticked(answer) == [course.pk]
        assert not Enrollment.objects.exists()

    def test_an_unknown_course(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create()
        answer = clerk.post(url, {"courses": [course.pk, 2**63 - 1]})
        assert answer.status_code == 422
        assert f"There is no course with the id {2**63 - 1}." in answer.content.decode()
        assert ticked(answer) == [course.pk]
        assert not Enrollment.objects.exists()
