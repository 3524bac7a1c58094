"""Prerequisites with alternatives, at the same time and in progress, and exclusions of courses."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from courses.requirements import Requirement
from students.enrollment import service
from students.enrollment.other_courses import OtherCourse
from students.enrollment.prerequisites import find_unmet
from students.enrollment.transitions import (
    COMPLETE,
    ENROLL,
    WITHDRAW,
    WITHDRAW_OR_CORRECT,
    EnrollmentChange,
    Options,
    Result,
)
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.importing import faults_of, import_csv

WAIT = Options(waitlist=True)
DAY = timedelta(days=1)
TODAY = timezone.localdate()


class Taken(NamedTuple):
    """A course of a transcript: how it is taken, and its days as numbers."""

    code: str
    how: str
    first: int
    last: int


def is_met(
    codes: Sequence[str],
    concurrent: bool,
    transcript: Sequence[Taken],
    first: int,
    last: int,
    accepts_in_progress: bool,
) -> bool:
    """The rule in plain Python: whether one alternative of a requirement is met."""
    for row in transcript:
        if row.code not in codes:
            continue
        if row.how == "completed":
            return True
        if concurrent and row.how in ("active", "same request") and row.first <= last:
            return True
        if accepts_in_progress and row.how == "active" and row.last < first:
            return True
    return False


def test_random_transcripts_and_requirements() -> None:
    random, met = Random(7), 0
    ways = ["completed", "active", "same request"]

    def choose_days() -> tuple[int, int]:
        first = random.randrange(6)
        return first, first + random.randrange(4)

    def make(code: str, pk: int, days: tuple[int, int], **fields: Any) -> Course:
        first, last = (date(2030, 1, 1) + day * DAY for day in days)
        own = {"starts_on": first, "ends_on": last} if random.random() < 0.5 else {}
        term = Term(code="T", pk=1, starts_on=first, ends_on=last)
        term.accepts_in_progress = fields.pop("accepts_in_progress", False)
        return Course(code=code, pk=pk, term=term, credits=Decimal(3), **own, **fields)

    for _ in range(5_000):
        transcript = [
            Taken(random.choice("ABCDEF"), random.choice(ways), *choose_days())
            for _ in range(random.randrange(5))
        ]
        tree = [
            Requirement(tuple(random.sample("ABCDEF", random.randint(1, 3))), random.random() < 0.4)
            for _ in range(random.randrange(4))
        ]
        days, accepts = choose_days(), random.random() < 0.5
        course = make(
            "X",
            99,
            days,
            accepts_in_progress=accepts,
            prerequisites=[requirement.store() for requirement in tree],
        )
        others: dict[str, list[OtherCourse]] = {way: [] for way in ways}
        for pk, row in enumerate(transcript):
            others[row.how].append(OtherCourse.of(make(row.code, pk, (row.first, row.last))))
        unmet = find_unmet(
            course,
            completed=others["completed"],
            taken=others["active"],
            taken_at_end=[*others["active"], *others["same request"]],
        )
        expected = [each for each in tree if not is_met(*each, transcript, *days, accepts)]
        assert unmet == expected, (transcript, tree, days, accepts)
        met += len(tree) - len(unmet)
    assert met > 2_000


def apply(*changes: tuple[Student, Course, Any], **how: Any) -> list[Result]:
    wishes = [EnrollmentChange(student.pk, course.pk, act) for student, course, act in changes]
    return service.apply_changes(wishes, **{"all_or_nothing": False, **how})


def enroll(student: Student, *courses: Course, **how: Any) -> list[str]:
    """Ask for all courses in one request; return the outcome of each, or why it is refused."""
    results = apply(*((student, course, ENROLL) for course in courses), **how)
    return [
        " ".join(str(error.code) for error in result.refusals) or result.outcome.value
        for result in results
    ]


def statuses(student: Student, *courses: Course) -> list[str]:
    rows = dict(Enrollment.objects.filter(student=student).values_list("course", "status"))
    return [rows.get(course.pk, "") for course in courses]


def change(row: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()


@pytest.fixture
def student(db: None) -> Student:
    return StudentFactory.create()


@pytest.fixture
def term(db: None) -> Term:
    return TermFactory.create(code="FA")


@pytest.fixture
def pair(term: Term) -> tuple[Course, Course]:
    """A lecture and its laboratory, each to be taken with the other one."""
    lecture = CourseFactory.create(term=term, code="LEC")
    lab = CourseFactory.create(term=term, code="LAB", prerequisites="LEC*")
    change(lecture, prerequisites="LAB*")
    return lecture, lab


class TestAtTheSameTime:
    @pytest.mark.parametrize("is_reversed", [False, True])
    def test_two_come_in_one_request(
        self, student: Student, pair: tuple[Course, Course], is_reversed: bool
    ) -> None:
        courses = pair[::-1] if is_reversed else pair
        assert enroll(student, *courses, validate_only=True) == ["created", "created"]
        assert enroll(student, *courses, all_or_nothing=True) == ["created", "created"]
        assert statuses(student, *courses) == ["active", "active"]

    def test_two_requests_are_refused_one_after_the_other(
        self, student: Student, pair: tuple[Course, Course]
    ) -> None:
        for course in pair:
            assert enroll(student, course) == ["prerequisite_missing"]
        # One that asks for the other, which asks for nothing.
        lecture, lab = pair
        change(lecture, prerequisites="")
        assert enroll(student, lab) == ["prerequisite_missing"]
        assert [enroll(student, lecture), enroll(student, lab)] == [["created"], ["created"]]
        # Dropping one evicts nobody from the other.
        apply((student, lecture, WITHDRAW))
        assert statuses(student, lecture, lab) == ["withdrawn", "active"]

    @pytest.mark.parametrize("full", [0, 1])
    def test_where_one_is_refused_so_is_the_other(
        self, student: Student, pair: tuple[Course, Course], full: int
    ) -> None:
        reasons = ["prerequisite_missing", "prerequisite_missing"]
        change(pair[full], capacity=0)
        reasons[full] = "course_full"
        for how in ({}, {"validate_only": True}):
            assert enroll(student, *pair, **how) == reasons
        # Nobody waits for one of two: what waits does not count.
        both = ["prerequisite_missing", "prerequisite_missing"]
        both[full] = "prerequisite_missing course_full"
        assert enroll(student, *pair, options=WAIT) == both
        assert statuses(student, *pair) == ["", ""]
        # With an override for both it is the course that is full, and the other one is taken.
        override = Options(waitlist=True, override=["prerequisite_missing"])
        outcomes = ["created", "created"]
        outcomes[full] = "waitlisted"
        assert enroll(student, *pair, options=override) == outcomes
        assert (
            set(Enrollment.objects.values_list("overridden", flat=True).distinct())
            if False
            else True
        )
        for row in Enrollment.objects.all():
            assert row.overridden == ["prerequisite_missing"]

    def test_what_rests_on_a_refused_one_is_refused(self, student: Student, term: Term) -> None:
        """A chain of courses, of which the last is closed; an independent one is taken."""
        last = CourseFactory.create(term=term, code="C", is_open=False)
        middle = CourseFactory.create(term=term, code="B", prerequisites="C*")
        first = CourseFactory.create(term=term, code="A", prerequisites="B*")
        either = CourseFactory.create(term=term, code="D", prerequisites="A | E*")
        other = CourseFactory.create(term=term, code="E")
        outcomes = enroll(student, first, either, middle, other, last)
        missing = "prerequisite_missing"
        assert outcomes == [missing, "created", missing, "created", "course_closed"]
        assert statuses(student, either, other) == ["active", "active"]

    def test_a_seat_taken_in_vain_goes_to_the_next(self, pair: tuple[Course, Course]) -> None:
        lecture, lab = pair
        change(lecture, capacity=1)
        change(lab, is_open=False)
        students = StudentFactory.create_batch(2)
        enrolled(students[1], CourseFactory.create(code="LAB"), Status.COMPLETED)
        results = apply(
            (students[0], lecture, ENROLL),
            (students[1], lecture, ENROLL),
            (students[0], lab, ENROLL),
        )
        codes = [[error.code for error in result.refusals] for result in results]
        assert codes == [["prerequisite_missing"], [], ["course_closed"]]
        [error] = results[0].refusals
        assert error.params
        assert error.params["unmet"] == [{"any": ["LAB"], "concurrent": True}]

    def test_removals_come_first_and_completions_count(
        self, student: Student, pair: tuple[Course, Course]
    ) -> None:
        lecture, lab = pair
        enroll(student, *pair)
        apply((student, lab, WITHDRAW))
        for act, outcome in ((WITHDRAW, "prerequisite_missing"), (COMPLETE, "reactivated")):
            results = apply((student, lab, ENROLL), (student, lecture, act))
            codes = [error.code for error in results[0].refusals] or [results[0].outcome]
            assert codes == [outcome]
            if act == WITHDRAW:
                assert enroll(student, lecture) == ["prerequisite_missing"]
                enroll(student, *pair)
                apply((student, lab, WITHDRAW))

    def test_only_courses_that_overlap_or_precede_count(self, student: Student) -> None:
        later = TermFactory.create(starts_on=TODAY + 200 * DAY, ends_on=TODAY + 300 * DAY)
        course = CourseFactory.create(code="X", prerequisites="Y*", ends_on=TODAY + 50 * DAY)
        after = CourseFactory.create(code="Y", term=later)
        enrolled(student, after)
        assert enroll(student, course) == ["prerequisite_missing"]
        change(after, starts_on=TODAY + 50 * DAY, ends_on=TODAY + 60 * DAY)
        assert enroll(student, course) == ["created"]

    def test_a_replaced_set(self, api: APIClient, student: Student, pair: Any) -> None:
        url = f"/api/v1/students/{student.pk}/courses"
        ids = [course.pk for course in pair]
        answer = api.put(url, {"course_ids": ids[:1]})
        assert answer.status_code == 409
        [error] = answer.json()["errors"]
        assert error["params"] == {
            "course": "LEC (FA)",
            "course_id": ids[0],
            "missing": "LAB (may be taken at the same time)",
            "unmet": [{"any": ["LAB"], "concurrent": True}],
        }
        assert api.put(url, {"course_ids": ids}).status_code == 200
        assert statuses(student, *pair) == ["active", "active"]


def test_the_number_of_queries_does_not_depend_on_the_form(term: Term) -> None:
    needed = CourseFactory.create(term=term, code="N")
    CourseFactory.create(code="M")
    course = CourseFactory.create(term=term, code="X")
    other = CourseFactory.create(term=term)
    numbers = set()
    for text in ("N", "N | M", "N*", "N | M*, N, M | N"):
        change(course, prerequisites=text)
        student = StudentFactory.create()
        enrolled(student, needed, Status.COMPLETED)
        with CaptureQueriesContext(connection) as captured:
            assert enroll(student, course, other) == ["created", "created"]
        numbers.add(len(captured))
    # Two that come together take no query more than others.
    change(course, prerequisites="N*")
    student = StudentFactory.create()
    with CaptureQueriesContext(connection) as captured:
        assert enroll(student, course, needed) == ["created", "created"]
    numbers.add(len(captured))
    assert len(numbers) == 1


@pytest.mark.django_db
class TestFiles:
    HEADER = "student_number,term_code,course_code\n"

    def test_the_lines_of_a_student_are_decided_together(
        self, pair: tuple[Course, Course], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Whatever the number of lines that are written at once, and however far they are apart.
        monkeypatch.setattr("students.imports.BATCH_LINES", 3)
        students = StudentFactory.create_batch(5)
        numbers = [row.number for row in students]
        lines = [f"{number},FA,LAB" for number in numbers]
        lines += [f"{number},FA,LEC" for number in reversed(numbers)]
        text = self.HEADER + "\n".join(lines)
        assert import_csv("enrollments", text) == "enrollments: 10 created"
        assert import_csv("enrollments", text) == "enrollments: 10 unchanged"

    def test_two_files_and_a_full_course(self, pair: tuple[Course, Course]) -> None:
        lecture, _lab = pair
        first, second = StudentFactory.create_batch(2)
        [error] = faults_of("enrollments", self.HEADER + f"{first.number},FA,LAB\n")
        missing = "LAB (FA) asks for LEC (may be taken at the same time) to be completed first."
        assert error == f"line 2: {missing}"
        change(lecture, capacity=1)
        text = "".join(
            f"{row.number},FA,{code}\n" for row in (first, second) for code in ("LAB", "LEC")
        )
        assert faults_of("enrollments", self.HEADER + text) == [
            f"line 4: {missing}",
            "line 5: LEC (FA) is full: 1 of 1 seats are taken.",
        ]
        out = import_csv("enrollments", self.HEADER + text, "--skip-bad-lines")
        assert out == "enrollments: 2 created, 2 refused"
        assert statuses(first, *pair) == ["active", "active"]


class TestInProgress:
    def test_one_that_ends_before(self, student: Student, term: Term) -> None:
        before = CourseFactory.create(term=term, code="MAT-1")
        later = TermFactory.create(starts_on=term.ends_on + DAY, ends_on=term.ends_on + 90 * DAY)
        course = CourseFactory.create(term=later, prerequisites="MAT-1 | MAT-2")
        enrolled(student, before)
        assert enroll(student, course) == ["prerequisite_missing"]
        change(later, accepts_in_progress=True)
        # One that still runs when the other one begins does not count.
        change(before, ends_on=later.starts_on)
        assert enroll(student, course) == ["prerequisite_missing"]
        change(before, ends_on=None)
        assert enroll(student, course) == ["created"]
        apply((student, before, WITHDRAW))
        assert statuses(student, course) == ["active"]


class TestExclusions:
    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.COMPLETED])
    @pytest.mark.parametrize("excludes_own", [True, False])
    def test_from_either_side(
        self, student: Student, term: Term, status: Status, excludes_own: bool
    ) -> None:
        other = CourseFactory.create(code="OLD")
        course = CourseFactory.create(term=term, code="NEW")
        change(*((course, other) if excludes_own else (other, course))[:1], excludes="OLD, NEW")
        row = enrolled(student, other, status)
        [result] = apply((student, course, ENROLL))
        [error] = result.refusals
        assert (error.code, error.params) == (
            "excluded_by",
            {
                "course": str(course),
                "course_id": course.pk,
                "other": str(other),
                "other_id": other.pk,
            },
        )
        assert enroll(student, course, options=Options(override=["excluded_by"])) == ["created"]
        assert Enrollment.objects.get(course=course).overridden == ["excluded_by"]
        apply((student, course, WITHDRAW))
        apply((student, other, WITHDRAW_OR_CORRECT))
        assert statuses(student, other) == ["withdrawn"]
        assert row.status == status
        assert enroll(student, course) == ["reactivated"]

    def test_the_later_of_two_in_a_request(self, student: Student, term: Term) -> None:
        first = CourseFactory.create(term=term, code="A")
        second = CourseFactory.create(term=term, code="B", excludes=["A"])
        assert enroll(student, first, second) == ["created", "excluded_by"]
        results = apply((student, second, ENROLL), (student, first, WITHDRAW))
        assert [result.outcome.value for result in results] == ["created", "withdrawn"]


class Scene:
    """A student waits for a course with a free seat, for which a rule refuses the student."""

    def __init__(self, prerequisites: str, **fields: Any) -> None:
        self.term = TermFactory.create(code="FA")
        self.student = StudentFactory.create()
        self.needed = CourseFactory.create(term=self.term, code="MAT-1")
        self.other = CourseFactory.create(term=self.term, code="OTHER")
        self.wanted = CourseFactory.create(term=self.term, code="WANTED", capacity=0)
        assert enroll(self.student, self.wanted, options=WAIT) == ["waitlisted"]
        change(self.wanted, prerequisites=prerequisites, **fields)

    def offer(self) -> None:
        change(self.wanted, capacity=1)
        assert statuses(self.student, self.wanted) == ["waitlisted"]


def complete(scene: Scene) -> None:
    scene.offer()
    enrolled(scene.student, scene.needed)
    apply((scene.student, scene.needed, COMPLETE))


def take(scene: Scene) -> None:
    scene.offer()
    enroll(scene.student, scene.needed)


def move_up_elsewhere(scene: Scene) -> None:
    """The student moves up in the course that is needed, by the withdrawal of another one."""
    change(scene.needed, capacity=1)
    somebody = StudentFactory.create()
    enrolled(somebody, scene.needed)
    enrolled(scene.student, scene.needed, Status.WAITLISTED)
    scene.offer()
    apply((somebody, scene.needed, WITHDRAW))


def correct_code(scene: Scene) -> None:
    enrolled(scene.student, scene.other, Status.COMPLETED)
    change(scene.needed, code="MAT-X")
    scene.offer()
    change(scene.other, code="MAT-1")


def correct_code_of_one_taken(scene: Scene) -> None:
    enrolled(scene.student, scene.other)
    change(scene.needed, code="MAT-X")
    scene.offer()
    change(scene.other, code="MAT-1")


def correct_requirement(scene: Scene) -> None:
    enrolled(scene.student, scene.other, Status.COMPLETED)
    scene.offer()
    change(scene.wanted, prerequisites="MAT-1 | OTHER")


def correct_requirement_by_import(scene: Scene) -> None:
    enrolled(scene.student, scene.other)
    scene.offer()
    header = "term_code,code,title,capacity,prerequisites\n"
    import_csv("courses", header + f"FA,WANTED,{scene.wanted.title},1,MAT-1 | OTHER*\n")


def accept_in_progress(scene: Scene) -> None:
    change(scene.needed, ends_on=TODAY)
    change(scene.wanted, starts_on=TODAY + DAY)
    enrolled(scene.student, scene.needed)
    scene.offer()
    change(scene.term, accepts_in_progress=True)


def end_earlier(scene: Scene) -> None:
    change(scene.term, accepts_in_progress=True)
    change(scene.wanted, starts_on=TODAY + DAY)
    enrolled(scene.student, scene.needed)
    scene.offer()
    change(scene.needed, ends_on=TODAY)


def drop_the_excluding_one(scene: Scene) -> None:
    enrolled(scene.student, scene.other)
    scene.offer()
    apply((scene.student, scene.other, WITHDRAW))


def correct_the_completion(scene: Scene) -> None:
    enrolled(scene.student, scene.other, Status.COMPLETED)
    scene.offer()
    apply((scene.student, scene.other, WITHDRAW_OR_CORRECT))


def stop_excluding(scene: Scene) -> None:
    enrolled(scene.student, scene.other, Status.COMPLETED)
    scene.offer()
    change(scene.wanted, excludes="")


def stop_being_excluded(scene: Scene) -> None:
    change(scene.wanted, excludes="")
    change(scene.other, excludes="WANTED")
    enrolled(scene.student, scene.other, Status.COMPLETED)
    scene.offer()
    change(scene.other, excludes="")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "excludes", "act"),
    [
        ("MAT-1", "", complete),
        ("MAT-1 | OTHER*", "", complete),
        ("MAT-1*", "", complete),
        ("MAT-1*", "", take),
        ("MAT-1*", "", move_up_elsewhere),
        ("MAT-1", "", correct_code),
        ("MAT-1*", "", correct_code_of_one_taken),
        ("MAT-1", "", correct_requirement),
        ("MAT-1", "", correct_requirement_by_import),
        ("MAT-1", "", accept_in_progress),
        ("MAT-1", "", end_earlier),
        ("", "OTHER", drop_the_excluding_one),
        ("", "OTHER", correct_the_completion),
        ("", "OTHER", stop_excluding),
        ("", "OTHER", stop_being_excluded),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_moves_up_after(text: str, excludes: str, act: Callable[[Scene], None]) -> None:
    scene = Scene(text, excludes=excludes)
    act(scene)
    assert statuses(scene.student, scene.wanted) == ["active"]


def test_open_prerequisites_are_found(api: APIClient, student: Student, term: Term) -> None:
    """Those who were let in by a course in progress are found until they have completed it."""
    before = CourseFactory.create(term=term, code="MAT-1", ends_on=TODAY)
    later = TermFactory.create(
        code="SP", starts_on=TODAY + DAY, ends_on=TODAY + 90 * DAY, accepts_in_progress=True
    )
    course = CourseFactory.create(term=later, prerequisites="MAT-1 | MAT-2, MAT-1")
    other = StudentFactory.create()
    enrolled(student, before)
    assert enroll(student, course) == ["created"]
    override = Options(override=["prerequisite_missing"])
    assert enroll(other, course, options=override) == ["created"]

    def find(code: str) -> list[int]:
        answer = api.get(f"/api/v1/enrollments?prerequisite_open=true&term={code}")
        return [row["student_id"] for row in answer.json()["results"]]

    assert (find("SP"), find("FA")) == ([student.pk], [])
    apply((student, before, WITHDRAW))
    assert find("SP") == [student.pk]
    enrolled(student, before, Status.COMPLETED)
    assert find("SP") == []
    # A changed requirement changes the rows by which they are found.
    change(course, prerequisites="MAT-2")
    assert find("SP") == [student.pk]
    change(course, prerequisites="")
    assert find("SP") == []
