"""Which enrollments and students are found that a rule would refuse today."""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.meetings import find_hours, find_overlap
from courses.models import Course, Term
from courses.requirements import read_requirements
from students.enrollment import service
from students.enrollment.conflicts import (
    filter_clashing,
    filter_doubled,
    filter_over_limit,
    filter_with_open_prerequisites,
)
from students.enrollment.rules import OVERRIDABLE, Refusal
from students.enrollment.transitions import EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status, Student

pytestmark = pytest.mark.django_db
SEEDS = range(6)


def change(course: Course, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(course, name, value)
    course.save()


def meets_when(first: Course, second: Course) -> bool:
    return bool(find_overlap(find_hours(first.meetings), find_hours(second.meetings)))


def is_section_of(first: Course, second: Course) -> bool:
    return first.code == second.code and not (first.repeatable or second.repeatable)


def make_enrollments(random: random.Random, terms: list[Term]) -> None:
    """Enrollments in courses that meet, or are sections of one another, only afterwards."""
    courses = [CourseFactory.create(term=random.choice(terms)) for _ in range(12)]
    students = StudentFactory.create_batch(5)
    for student in students:
        for course in random.sample(courses, 6):
            status = random.choice([*[Status.ACTIVE] * 6, Status.COMPLETED, Status.WITHDRAWN])
            if status != Status.ACTIVE:
                enrolled(student, course)
            enrolled(student, course, status)
    for course in courses:
        hour = random.randrange(8, 12)
        days = random.choice(["Mon", "Mon Wed", "Wed Fri"])
        start = course.term.starts_on + timedelta(days=random.randrange(60))
        change(
            course,
            code=f"C{random.randrange(3)}",
            section=f"S{course.pk}",
            repeatable=random.random() < 0.2,
            meetings=random.choice([f"{days} {hour}:00-{hour + 1}:30", f"Wed {hour}:30-12:45", ""]),
            starts_on=random.choice([None, start]),
            ends_on=random.choice([None, start + timedelta(days=random.randrange(40))]),
        )
    # Nothing is refused, and the overrides that were needed are kept.
    override = Options(override=OVERRIDABLE, check_window=False)
    changes = [
        EnrollmentChange(student.pk, course.pk)
        for student in students
        for course in random.sample(courses, 3)
    ]
    service.apply_changes(changes, override)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("find", "refusal", "conflict"),
    [
        (filter_clashing, Refusal.TIME_CONFLICT, meets_when),
        (filter_doubled, Refusal.ALREADY_TAKING, is_section_of),
    ],
)
def test_finds_what_comparing_each_pair_finds(
    seed: int, find: Any, refusal: Refusal, conflict: Any
) -> None:
    terms = TermFactory.create_batch(2)
    make_enrollments(random.Random(seed), terms)
    today = timezone.localdate()
    expected: dict[int, set[int]] = {term.pk: set() for term in terms}
    active = Enrollment.objects.filter(status=Status.ACTIVE).select_related("course__term")
    for row, other in permutations(active, 2):
        is_accepted = refusal in (*row.overridden, *other.overridden)
        if (
            row.student_id == other.student_id
            and row.course.overlaps(other.course)
            and conflict(row.course, other.course)
            and today <= min(row.course.last_day, other.course.last_day)
            and not is_accepted
        ):
            expected[row.course.term_id].add(row.pk)
    for term in terms:
        assert (
            set(find(Enrollment.objects.all(), term).values_list("pk", flat=True))
            == expected[term.pk]
        )


