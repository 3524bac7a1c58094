"""Every refusal at every door: without an override, and overridden with and without the right."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from courses.requirements import read_requirements
from students.enrollment import service
from students.enrollment.other_courses import Load, OtherCourse
from students.enrollment.prerequisites import find_excluding
from students.enrollment.rules import Refusal, find_refusals
from students.enrollment.transitions import Options, Refused
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.admin_page import submit

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Situation = Callable[[], tuple[Student, Course]]


def full() -> tuple[Student, Course]:
    course = CourseFactory(capacity=1)
    enrolled(StudentFactory(), course)
    return StudentFactory(), course


def taking_another_section() -> tuple[Student, Course]:
    """The student takes the first of two sections, the course is the second one."""
    first = CourseFactory(section="A01")
    return enrolled(StudentFactory(), first).student, CourseFactory(
        code=first.code, section="A02", term=first.term
    )


def has_completed_an_excluding_course() -> tuple[Student, Course]:
    """The student has completed a course that excludes the other one."""
    course = CourseFactory()
    other = CourseFactory(excludes=[course.code])
    return enrolled(StudentFactory(), other, Status.COMPLETED).student, course


def taking_another_course_then() -> tuple[Student, Course]:
    """The student takes a course that meets at the same time."""
    other = CourseFactory(meetings="Mon 9:00-10:00; Wed 9:00-10:00 Hall 2")
    course = CourseFactory(term=other.term, meetings="Wed 9:30-11:00")
    return enrolled(StudentFactory(), other).student, course


def taking_enough() -> tuple[Student, Course]:
    """With the course, the student would take a credit more than the term allows."""
    term = TermFactory(max_credits=5)
    student = enrolled(StudentFactory(), CourseFactory(term=term, credits=3)).student
    return student, CourseFactory(term=term, credits=3)


SITUATIONS: dict[Refusal, Situation] = {
    Refusal.STUDENT_INACTIVE: lambda: (StudentFactory(is_active=False), CourseFactory()),
    Refusal.COURSE_CLOSED: lambda: (StudentFactory(), CourseFactory(is_open=False)),
    Refusal.WINDOW_NOT_OPEN: lambda: (
        StudentFactory(),
        CourseFactory(term=TermFactory(enrollment_opens_on=timezone.localdate() + DAY)),
    ),
    Refusal.WINDOW_CLOSED: lambda: (
        StudentFactory(),
        CourseFactory(term=TermFactory(enrollment_closes_on=timezone.localdate() - DAY)),
    ),
    Refusal.TERM_OVER: lambda: (
        StudentFactory(),
        CourseFactory(term=TermFactory(ends_on=timezone.localdate() - DAY)),
    ),
    Refusal.PREREQUISITE_MISSING: lambda: (
        StudentFactory(),
        CourseFactory(prerequisites=[CourseFactory(code="BEFORE-1").code]),
    ),
    Refusal.EXCLUDED_BY: has_completed_an_excluding_course,
    Refusal.ALREADY_TAKING: taking_another_section,
    Refusal.TIME_CONFLICT: taking_another_course_then,
    Refusal.CREDIT_LIMIT: taking_enough,
    Refusal.COURSE_FULL: full,
}
SEVERAL = [
    Refusal.STUDENT_INACTIVE,
    Refusal.COURSE_CLOSED,
    Refusal.PREREQUISITE_MISSING,
    Refusal.COURSE_FULL,
]


def several() -> tuple[Student, Course]:
    return StudentFactory(is_active=False), CourseFactory(
        is_open=False, capacity=0, prerequisites=[CourseFactory().code]
    )


@dataclass(frozen=True)
class Wish:
    """A request to enroll a pair: `may` is whether the user may override; `override` what to."""

    fixture: Callable[[str], Any]
    student: Student
    course: Course
    may: bool = True
    override: Refusal | None = None
    reason: ClassVar[str] = "The dean asked."

    @property
    def role(self) -> str:
        return "Registrar" if self.may else "Clerk"

    @property
    def extra(self) -> dict[str, Any]:
        return {"override": [self.override.value], "reason": self.reason} if self.override else {}


@dataclass(frozen=True)
class Answer:
    """The answer of a door.

    `verdict` is enrolled, refused, invalid, forbidden or not offered. `codes` of the refusals, and
    `offered` overrides, are None where the door does not show them.
    """

    verdict: str
    text: str = ""
    codes: list[str] | None = None
    offered: list[str] | None = None


Knock = Callable[[Wish], Answer]
VERDICTS = {
    200: "enrolled",
    201: "enrolled",
    302: "enrolled",
    400: "invalid",
    403: "forbidden",
    409: "refused",
    422: "refused",
}


def api(method: str, path: str, body: Callable[[int, int], dict[str, Any]]) -> Knock:
    def send_wish(wish: Wish) -> Answer:
        row = Enrollment.objects.filter(student=wish.student, course=wish.course).first()
        url = "/api/v1" + path.format(s=wish.student.pk, c=wish.course.pk, e=row and row.pk)
        answer = getattr(wish.fixture("api_of")(wish.role), method)(
            url, body(wish.student.pk, wish.course.pk) | wish.extra
        )
        errors = answer.json().get("errors", [])
        assert answer.status_code != 409 or answer.json()["code"] == errors[0]["code"]
        return Answer(
            VERDICTS[answer.status_code],
            "\n".join(error["detail"] for error in errors),
            [error["code"] for error in errors],
        )

    return send_wish


def staff(path: str, field: str) -> Knock:
    def send_wish(wish: Wish) -> Answer:
        key = wish.course.pk if field == "courses" else wish.student.pk
        answer = wish.fixture("browser_of")(wish.role).post(
            path.format(s=wish.student.pk, c=wish.course.pk), {field: [key], **wish.extra}
        )
        return page(
            answer, VERDICTS[answer.status_code], (answer.context or {}).get("refusals", ())
        )

    return send_wish


def admin(path: str, fields: Callable[[int, int], dict[str, Any]]) -> Knock:
    def send_wish(wish: Wish) -> Answer:
        row = Enrollment.objects.filter(student=wish.student, course=wish.course).first()
        url = "/admin/" + path.format(s=wish.student.pk, c=wish.course.pk, e=row and row.pk)
        answer = submit(
            admin_browser(wish), url, fields(wish.student.pk, wish.course.pk) | wish.extra
        )
        late = getattr(answer.wsgi_request, "save_error", None)
        verdict = (
            VERDICTS[answer.status_code]
            if answer.status_code != 200
            else "refused"
            if late
            else "invalid"
        )
        return page(answer, verdict, late.error_list if late else ())

    return send_wish


def admin_browser(wish: Wish) -> Client:
    """Of a Registrar, or of one who may do all that is needed here but override."""
    browser: Client = wish.fixture("browser_of")(wish.role)
    if not wish.may:
        user = wish.fixture("django_user_model").objects.get(username="clerk")
        user.is_staff = True
        user.save()
        user.user_permissions.set(
            Permission.objects.filter(codename__in=["change_student", "change_course"])
        )
    return browser


def page(answer: Any, verdict: str, refused: Any) -> Answer:
    text = answer.content.decode()
    offered = [
        str(code) for code in Refusal if f'name="override" value="{code}"' in " ".join(text.split())
    ]
    return Answer(verdict, html.unescape(text), [error.code for error in refused], offered)


def imported(wish: Wish) -> Answer:
    file: Path = wish.fixture("tmp_path") / "enrollments.csv"
    file.write_text(
        "student_number,term_code,course_code,section\n"
        f"{wish.student.number},{wish.course.term.code},{wish.course.code},{wish.course.section}\n"
    )
    options = [f"--override={wish.override}"] if wish.override else []
    errors = StringIO()
    try:
        call_command(
            "import_csv", "enrollments", str(file), *options, stdout=StringIO(), stderr=errors
        )
    except CommandError as error:
        return Answer(
            "not offered" if "unrecognized arguments" in str(error) else "refused",
            errors.getvalue(),
        )
    return Answer("enrolled")


def command(wish: Wish) -> Answer:
    """The service itself, called in a command or a shell."""
    try:
        with record_changes_as(Door.COMMAND, reason=wish.reason):
            service.enroll(
                [(wish.student.pk, wish.course.pk)],
                Options(override=wish.extra.get("override", ())),
            )
    except Refused as refused:
        return Answer(
            "refused",
            "\n".join(refused.messages),
            [str(error.code) for error in refused.error_list],
        )
    return Answer("enrolled")


@dataclass(frozen=True)
class Way:
    """One way through a door. `again`: it starts from a pair that was withdrawn."""

    door: Door
    send_wish: Knock
    again: bool = False


WAYS: dict[str, Way] = {
    "POST a student's course": Way(
        Door.API, api("post", "/students/{s}/courses", lambda _s, c: {"course_id": c})
    ),
    "POST a student's courses": Way(
        Door.API, api("post", "/students/{s}/courses", lambda _s, c: {"course_ids": [c]})
    ),
    "PATCH a student's courses": Way(
        Door.API, api("patch", "/students/{s}/courses", lambda _s, c: {"add": [c]})
    ),
    "PUT a student's courses": Way(
        Door.API,
        api("put", "/students/{s}/courses", lambda s, c: {"course_ids": [*current_courses(s), c]}),
    ),
    "POST a course's students": Way(
        Door.API, api("post", "/courses/{c}/students", lambda s, _c: {"student_ids": [s]})
    ),
    "POST an enrollment": Way(
        Door.API, api("post", "/enrollments", lambda s, c: {"student_id": s, "course_id": c})
    ),
    "POST enrollments": Way(
        Door.API,
        api(
            "post",
            "/enrollments",
            lambda s, c: {"enrollments": [{"student_id": s, "course_id": c}]},
        ),
    ),
    "PATCH an enrollment": Way(
        Door.API, api("patch", "/enrollments/{e}", lambda _s, _c: {"status": "active"}), again=True
    ),
    "staff: the student's courses": Way(Door.STAFF, staff("/students/{s}/courses/", "courses")),
    "staff: the course's students": Way(Door.STAFF, staff("/courses/{c}/students/", "students")),
    "admin: add an enrollment": Way(
        Door.ADMIN, admin("students/enrollment/add/", lambda s, c: {"student": s, "course": c})
    ),
    "admin: the status of one": Way(
        Door.ADMIN,
        admin("students/enrollment/{e}/change/", lambda _s, _c: {"status": "active"}),
        again=True,
    ),
    "admin: a row on the student's page": Way(
        Door.ADMIN,
        admin("students/student/{s}/change/", lambda s, c: {last_row(student=s) + "course": c}),
    ),
    "admin: a row on the course's page": Way(
        Door.ADMIN,
        admin("courses/course/{c}/change/", lambda s, c: {last_row(course=c) + "student": s}),
    ),
    "import": Way(Door.IMPORT, imported),
    "command": Way(Door.COMMAND, command),
}
# What comes of an override with a reason: by one who may, and by one who may not.
OVERRIDE: dict[Door, tuple[str, str]] = {
    Door.API: ("enrolled", "forbidden"),
    Door.STAFF: ("enrolled", "forbidden"),
    Door.ADMIN: ("enrolled", "forbidden"),
    Door.IMPORT: ("not offered", "not offered"),
    Door.COMMAND: ("enrolled", "enrolled"),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
each_refusal = pytest.mark.parametrize("refusal", SITUATIONS)


def last_row(**parent: int) -> str:
    """The prefix of the fields of the row to add, which is below those of the enrollments."""
    return f"enrollments-{Enrollment.objects.filter(**parent).count()}-"


def current_courses(student: int) -> list[int]:
    return list(
        Enrollment.objects.current().filter(student=student).values_list("course", flat=True)
    )


@pytest.fixture
def send_request(request: pytest.FixtureRequest) -> Callable[..., tuple[Answer, Any]]:
    """Send the wish. Return the answer, and the history records that it left, oldest first."""

    def send(way: Way, student: Student, course: Course, **wish: Any) -> tuple[Answer, Any]:
        if way.again and not Enrollment.objects.filter(student=student, course=course).exists():
            enrolled(student, course, Status.WITHDRAWN)
        rows, last = list(Enrollment.objects.values()), Enrollment.history.count()
        answer = way.send_wish(Wish(request.getfixturevalue, student, course, **wish))
        written = list(Enrollment.history.order_by("history_id")[last:])
        assert (list(Enrollment.objects.values()) == rows) == (written == [])
        return answer, written

    return send


Ask = Callable[..., tuple[Answer, Any]]


@each_way
@pytest.mark.parametrize(
    "expected", [*([refusal] for refusal in SITUATIONS), SEVERAL], ids=" ".join
)
def test_is_refused_with_the_same_codes_and_words(
    send_request: Ask, way: Way, expected: list[Refusal]
) -> None:
    student, course = SITUATIONS[expected[0]]() if len(expected) == 1 else several()
    taken = course.enrollments.filter(status="active").count()
    others, completed = (
        [OtherCourse.of(row.course) for row in student.enrollments.filter(status=status)]
        for status in (Status.ACTIVE, Status.COMPLETED)
    )
    taken_credits = sum((other.credits for other in others), Decimal(0))
    reasons = list(
        find_refusals(
            student,
            course,
            taken=taken,
            today=timezone.localdate(),
            unmet=read_requirements(course.prerequisites),
            excluding=find_excluding(course, completed),
            others=others,
            load=Load(taken_credits, course.term.max_credits),
        )
    )
    assert [reason.code for reason in reasons] == expected

    for may in (True, False):
        answer, written = send_request(way, student, course, may=may)

        assert (answer.verdict, written) == ("refused", [])
        assert answer.codes in (None, expected)
        assert all(reason.messages[0] in answer.text for reason in reasons)
        assert answer.offered in (
            None,
            [code for code in expected if may and code.can_be_overridden],
        )


@each_way
@each_refusal
def test_is_overridden_by_who_may(send_request: Ask, way: Way, refusal: Refusal) -> None:
    answer, written = send_request(way, *SITUATIONS[refusal](), override=refusal)

    if not refusal.can_be_overridden:
        assert (answer.verdict in ("invalid", "refused", "not offered"), written) == (True, [])
        return
    assert answer.verdict == OVERRIDE[way.door][0]
    reported = [
        (record.status, record.door, record.override, record.history_change_reason)
        for record in written
    ]
    assert reported == (
        [("active", way.door, [refusal], Wish.reason)] if answer.verdict == "enrolled" else []
    )


@each_way
@each_refusal
def test_is_not_overridden_by_who_may_not(send_request: Ask, way: Way, refusal: Refusal) -> None:
    answer, written = send_request(way, *SITUATIONS[refusal](), override=refusal, may=False)

    verdict = OVERRIDE[way.door][1]
    assert answer.verdict == verdict or not refusal.can_be_overridden
    assert (written != []) == (answer.verdict == "enrolled")


def test_no_refusal_and_no_door_is_left_out() -> None:
    assert list(SITUATIONS) == list(Refusal)
    assert {way.door for way in WAYS.values()} == set(OVERRIDE) == set(Door)
