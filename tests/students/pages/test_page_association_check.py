"""The association form before it is sent: previews, pasted lists, skipped full courses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from students.pages.pasted_list import MAX_LINES

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def url(student: Student) -> str:
    return f"/students/{student.pk}/courses/"


@pytest.fixture
def full() -> Course:
    course = CourseFactory.create(code="FULL", capacity=1)
    enrolled(StudentFactory.create(), course)
    return course


def results(answer: Any) -> dict[str, str]:
    rows = [*answer.context["chosen"], *answer.context["found"]]
    return {choice.row.code: choice.result.outcome for choice in rows if choice.result}


def outcomes(answer: Any) -> dict[Course, str]:
    """Return the outcome in words of each chosen course."""
    return {
        choice.row: choice.outcome
        for choice in (*answer.context["chosen"], *answer.context["found"])
        if choice.result
    }


class TestCheck:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_shows_outcomes_and_writes_nothing(
        self, clerk: Client, student: Student, url: str, full: Course, method: str
    ) -> None:
        free = CourseFactory.create(code="FREE")
        address = url if method == "get" else f"{url}?do=check"
        answer = getattr(clerk, method)(address, {"courses": [free.pk, full.pk]})
        assert answer.status_code == 200
        assert results(answer) == {"FREE": "created", "FULL": "refused"}
        text = answer.content.decode()
        assert "would be: enrolled" in text
        assert "FULL" in text
        assert "is full: 1 of 1 seats are taken." in text
        assert "Nobody was enrolled" not in text
        assert not student.enrollments.exists()
        assert not Enrollment.history.filter(student=student).exists()

    def test_applies_the_options(self, clerk: Client, url: str, full: Course) -> None:
        answer = clerk.get(f"{url}?courses={full.pk}&on_full=waitlist")
        assert results(answer) == {"FULL": "waitlisted"}
        assert "on the waitlist, place 1" in answer.content.decode()

    def test_offers_to_override_before_anything_is_sent(
        self, registrar: Client, clerk: Client, url: str, full: Course
    ) -> None:
        assert 'name="override"' in registrar.get(url, {"courses": [full.pk]}).content.decode()
        assert 'name="override"' not in clerk.get(url, {"courses": [full.pk]}).content.decode()
        assert results(registrar.get(f"{url}?courses={full.pk}&override=course_full")) == {
            "FULL": "created"
        }
        assert results(clerk.get(f"{url}?courses={full.pk}&override=course_full")) == {
            "FULL": "refused"
        }

    def test_a_ticked_row_keeps_its_place(self, clerk: Client, url: str, full: Course) -> None:
        other = CourseFactory.create(code="OTHER")
        answer = clerk.get(url, {"courses": [other.pk]})
        assert [choice.row for choice in answer.context["found"] if choice.chosen] == [other]
        answer = clerk.get(f"{url}?courses={other.pk}&q=full")
        assert [choice.row for choice in answer.context["chosen"]] == [other]


class TestPaste:
    def test_chooses_named_courses_and_lists_unknown_names(
        self, clerk: Client, student: Student, url: str
    ) -> None:
        over = TermFactory.create(
            code="OLD",
            starts_on=timezone.localdate() - timedelta(days=300),
            ends_on=timezone.localdate() - timedelta(days=200),
        )
        term, other = TermFactory.create(code="NOW"), TermFactory.create(code="NEXT")
        wanted = [CourseFactory.create(term=term, code=code) for code in ("A-1", "B 2", "C-3")]
        old = CourseFactory.create(term=over, code="A-1")
        for course_term in (term, other):
            CourseFactory.create(term=course_term, code="TWICE")
        text = "A-1, B 2\nC-3 X-9\r\nA-1 (OLD); TWICE\n\n\0"
        answer = clerk.post(f"{url}?do=check", {"paste": text})
        shown = [*answer.context["chosen"], *answer.context["found"]]
        assert {choice.row for choice in shown if choice.chosen} == {*wanted, old}
        assert answer.context["box"].text == "X-9\nTWICE"
        page = answer.content.decode()
        assert "Line 2: “X-9” names no course." in page
        assert "Line 3: “TWICE” may be one of several." in page
        assert not student.enrollments.exists()

        answer = clerk.post(f"{url}?do=check", {"paste": "TWICE", "term": "NEXT"})
        assert answer.context["box"].text == ""

    def test_is_read_when_the_form_is_sent(self, clerk: Client, student: Student, url: str) -> None:
        CourseFactory.create(code="A-1")
        answer = clerk.post(url, {"paste": "A-1 X-9"})
        assert answer.status_code == 422
        assert "“X-9” names no course" in answer.content.decode()
        assert not student.enrollments.exists()
        assert clerk.post(url, {"paste": "A-1"}).status_code == 302
        assert student.enrollments.get().course.code == "A-1"

    def test_finds_students_by_number_or_email(self, clerk: Client) -> None:
        course = CourseFactory.create()
        one, two = (
            StudentFactory.create(number="N 1"),
            StudentFactory.create(email="Two@School.example"),
        )
        StudentFactory.create()
        answer = clerk.post(
            f"/courses/{course.pk}/students/?do=check", {"paste": "N 1\ntwo@school.EXAMPLE\nnobody"}
        )
        shown = [*answer.context["chosen"], *answer.context["found"]]
        assert {choice.row for choice in shown if choice.chosen} == {one, two}
        assert "“nobody” is no student's number or email." in answer.content.decode()

    def test_the_longest_list_can_be_sent(self, clerk: Client) -> None:
        course = CourseFactory.create()
        students = StudentFactory.create_batch(MAX_LINES)
        url, sent = (
            f"/courses/{course.pk}/students/",
            {"paste": "\n".join(student.number for student in students)},
        )
        assert clerk.post(f"{url}?do=check", sent).status_code == 200
        assert (
            clerk.post(
                url, {"students": [student.pk for student in students], "on_full": "refuse"}
            ).status_code
            == 302
        )
        assert course.enrollments.count() == MAX_LINES

    def test_only_the_first_unknown_names_are_listed(self, clerk: Client, url: str) -> None:
        answer = clerk.post(f"{url}?do=check", {"paste": "word\n" * 50_000})
        assert answer.status_code == 200
        assert answer.content.count("“word” names no course".encode()) == 50
        assert "and 49950 more" in answer.content.decode()

    def test_a_long_list_takes_no_more_queries(
        self, clerk: Client, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        course = CourseFactory.create()
        students = StudentFactory.create_batch(30)
        with django_assert_max_num_queries(26):
            clerk.post(
                f"/courses/{course.pk}/students/?do=check",
                {"paste": "\n".join(student.number for student in students)},
            )


class TestSkip:
    def test_enrolls_the_others_and_names_the_skipped_course(
        self, clerk: Client, student: Student, url: str, full: Course
    ) -> None:
        free = CourseFactory.create(code="FREE")
        answer = clerk.post(url, {"courses": [full.pk, free.pk], "on_full": "skip"})
        assert answer.status_code == 302
        text = clerk.get(answer["Location"]).content.decode()
        assert f"{student}, left out because the course is full: FULL" in text
        assert f"{student}, enrolled: FREE" in text
        assert [row.course for row in student.enrollments.all()] == [free]

    def test_preview_and_result_use_the_same_words(
        self, clerk: Client, url: str, full: Course
    ) -> None:
        free, closed = CourseFactory.create(), CourseFactory.create(is_open=False)
        sent = {"courses": [full.pk, free.pk], "on_full": "skip"}
        answer = clerk.post(f"{url}?do=check", sent)
        assert outcomes(answer) == {full: "left out because the course is full", free: "enrolled"}
        assert answer.context["refusals"] == []
        for answer in (
            clerk.post(url, {**sent, "courses": [full.pk, free.pk, closed.pk]}),
            clerk.post(url, {**sent, "paste": "X-1"}),
        ):
            assert answer.status_code == 422
            assert outcomes(answer)[full] == "left out because the course is full"

    def test_names_the_skipped_students(self, clerk: Client) -> None:
        course, students = CourseFactory.create(capacity=1), StudentFactory.create_batch(3)
        answer = clerk.post(
            f"/courses/{course.pk}/students/",
            {"students": [student.pk for student in students], "on_full": "skip"},
            follow=True,
        )
        named = ", ".join(sorted(map(str, students[1:])))
        [message] = [
            str(message) for message in answer.context["messages"] if message.level_tag == "warning"
        ]
        words, _colon, names = message.partition(": ")
        assert words == f"{course}, left out because the course is full"
        assert ", ".join(sorted(names.removesuffix(".").split(", "))) == named

    def test_skips_only_full_courses(
        self, clerk: Client, student: Student, url: str, full: Course
    ) -> None:
        closed = CourseFactory.create(is_open=False)
        assert (
            clerk.post(url, {"courses": [full.pk, closed.pk], "on_full": "skip"}).status_code == 422
        )
        assert not student.enrollments.exists()

    def test_all_courses_full_gives_a_message(
        self, clerk: Client, student: Student, url: str, full: Course
    ) -> None:
        answer = clerk.post(url, {"courses": [full.pk], "on_full": "skip"}, follow=True)
        assert f"{student}, left out because the course is full: FULL" in answer.content.decode()
        assert not student.enrollments.exists()


def test_the_option_to_wait_does_not_skip(
    clerk: Client, student: Student, url: str, full: Course
) -> None:
    clerk.post(url, {"courses": [full.pk], "on_full": "waitlist"})
    assert student.enrollments.get().status == Status.WAITLISTED
