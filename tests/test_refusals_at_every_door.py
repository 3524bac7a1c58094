"""Every refusal at every door: the same reasons in the same words, and nothing written."""

import html
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.history import Door
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Student
from students.refusals import Refusal, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Knock = Callable[[Any, Student, Course], str]


def full() -> tuple[Student, Course]:
    course = CourseFactory(capacity=1)
    enrolled(StudentFactory(), course)
    return StudentFactory(), course


def unprepared() -> tuple[Student, Course]:
    return StudentFactory(), CourseFactory(prerequisites=[CourseFactory(code="BEFORE-1").code])


def several() -> tuple[Student, Course]:
    return StudentFactory(is_active=False), CourseFactory(is_open=False, capacity=0)


SITUATIONS: dict[str, Callable[[], tuple[Student, Course]]] = {
    Refusal.STUDENT_INACTIVE: lambda: (StudentFactory(is_active=False), CourseFactory()),
    Refusal.COURSE_CLOSED: lambda: (StudentFactory(), CourseFactory(is_open=False)),
    Refusal.WINDOW_NOT_OPEN: lambda: (StudentFactory(), CourseFactory(term=TermFactory(enrollment_opens_on=timezone.localdate() + DAY))),
    Refusal.WINDOW_CLOSED: lambda: (StudentFactory(), CourseFactory(term=TermFactory(enrollment_closes_on=timezone.localdate() - DAY))),
    Refusal.PREREQUISITE_MISSING: unprepared,
    Refusal.COURSE_FULL: full,
    "several at once": several,
}


def api(method: str, path: str, body: Callable[[int, int], dict[str, Any]]) -> Knock:
    def knock(request: Any, student: Student, course: Course) -> str:
        client = request.getfixturevalue("api")
        answer = getattr(client, method)("/api/v1" + path.format(s=student.pk, c=course.pk), body(student.pk, course.pk))
        assert answer.status_code == 409, answer.content
        assert answer.json()["code"] == answer.json()["errors"][0]["code"]
        return "\n".join(error["detail"] for error in answer.json()["errors"])

    return knock


def api_status(request: Any, student: Student, course: Course) -> str:
    """A withdrawn enrollment made active again."""
    row = withdrawn(student, course)
    return api("patch", f"/enrollments/{row.pk}", lambda _s, _c: {"status": "active"})(request, student, course)


def staff(path: str, field: str) -> Knock:
    def knock(request: Any, student: Student, course: Course) -> str:
        client = request.getfixturevalue("browser_of")("Clerk")
        answer = client.post(path.format(s=student.pk, c=course.pk), {field: [course.pk if field == "courses" else student.pk]})
        assert answer.status_code == 422
        return html.unescape(answer.content.decode())

    return knock


def admin_add(request: Any, student: Student, course: Course) -> str:
    client = request.getfixturevalue("browser_of")("admin")
    answer = client.post(reverse("admin:students_enrollment_add"), {"student": student.pk, "course": course.pk})
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def admin_inline(parent: str, field: str) -> Knock:
    """The association on the page of a student (with a row for the course), or of a course."""

    def knock(request: Any, student: Student, course: Course) -> str:
        client = request.getfixturevalue("browser_of")("admin")
        row: Model = student if parent == "student" else course
        url = reverse(f"admin:{row._meta.app_label}_{parent}_change", args=[row.pk])
        page = client.get(url).context
        formset = page["inline_admin_formsets"][0].formset
        data = {name: value for name, value in page["adminform"].form.initial.items() if value not in (None, False)}
        data |= {f"{formset.management_form.prefix}-{name}": value for name, value in formset.management_form.initial.items()}
        initial = formset.initial_form_count()
        data |= {f"{formset.prefix}-{index}-id": form.instance.pk for index, form in enumerate(formset.initial_forms)}
        data |= {f"{formset.prefix}-TOTAL_FORMS": initial + 1, f"{formset.prefix}-{initial}-{field}": (course if field == "course" else student).pk}
        answer = client.post(url, data)
        assert answer.status_code == 200
        return html.unescape(answer.content.decode())

    return knock


def imported(request: Any, student: Student, course: Course) -> str:
    file: Path = request.getfixturevalue("tmp_path") / "enrollments.csv"
    file.write_text(f"student_number,term_code,course_code\n{student.number},{course.term.code},{course.code}\n")
    errors = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("import_csv", "enrollments", str(file), stdout=StringIO(), stderr=errors)
    return errors.getvalue() + str(failed.value)


def withdrawn(student: Student, course: Course) -> Enrollment:
    """A pair that once was, made behind the back of the rules."""
    from students.enrollments import LOAD, Change, write
    from students.models import Status

    [result] = write([Change(student.pk, course.pk, LOAD[Status.WITHDRAWN])])
    assert result.enrollment is not None
    return result.enrollment


DOORS: dict[str, tuple[Door, Knock]] = {
    "POST a student's course": (Door.API, api("post", "/students/{s}/courses", lambda _s, c: {"course_id": c})),
    "POST a student's courses": (Door.API, api("post", "/students/{s}/courses", lambda _s, c: {"course_ids": [c]})),
    "PATCH a student's courses": (Door.API, api("patch", "/students/{s}/courses", lambda _s, c: {"add": [c]})),
    "PUT a student's courses": (Door.API, api("put", "/students/{s}/courses", lambda _s, c: {"course_ids": [c]})),
    "POST a course's students": (Door.API, api("post", "/courses/{c}/students", lambda s, _c: {"student_ids": [s]})),
    "POST an enrollment": (Door.API, api("post", "/enrollments", lambda s, c: {"student_id": s, "course_id": c})),
    "POST enrollments": (Door.API, api("post", "/enrollments", lambda s, c: {"enrollments": [{"student_id": s, "course_id": c}]})),
    "PATCH an enrollment": (Door.API, api_status),
    "staff: the student's courses": (Door.STAFF, staff("/students/{s}/courses/", "courses")),
    "staff: the course's students": (Door.STAFF, staff("/courses/{c}/students/", "students")),
    "admin: add an enrollment": (Door.ADMIN, admin_add),
    "admin: a row on the student's page": (Door.ADMIN, admin_inline("student", "course")),
    "admin: a row on the course's page": (Door.ADMIN, admin_inline("course", "student")),
    "import": (Door.IMPORT, imported),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("door", DOORS)
def test_is_refused_with_the_same_words(request: pytest.FixtureRequest, door: str, situation: str) -> None:
    student, course = SITUATIONS[situation]()
    taken = course.enrollments.filter(status="active").count()
    reasons = list(refusals(student, course, taken=taken, today=timezone.localdate(), missing=course.prerequisites))
    assert [reason.code for reason in reasons] == ([situation] if situation in Refusal.values else ["student_inactive", "course_closed", "course_full"])
    answer = DOORS[door][1](request, student, course)
    for reason in reasons:
        assert reason.messages[0] in answer
    assert not Enrollment.objects.filter(student=student, status="active").exists()


def test_no_refusal_and_no_door_is_left_out() -> None:
    assert set(Refusal.values) <= set(SITUATIONS)
    # A command enrolls nobody but by an import.
    assert {door for door, _knock in DOORS.values()} == set(Door) - {Door.COMMAND}
