"""The box for pasted lists on the pages that enroll and withdraw: nothing typed is lost."""

import re
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(capacity=40)


@pytest.fixture
def students() -> list[Student]:
    return [StudentFactory.create(number=f"S001{index:02}") for index in range(3)]


def lines_of(answer: Any) -> list[str]:
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", answer.content.decode(), re.DOTALL)
    return found[1].splitlines() if found else []


def chosen(answer: Any) -> set[int]:
    rows = [*answer.context["chosen"], *answer.context["found"]]
    return {choice.row.pk for choice in rows if choice.chosen}


class TestEnroll:
    @pytest.fixture
    def url(self, course: Course) -> str:
        return f"/courses/{course.pk}/students/"

    def test_enrolls_those_that_can_be_and_keeps_the_rest(
        self, clerk: Client, course: Course, students: list[Student], url: str
    ) -> None:
        inactive = StudentFactory.create(number="S00900", is_active=False)
        list_of_five = "S00100\nS00101\nS0O102\nno-one\nS00900"
        sent = {"paste": list_of_five, "reason": "Moved", "q": "ann"}
        answer = clerk.post(url, sent)
        assert answer.status_code == 422
        assert not course.enrollments.exists()
        text = answer.content.decode()
        assert "Enroll the 2, keep the 3 here" in " ".join(text.split())
        assert "Line 3: “S0O102” is no student" in text
        assert "Did you mean S00102?" in " ".join(text.split())
        assert lines_of(answer) == ["S0O102", "no-one"]
        assert clerk.post(f"{url}?do=check", sent).content.count(b"keep the 3 here") == 1

        answer = clerk.post(f"{url}?do=part", sent)
        assert answer.status_code == 200
        assert {row.student for row in course.enrollments.all()} == set(students[:2])
        assert lines_of(answer) == ["S0O102", "no-one"]
        assert chosen(answer) == {inactive.pk}
        text = answer.content.decode()
        assert "Nobody was enrolled" not in text
        assert f"enrolled: {students[0]}, {students[1]}" in text
        assert 'action="/undo/"' in text
        assert 'value="ann"' in text

        corrected = {"paste": "S0O102\nno-one", "correct": "S0O102\tS00102"}
        answer = clerk.post(f"{url}?do=check", corrected)
        assert (lines_of(answer), chosen(answer)) == (["no-one"], {students[2].pk})
        # With nothing left to be corrected it is an enrollment like any other.
        answer = clerk.post(f"{url}?do=part", {"paste": students[2].number})
        assert (answer.status_code, course.enrollments.count()) == (302, 3)

    def test_offers_no_part_where_all_or_nothing_is_refused(
        self, clerk: Client, students: list[Student], url: str
    ) -> None:
        assert b"?do=part" not in clerk.post(url, {"paste": "no-one"}).content
        answer = clerk.post(f"{url}?do=check", {"paste": students[0].number})
        assert b"?do=part" not in answer.content
        answer = clerk.post(f"{url}?do=part", {"paste": "no-one"})
        assert (answer.status_code, lines_of(answer)) == (422, ["no-one"])

    def test_a_code_of_several_terms_offers_them(self, clerk: Client, course: Course) -> None:
        student = StudentFactory.create()
        other = CourseFactory.create(code=course.code, term=TermFactory.create())
        url = f"/students/{student.pk}/courses/"
        answer = clerk.post(url, {"paste": course.code})
        assert answer.status_code == 422
        assert f'value="{course.code}\t{other}"' in answer.content.decode().replace("&#9;", "\t")
        sent = {"paste": course.code, "correct": f"{course.code}\t{other}"}
        assert clerk.post(url, sent).status_code == 302
        assert [row.course for row in student.enrollments.all()] == [other]


class TestWithdraw:
    @pytest.fixture
    def url(self, course: Course, students: list[Student]) -> str:
        for student in students:
            enrolled(student, course)
        return f"/courses/{course.pk}/withdraw/"

    def test_the_course_has_a_box_that_leads_to_the_page_that_confirms(
        self, clerk: Client, viewer: Client, course: Course, students: list[Student], url: str
    ) -> None:
        page = f"/courses/{course.pk}/"
        assert f'action="{url}?do=check"' in clerk.get(page).content.decode()
        assert b'name="paste"' not in viewer.get(page).content
        assert b'name="paste"' not in clerk.get(f"{page}?as_of=2020-01-01T00:00").content
        outsider = StudentFactory.create(number="S00900", email="out@school.example")
        sent = {"paste": f"number\ts\n{outsider.email}\tx\nS00100\ty\nS00101\tz\nS0O102\tz"}
        answer = clerk.post(f"{url}?do=check", sent)
        assert answer.status_code == 200
        text = " ".join(answer.content.decode().split())
        assert "Withdraw 2 students from" in text
        assert "Withdraw the 2, keep the 2 here" in text
        assert "Line 2: “out@school.example x” is not enrolled here." in text
        assert "Line 5: “S0O102 z” is no student" in text
        assert "Did you mean S00102?" in text
        assert lines_of(answer) == ["out@school.example\tx", "S0O102\tz"]
        assert set(course.enrollments.values_list("status", flat=True)) == {Status.ACTIVE}

    def test_withdraws_those_shown_and_keeps_the_rest(
        self, clerk: Client, course: Course, students: list[Student], url: str
    ) -> None:
        ids = [student.pk for student in students]
        answer = clerk.post(url, {"students": ids[:2], "paste": "no-one", "reason": "Moved"})
        assert (answer.status_code, lines_of(answer)) == (200, ["no-one"])
        assert "withdrawn: " in answer.content.decode()
        withdrawn = course.enrollments.filter(status=Status.WITHDRAWN)
        assert {row.student_id for row in withdrawn.all()} == set(ids[:2])
        # A line that was corrected names a student whom the page did not show.
        answer = clerk.post(url, {"paste": students[2].number})
        assert answer.status_code == 422
        assert [row.student for row in answer.context["rows"]] == [students[2]]
        assert withdrawn.count() == 2
        assert clerk.post(url, {"students": ids[2]}).status_code == 302
        assert withdrawn.count() == 3
