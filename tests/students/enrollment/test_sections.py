"""Students in several sections of one course: what is refused, and who moves up where."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import (
    COMPLETE,
    REOPEN,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
)
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from tests.importing import faults_of

pytestmark = pytest.mark.django_db
WAIT = Options(waitlist=True)
TODAY = timezone.localdate()
LATER = TODAY + timedelta(days=900)


def make_sections(number: int = 2, **fields: Any) -> list[Course]:
    term = TermFactory.create()
    return [
        CourseFactory.create(code="CSE-8A", section=f"A0{place}", term=term, **fields)
        for place in range(1, number + 1)
    ]


def codes_of(student: Student, *courses: Course, **how: Any) -> list[list[str]]:
    """The codes of the refusals of each course, if the student asks for all of them."""
    changes = [EnrollmentChange(student.pk, course.pk) for course in courses]
    results = service.apply_changes(changes, all_or_nothing=False, **how)
    return [[str(error.code) for error in result.refusals] for result in results]


def statuses(student: Student, *courses: Course) -> list[str]:
    rows = dict(Enrollment.objects.filter(student=student).values_list("course", "status"))
    return [rows[course.pk] for course in courses]


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


class TestRefusal:
    def test_of_the_later_of_two_in_one_request(self, student: Student) -> None:
        assert codes_of(student, *make_sections()) == [[], ["already_taking"]]

    def test_names_each_other_section(self, student: Student) -> None:
        *taken, wanted = make_sections(3)
        service.enroll(
            [(student.pk, course.pk) for course in taken], Options(override=["already_taking"])
        )
        with pytest.raises(Refused) as refused:
            service.enroll([(student.pk, wanted.pk)])
        others = [(error.params or {})["other_id"] for error in refused.value.error_list]
        assert others == [course.pk for course in taken]

    def test_that_is_overridden_is_recorded_once(self, student: Student) -> None:
        *taken, wanted = make_sections(3)
        for course in (*taken, wanted):
            service.enroll([(student.pk, course.pk)], Options(override=["already_taking"]))
        row = Enrollment.objects.get(course=wanted)
        assert row.overridden == row.history.get().override == ["already_taking"]

    def test_not_of_another_code_or_other_dates_or_a_repeatable_course(
        self, student: Student
    ) -> None:
        first, second, repeatable = make_sections(3)
        Course.objects.filter(pk=first.pk).update(ends_on=TODAY)
        Course.objects.filter(pk=second.pk).update(starts_on=TODAY + timedelta(days=1))
        Course.objects.filter(pk=repeatable.pk).update(repeatable=True)
        assert codes_of(student, first, second, repeatable, CourseFactory.create()) == [[]] * 4

    def test_across_terms_where_the_dates_overlap(self, student: Student) -> None:
        first, second = CourseFactory.create(code="X"), CourseFactory.create(code="X")
        assert codes_of(student, first, second) == [[], ["already_taking"]]

    def test_not_for_sections_that_are_completed_withdrawn_or_waited_for(
        self, student: Student
    ) -> None:
        completed, withdrawn, waited_for, wanted = make_sections(4)
        Course.objects.filter(pk=waited_for.pk).update(capacity=0)
        for course, transition in ((completed, COMPLETE), (withdrawn, WITHDRAW)):
            service.enroll([(student.pk, course.pk)])
            service.apply_changes([EnrollmentChange(student.pk, course.pk, transition)])
        service.enroll([(student.pk, waited_for.pk)], WAIT)
        assert codes_of(student, wanted) == [[]]

    def test_not_of_a_completion_that_is_undone(self, student: Student) -> None:
        first, second = make_sections()
        service.enroll([(student.pk, first.pk)])
        service.apply_changes([EnrollmentChange(student.pk, first.pk, COMPLETE)])
        service.enroll([(student.pk, second.pk)])
        [result] = service.apply_changes([EnrollmentChange(student.pk, first.pk, REOPEN)])
        assert result.outcome == Outcome.REACTIVATED

    def test_is_previewed(self, student: Student) -> None:
        assert codes_of(student, *make_sections(), validate_only=True) == [[], ["already_taking"]]

    def test_in_a_file(self, student: Student) -> None:
        first = CourseFactory.create(code="X")
        second = CourseFactory.create(code="X")
        lines = [f"{student.number},{course.term.code},X" for course in (first, second)]
        text = "\n".join(["student_number,term_code,course_code", *lines])
        [fault] = faults_of("enrollments", text)
        assert f"{second} is the same course as {first}" in fault


class TestSwap:
    """One section for another in one request, whatever the order in it."""

    @pytest.fixture
    def sections(self, student: Student) -> list[Course]:
        sections = make_sections()
        service.enroll([(student.pk, sections[0].pk)])
        return sections

    @pytest.mark.parametrize("backwards", [False, True])
    def test_in_the_service(
        self, student: Student, sections: list[Course], backwards: bool
    ) -> None:
        changes = [
            EnrollmentChange(student.pk, sections[0].pk, WITHDRAW),
            EnrollmentChange(student.pk, sections[1].pk),
        ]
        if backwards:
            changes.reverse()
        results = service.apply_changes(changes)
        assert [result.change for result in results] == changes
        assert statuses(student, *sections) == ["withdrawn", "active"]

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("patch", lambda old, new: {"add": [new], "remove": [old]}),
            ("put", lambda _old, new: {"course_ids": [new]}),
        ],
    )
    def test_in_the_api(
        self,
        api: APIClient,
        student: Student,
        sections: list[Course],
        method: str,
        body: Callable[[int, int], dict[str, Any]],
    ) -> None:
        path = f"/api/v1/students/{student.pk}/courses"
        answer = getattr(api, method)(path, body(*(course.pk for course in sections)))
        assert answer.status_code == 200, answer.content
        assert statuses(student, *sections) == ["withdrawn", "active"]

    def test_is_made_whole_or_not_at_all(
        self, api: APIClient, student: Student, sections: list[Course]
    ) -> None:
        Course.objects.filter(pk=sections[1].pk).update(capacity=0)
        body = {"add": [sections[1].pk], "remove": [sections[0].pk]}
        answer = api.patch(f"/api/v1/students/{student.pk}/courses", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "course_full")
        assert statuses(student, sections[0]) == ["active"]


class TestWaiting:
    """A student waits in both sections, which are full."""

    @pytest.fixture
    def sections(self, student: Student) -> list[Course]:
        sections = make_sections(capacity=1)
        for course in sections:
            service.enroll([(StudentFactory.create().pk, course.pk)])
            service.enroll([(student.pk, course.pk)], WAIT)
        return sections

    def add_seats(self, *courses: Course) -> None:
        for course in courses:
            course.capacity = 2
            course.save()

    def test_gets_into_one_and_keeps_the_place_in_the_other(
        self, student: Student, sections: list[Course]
    ) -> None:
        later = StudentFactory.create()
        service.enroll([(later.pk, sections[1].pk)], WAIT)
        self.add_seats(*sections)
        assert statuses(student, *sections) == ["active", "waitlisted"]
        assert statuses(later, sections[1]) == ["active"]
        row = Enrollment.objects.with_position().get(student=student, course=sections[1])
        assert row.position == 1

    def test_moves_up_in_the_other_when_the_first_is_given_up(
        self, student: Student, sections: list[Course]
    ) -> None:
        self.add_seats(*sections)
        service.withdraw([(student.pk, sections[0].pk)])
        assert statuses(student, *sections) == ["withdrawn", "active"]

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"starts_on": LATER, "ends_on": LATER}, 0),
            ({"starts_on": LATER, "ends_on": LATER}, 1),
            ({"repeatable": True}, 1),
            ({"code": "CSE-8B"}, 0),
            ({"code": "CSE-8B"}, 1),
        ],
    )
    def test_moves_up_when_a_changed_course_allows_it(
        self, student: Student, sections: list[Course], change: dict[str, Any], place: int
    ) -> None:
        self.add_seats(*sections)
        course = Course.objects.get(pk=sections[place].pk)
        for name, value in change.items():
            setattr(course, name, value)
        course.save()
        assert statuses(student, *sections) == ["active", "active"]

    def test_moves_up_when_the_term_of_the_other_is_moved(self, student: Student) -> None:
        taken, waited_for = CourseFactory.create(code="X"), CourseFactory.create(code="X")
        Course.objects.filter(pk=waited_for.pk).update(capacity=0)
        service.enroll([(student.pk, waited_for.pk)], WAIT)
        service.enroll([(student.pk, taken.pk)])
        Course.objects.filter(pk=waited_for.pk).update(capacity=1)
        term = taken.term
        term.starts_on, term.ends_on = (TODAY + timedelta(days=days) for days in (500, 600))
        term.save()
        assert statuses(student, taken, waited_for) == ["active", "active"]

    def test_moves_up_in_both_with_an_override_that_was_given_while_waiting(
        self, student: Student, sections: list[Course]
    ) -> None:
        self.add_seats(sections[0])
        # It is needed only now that the student is active in the first section.
        changes = [EnrollmentChange(student.pk, sections[1].pk)]
        service.apply_changes(changes, Options(override=["already_taking"]))
        row = Enrollment.objects.get(student=student, course=sections[1])
        assert (row.status, row.overridden) == (Status.WAITLISTED, ["already_taking"])
        self.add_seats(sections[1])
        assert statuses(student, *sections) == ["active", "active"]

    def test_cannot_begin_where_the_course_is_not_full_alone(
        self, student: Student, sections: list[Course]
    ) -> None:
        third = CourseFactory.create(
            code=sections[0].code, section="A03", term=sections[0].term, capacity=0
        )
        self.add_seats(sections[0])
        with pytest.raises(Refused) as refused:
            service.enroll([(student.pk, third.pk)], WAIT)
        codes = [error.code for error in refused.value.error_list]
        assert codes == ["already_taking", "course_full"]
