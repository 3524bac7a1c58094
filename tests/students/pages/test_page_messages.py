"""Messages and notices of the staff pages: many names are folded, and nothing is said twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory
from students.factories import StudentFactory, enrolled
from tests.admin_page import messages_of, submit

pytestmark = pytest.mark.django_db


def names(message: str) -> tuple[str, str]:
    """Return the part of the message that is always shown, and the folded one."""
    shown, _fold, folded = message.partition("<details>")
    return shown, folded


class TestNames:
    def test_more_than_five_are_folded(self, registrar: Client) -> None:
        courses = [CourseFactory.create(code=f"C-{number}") for number in range(7)]
        for count in (5, 7):
            student = StudentFactory.create(last_name="<New>")
            data = {"courses": [course.pk for course in courses[:count]]}
            answer = registrar.post(f"/students/{student.pk}/courses/", data, follow=True)
            message = messages_of(answer)[0]
            assert "&lt;New&gt;" in message
            shown, folded = names(message)
            if count == 5:
                assert "C-4" in shown
                assert folded == ""
                continue
            assert [code for code in range(7) if f"C-{code}" in shown] == [0, 1, 2, 3, 4]
            assert "<summary>and 2 more</summary>" in folded
            assert "C-5" in folded
            assert "C-6" in folded
            assert message in answer.content.decode()

    def test_those_of_the_admin_too(self, registrar: Client) -> None:
        course = CourseFactory.create()
        for number in range(6):
            enrolled(StudentFactory.create(last_name=f"N{number}"), course)
        data = {
            "action": "withdraw",
            "select_across": "1",
            "_selected_action": "0",
            "rows": ",".join(str(row.pk) for row in course.enrollments.all()),
        }
        path = "/admin/students/enrollment/"
        page = registrar.post(path, data).content.decode()
        shown = page.partition('name="shown" value="')[2].partition('"')[0]
        answer = registrar.post(path, {**data, "shown": shown, "confirm": "1"}, follow=True)
        assert "<summary>and 1 more</summary>" in answer.content.decode()


def test_a_refusal_names_the_course_once(registrar: Client) -> None:
    student, course = StudentFactory.create(), CourseFactory.create(code="ART-110", capacity=0)
    answer: Any = registrar.post(f"/students/{student.pk}/courses/", {"courses": course.pk})
    summary = answer.content.decode().partition('class="summary"')[2].partition("</ul>")[0]
    assert summary.count("ART-110") == 1
    # From the other side, it names the student and then the course.
    answer = registrar.post(f"/courses/{course.pk}/students/", {"students": student.pk})
    summary = answer.content.decode().partition('class="summary"')[2].partition("</ul>")[0]
    assert summary.count(str(student)) == 1
    assert summary.count("ART-110") == 1


@pytest.mark.parametrize(
    "path", ["/students/{student}/", "/courses/{course}/", "/courses/{course}/sheet/"]
)
def test_a_moment_in_the_future_is_said_to_be_one(registrar: Client, path: str) -> None:
    row = enrolled(StudentFactory.create(), CourseFactory.create())
    path = path.format(student=row.student_id, course=row.course_id)
    for days, is_future in ((-1, False), (1, True)):
        moment = timezone.localtime() + timedelta(days=days)
        text = registrar.get(path, {"as_of": moment.strftime("%Y-%m-%dT%H:%M")}).content.decode()
        assert ("is in the future" in text) == is_future
        assert ("stood at 20" in text) != is_future


def test_credits_are_written_one_way(registrar: Client) -> None:
    course = CourseFactory.create(credits="3.00")
    path = f"/admin/courses/course/{course.pk}/"
    submit(registrar, f"{path}change/", {"credits": "2.5"})
    submit(registrar, f"{path}change/", {"credits": "4"})
    row = registrar.get("/admin/courses/course/").content.decode()
    assert 'class="field-credits_shown">4</td>' in row
    for page in (f"{path}history/", f"/courses/{course.pk}/"):
        text = " ".join(registrar.get(page).content.decode().split())
        assert "2.50" in text, page
        assert "4.00" not in text, page
        assert "3.00" not in text, page
