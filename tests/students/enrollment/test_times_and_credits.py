"""Courses that meet at the same time and limits of credits: who is refused, and who moves up."""

from collections.abc import Callable
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.transitions import COMPLETE, WITHDRAW, EnrollmentChange, Options, Refused
from students.factories import StudentFactory
from students.models import CreditLimit, Enrollment, Student
from tests.queries import executed_statements

pytestmark = pytest.mark.django_db
WAIT = Options(waitlist=True)
TODAY = timezone.localdate()
HOUR = "Mon 10:00-11:00"


def change(row: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def enroll(student: Student, *courses: Course, options: Options = WAIT) -> None:
    service.enroll([(student.pk, course.pk) for course in courses], options)


def end(student: Student, course: Course, transition: Any = WITHDRAW) -> None:
    service.apply_changes([EnrollmentChange(student.pk, course.pk, transition)])


def statuses(student: Student, *courses: Course) -> list[str]:
    rows = dict(Enrollment.objects.filter(student=student).values_list("course", "status"))
    return [rows.get(course.pk, "") for course in courses]


def codes_of(student: Student, *courses: Course, **how: Any) -> list[list[str]]:
    """The codes of the refusals of each course, if the student asks for all of them."""
    changes = [EnrollmentChange(student.pk, course.pk) for course in courses]
    results = service.apply_changes(changes, all_or_nothing=False, **how)
    return [[str(error.code) for error in result.refusals] for result in results]


@pytest.fixture
def student() -> Student:
    return StudentFactory.create()


@pytest.fixture
def term() -> Term:
    return TermFactory.create()


class TestRequest:
    def test_the_later_of_two_is_refused(self, student: Student, term: Term) -> None:
        change(term, max_credits=6)
        first, second, third = CourseFactory.create_batch(3, term=term)
        change(first, meetings=HOUR)
        change(second, meetings="Mon Tue 10:59-12:00")
        # The one that is refused counts for nobody: there are credits left for the third.
        assert codes_of(student, first, second, third) == [[], ["time_conflict"], []]
        assert statuses(student, first, second, third) == ["active", "", "active"]

    def test_all_or_nothing(self, student: Student, term: Term) -> None:
        change(term, max_credits=5)
        courses = CourseFactory.create_batch(2, term=term)
        with pytest.raises(Refused) as refused:
            enroll(student, *courses)
        assert [error.code for error in refused.value.error_list] == ["credit_limit"]
        assert statuses(student, *courses) == ["", ""]

    def test_reports_every_refusal_in_order(self, student: Student, term: Term) -> None:
        change(term, max_credits=8)
        section, other = (
            CourseFactory.create(term=term, code=code, section="1", meetings=HOUR)
            for code in ("LAT-1", "LAT-2")
        )
        enroll(student, section, other, options=Options(override=["time_conflict"]))
        wanted = CourseFactory.create(
            term=term, code="LAT-1", section="2", meetings=HOUR, capacity=0, is_open=False
        )
        Course.objects.filter(pk=wanted.pk).update(prerequisites=["GRE-1"])
        codes = [
            "course_closed",
            "prerequisite_missing",
            "already_taking",
            "time_conflict",
            "time_conflict",
            "credit_limit",
            "course_full",
        ]
        assert codes_of(student, wanted) == [codes]
        enroll(student, wanted, options=Options(override=codes))
        row = Enrollment.objects.get(course=wanted)
        assert row.overridden == [code for code in dict.fromkeys(codes) if code != "course_full"]

    def test_validate_only_writes_and_locks_nothing(self, student: Student, term: Term) -> None:
        change(term, max_credits=5)
        courses = CourseFactory.create_batch(2, term=term, meetings=HOUR)
        with CaptureQueriesContext(connection) as captured:
            codes = codes_of(student, *courses, validate_only=True)
        assert codes == [[], ["time_conflict", "credit_limit"]]
        statements = executed_statements(captured)
        assert statements
        assert all(statement.startswith("SELECT") for statement in statements)
        assert not any("FOR NO KEY UPDATE" in statement for statement in statements)
        assert not Enrollment.objects.exists()

    def test_a_completion_in_the_same_request_frees_the_hour_and_not_the_credits(
        self, student: Student, term: Term
    ) -> None:
        change(term, max_credits=6)
        old, new, more = CourseFactory.create_batch(3, term=term, meetings=HOUR)
        change(more, meetings="")
        enroll(student, old)
        results = service.apply_changes(
            [
                EnrollmentChange(student.pk, new.pk),
                EnrollmentChange(student.pk, more.pk),
                EnrollmentChange(student.pk, old.pk, COMPLETE),
            ],
            all_or_nothing=False,
        )
        codes = [[error.code for error in result.refusals] for result in results]
        assert codes == [[], ["credit_limit"], []]


@pytest.mark.parametrize("rule", ["time_conflict", "credit_limit"])
@pytest.mark.parametrize(
    ("method", "make_body"),
    [
        ("patch", lambda old, new: {"add": [new], "remove": [old]}),
        ("put", lambda _old, new: {"course_ids": [new]}),
    ],
)
def test_a_swap_in_one_request(
    api: APIClient,
    student: Student,
    term: Term,
    rule: str,
    method: str,
    make_body: Callable[[int, int], dict[str, Any]],
) -> None:
    if rule == "credit_limit":
        change(term, max_credits=5)
    meetings = HOUR if rule == "time_conflict" else ""
    old, new = CourseFactory.create_batch(2, term=term, meetings=meetings)
    enroll(student, old)
    path = f"/api/v1/students/{student.pk}/courses"
    answer = api.post(path, {"course_id": new.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, rule)
    answer = getattr(api, method)(path, make_body(old.pk, new.pk))
    assert answer.status_code == 200, answer.content
    assert statuses(student, old, new) == ["withdrawn", "active"]


@pytest.mark.parametrize("atomic", [True, False])
def test_a_list_of_enrollments_is_decided_in_its_order(
    api: APIClient, student: Student, term: Term, atomic: bool
) -> None:
    first, second = CourseFactory.create_batch(2, term=term, meetings=HOUR)
    pairs = [{"student_id": student.pk, "course_id": course.pk} for course in (first, second)]
    answer = api.post("/api/v1/enrollments", {"enrollments": pairs, "atomic": atomic})
    outcomes = [outcome["outcome"] for outcome in answer.json().get("outcomes", [])]
    if atomic:
        assert answer.status_code == 409
        [error] = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == ("time_conflict", "/enrollments/1/course_id")
        assert error["params"]["other_id"] == first.pk
        assert (error["params"]["from"], error["params"]["to"]) == ("10:00", "11:00")
    else:
        assert outcomes == ["created", "refused"]
    assert statuses(student, first, second) == ["" if atomic else "active", ""]


class Waiting:
    """A student who takes a course and waits for another one, in which a seat is free."""

    def __init__(self, rule: str) -> None:
        is_load = rule == "credit_limit"
        self.term = TermFactory.create(max_credits=5 if is_load else None)
        meetings = "" if is_load else HOUR
        self.taken, self.waited_for = CourseFactory.create_batch(
            2, term=self.term, meetings=meetings
        )
        Course.objects.filter(pk=self.waited_for.pk).update(capacity=0)
        self.student = StudentFactory.create()
        enroll(self.student, self.waited_for, self.taken)
        change(Course.objects.get(pk=self.waited_for.pk), capacity=1)
        assert self.statuses() == ["active", "waitlisted"]

    def statuses(self) -> list[str]:
        return statuses(self.student, self.taken, self.waited_for)

    def limit(self, max_credits: int | None) -> CreditLimit:
        return CreditLimit.objects.create(
            student=self.student, term=self.term, max_credits=max_credits
        )


LATER = {"starts_on": TODAY + timedelta(days=900), "ends_on": TODAY + timedelta(days=901)}


def raise_limit(scene: Waiting) -> None:
    limit = scene.limit(4)
    assert scene.statuses() == ["active", "waitlisted"]
    change(limit, max_credits=6)


def delete_limit(scene: Waiting) -> None:
    limit = scene.limit(5)
    change(scene.term, max_credits=6)
    assert scene.statuses() == ["active", "waitlisted"]
    limit.delete()


def move_to_another_term(scene: Waiting) -> None:
    change(scene.taken, term=TermFactory.create())


MOVES: list[tuple[str, Callable[[Waiting], Any]]] = [
    ("time_conflict", lambda scene: change(scene.taken, meetings="Mon 11:00-12:00")),
    ("time_conflict", lambda scene: change(scene.taken, meetings=[])),
    ("time_conflict", lambda scene: change(scene.waited_for, meetings="Tue 10:00-11:00")),
    ("time_conflict", lambda scene: change(scene.taken, **LATER)),
    ("time_conflict", lambda scene: change(scene.waited_for, **LATER)),
    ("time_conflict", lambda scene: end(scene.student, scene.taken)),
    ("time_conflict", lambda scene: end(scene.student, scene.taken, COMPLETE)),
    ("credit_limit", lambda scene: change(scene.taken, credits=2)),
    ("credit_limit", lambda scene: change(scene.waited_for, credits=2)),
    ("credit_limit", lambda scene: change(scene.waited_for, credits=0)),
    ("credit_limit", lambda scene: change(scene.term, max_credits=6)),
    ("credit_limit", lambda scene: change(scene.term, max_credits=None)),
    ("credit_limit", lambda scene: scene.limit(6)),
    ("credit_limit", lambda scene: scene.limit(None)),
    ("credit_limit", raise_limit),
    ("credit_limit", delete_limit),
    ("credit_limit", lambda scene: end(scene.student, scene.taken)),
    ("credit_limit", move_to_another_term),
]


@pytest.mark.parametrize(("rule", "move"), MOVES)
def test_moves_up_after(rule: str, move: Callable[[Waiting], Any]) -> None:
    scene = Waiting(rule)
    # What concerns another student moves nobody here.
    move(Waiting(rule))
    assert scene.statuses() == ["active", "waitlisted"]
    for row in (scene.taken, scene.waited_for, scene.term):
        row.refresh_from_db()
    move(scene)
    assert scene.statuses()[1] == "active"


def test_the_credits_of_a_completed_course_count_until_they_change() -> None:
    scene = Waiting("credit_limit")
    end(scene.student, scene.taken, COMPLETE)
    assert scene.statuses() == ["completed", "waitlisted"]
    change(scene.taken, credits=2)
    assert scene.statuses() == ["completed", "active"]


def test_credit_limits_go_with_the_student(api: APIClient, term: Term) -> None:
    limit = CreditLimit.objects.create(
        student=StudentFactory.create(), term=term, max_credits=3, reason="Works"
    )
    assert api.delete(f"/api/v1/students/{limit.student_id}").status_code == 204
    assert not CreditLimit.objects.exists()
    assert CreditLimit.history.filter(id=limit.pk).exists()


def withdraw_from_a_queue(length: int) -> int:
    """Withdraw the student before a queue of which all but the last clash.

    Check who moves up. Return the number of queries.
    """
    taken, course = CourseFactory.create_batch(2, term=TermFactory.create(), meetings=HOUR)
    Course.objects.filter(pk=course.pk).update(capacity=1)
    seated, *waiters = StudentFactory.create_batch(length + 1)
    enroll(seated, course)
    *clashing, last = waiters
    enroll_all = [(student.pk, course.pk) for student in waiters]
    service.enroll(enroll_all, WAIT)
    service.enroll([(student.pk, taken.pk) for student in clashing])
    start = perf_counter()
    with CaptureQueriesContext(connection) as captured:
        end(seated, course)
    print(f"a queue of {length}: {perf_counter() - start:.3f} s")  # noqa: T201
    assert statuses(last, course) == ["active"]
    waiting = Enrollment.objects.filter(course=course, status="waitlisted").order_by(
        "waitlist_number"
    )
    assert [*waiting.values_list("student", flat=True)] == [student.pk for student in clashing]
    return len(executed_statements(captured))


def test_a_long_queue_of_students_who_clash_needs_no_more_queries() -> None:
    withdraw_from_a_queue(1)
    assert withdraw_from_a_queue(245) == withdraw_from_a_queue(1)