@pytest.mark.parametrize("find", [filter_clashing, filter_doubled])
def test_finds_the_same_where_too_many_students_may_have_a_conflict(
    find: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_enrollments(random.Random(0), TermFactory.create_batch(2))
    few = set(find(Enrollment.objects.all()))
    assert few
    monkeypatch.setattr("students.enrollment.conflicts.MAX_STUDENTS", 1)
    assert set(find(Enrollment.objects.all())) == few


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_the_prerequisites_that_are_not_completed(seed: int) -> None:
    rng = random.Random(seed)
    terms = TermFactory.create_batch(2)
    make_enrollments(rng, terms)
    codes = [f"C{number}" for number in range(4)]
    courses = Course.objects.select_related("term")
    for course in courses:
        alternatives = [" | ".join(rng.sample(codes, rng.randint(1, 2))) for _ in range(2)]
        change(course, prerequisites=", ".join(alternatives[: rng.randrange(3)]))
    accept = Options(override=OVERRIDABLE, check_window=False)
    wishes = [
        EnrollmentChange(student.pk, course.pk)
        for student in Student.objects.all()
        for course in rng.sample([*courses], 3)
    ]
    service.apply_changes(wishes, accept)
    rows = Enrollment.objects.select_related("course")
    completed = {
        (row.student_id, row.course.code) for row in rows if row.status == Status.COMPLETED
    }
    assert completed
    for term in terms:
        expected = {
            row.pk
            for row in rows
            if (row.status, row.course.term_id) == (Status.ACTIVE, term.pk)
            and Refusal.PREREQUISITE_MISSING not in row.overridden
            and any(
                not any((row.student_id, code) in completed for code in requirement.codes)
                for requirement in read_requirements(row.course.prerequisites)
            )
        }
        found = filter_with_open_prerequisites(Enrollment.objects.all(), term)
        assert sorted(found.values_list("pk", flat=True)) == sorted(expected)


class TestClashing:
    def test_leaves_out_both_where_one_was_accepted(self) -> None:
        first, second, third = CourseFactory.create_batch(
            3, term=TermFactory.create(), meetings="Mon 10:00-11:00"
        )
        student = StudentFactory.create()
        enrolled(student, first)
        accept = Options(override=["time_conflict"], check_window=False)
        service.apply_changes([EnrollmentChange(student.pk, second.pk)], accept)
        assert not filter_clashing(Enrollment.objects.all(), first.term).exists()
        change(third, meetings="")
        enrolled(student, third)
        change(third, meetings="Mon 10:30-12:00")
        # The second one was accepted with both; the other two clash.
        clashing = filter_clashing(Enrollment.objects.all(), first.term).values_list(
            "course", flat=True
        )
        assert set(clashing) == {first.pk, third.pk}

    def test_not_where_one_begins_when_the_other_ends(self) -> None:
        first, second = CourseFactory.create_batch(2, term=TermFactory.create())
        student = StudentFactory.create()
        enrolled(student, first)
        enrolled(student, second)
        change(first, meetings="Mon 10:00-10:50")
        change(second, meetings="Mon 10:50-11:40; Tue 10:00-10:50")
        assert not filter_clashing(Enrollment.objects.all(), first.term).exists()
        change(second, meetings="Mon 10:49-11:40")
        assert filter_clashing(Enrollment.objects.all(), first.term).count() == 2


class TestOverLimit:
    @pytest.fixture
    def term(self) -> Term:
        return TermFactory.create(max_credits=6)

    def take(self, term: Term, *statuses: str, student: Student | None = None) -> Student:
        student = student or StudentFactory.create()
        for status in statuses:
            # The limit comes to the term after the enrollments.
            course = CourseFactory.create(term=term, credits=0)
            enrolled(student, course)
            if status != Status.ACTIVE:
                enrolled(student, course, Status(status))
            change(course, credits=3)
        return student

    def find(self, term: Term) -> set[Student]:
        return set(filter_over_limit(Student.objects.all(), term))

    def test_counts_active_and_completed_courses_of_the_term(self, term: Term) -> None:
        other_term = TermFactory.create(max_credits=6)
        over = self.take(term, "active", "active", "completed")
        at_limit = self.take(term, "active", "completed", "withdrawn")
        self.take(other_term, "active", student=at_limit)
        assert self.find(term) == {over}
        assert self.find(other_term) == set()

    def test_until_all_courses_that_the_student_takes_are_over(self, term: Term) -> None:
        student = self.take(term, "active", "active", "active")
        one, *others = Course.objects.all()
        yesterday = timezone.localdate() - timedelta(days=1)
        for course in others:
            change(course, ends_on=yesterday)
        assert self.find(term) == {student}
        change(one, ends_on=yesterday)
        assert self.find(term) == set()

    def test_of_a_student_with_another_limit(self, term: Term) -> None:
        may_take_more, unlimited, may_take_less = (
            self.take(term, *["active"] * number) for number in (3, 3, 1)
        )
        assert self.find(term) == {may_take_more, unlimited}
        for student, limit in ((may_take_more, 9), (unlimited, None), (may_take_less, 2)):
            CreditLimit.objects.create(student=student, term=term, max_credits=limit)
        assert self.find(term) == {may_take_less}
        change_of_term = Term.objects.get(pk=term.pk)
        change_of_term.max_credits = None
        assert self.find(change_of_term) == {may_take_less}

    def test_leaves_out_those_for_whom_it_was_overridden(self, term: Term) -> None:
        student = self.take(term, "active", "active")
        course = CourseFactory.create(term=term, credits=Decimal("0.5"))
        accept = Options(override=["credit_limit"], check_window=False)
        service.apply_changes([EnrollmentChange(student.pk, course.pk)], accept)
        assert self.find(term) == set()
        service.withdraw([(student.pk, course.pk)])
        self.take(term, "active", student=student)
        assert self.find(term) == {student}
