"""The lists of students and of enrollments in the admin: filters, columns, order, search."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.factories import CourseFactory, TermFactory
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.queries import count_queries

pytestmark = pytest.mark.django_db
STUDENTS = "/admin/students/student/"
ENROLLMENTS = "/admin/students/enrollment/"


def rows(browser: Client, url: str, **query: Any) -> list[Any]:
    return list(browser.get(url, query).context["cl"].result_list)


def people(number: int) -> list[Student]:
    return [StudentFactory.create(last_name=f"L{n}") for n in range(number)]


class TestStudents:
    def test_are_filtered_by_the_term_of_a_current_course(self, registrar: Client) -> None:
        seated, waiting, gone, elsewhere = people(4)
        term = TermFactory(code="2026-FA")
        course = CourseFactory(term=term, capacity=1)
        service.enroll([(seated.pk, course.pk), (waiting.pk, course.pk)], Options(waitlist=True))
        enrolled(gone, CourseFactory(term=term), Status.WITHDRAWN)
        enrolled(elsewhere, CourseFactory())
        enrolled(seated, CourseFactory(term=term))

        assert rows(registrar, STUDENTS, term="2026-FA") == [seated, waiting]

    def test_are_filtered_by_whether_they_are_active(self, registrar: Client) -> None:
        _one, other = StudentFactory(), StudentFactory(is_active=False)

        assert rows(registrar, STUDENTS, is_active__exact="0") == [other]

    def test_are_sorted_only_by_indexed_columns(self, registrar: Client) -> None:
        StudentFactory()

        html = registrar.get(STUDENTS).content.decode()

        assert set(re.findall(r'class="sortable column-(\w+)', html)) == {"number", "last_name"}


class TestEnrollments:
    def test_show_the_term_the_status_and_the_place(self, registrar: Client) -> None:
        course = CourseFactory(term=TermFactory(code="2026-FA"), capacity=0)
        service.enroll([(StudentFactory().pk, course.pk)], Options(waitlist=True))

        html = registrar.get(ENROLLMENTS).content.decode()

        assert f'<td class="field-course nowrap">{course.code} (2026-FA)</td>' in html
        assert '<td class="field-status_label">waitlisted (1)</td>' in html

    def test_come_latest_first(self, registrar: Client) -> None:
        first, second = (enrolled(StudentFactory(), CourseFactory()) for _ in range(2))

        assert rows(registrar, ENROLLMENTS) == [second, first]

    def test_of_a_term_come_by_course(self, registrar: Client) -> None:
        one, other = CourseFactory.create_batch(2, term=TermFactory())
        first, second, third = (enrolled(StudentFactory(), course) for course in (one, other, one))
        enrolled(StudentFactory(), CourseFactory())

        assert rows(registrar, ENROLLMENTS, course__term__id__exact=one.term_id) == [
            third,
            first,
            second,
        ]

    def test_of_some_courses_come_by_course(self, registrar: Client) -> None:
        one, other = CourseFactory(code="BIO-1"), CourseFactory(code="BIO-2")
        first, second, third = (enrolled(StudentFactory(), course) for course in (one, other, one))

        assert rows(registrar, ENROLLMENTS, in_course="bio") == [third, first, second]
        assert rows(registrar, ENROLLMENTS, in_course=" ") == [third, second, first]

    @pytest.mark.parametrize(
        ("typed", "number"), [("bio", 2), ("BIO-1", 1), ("zzz", 0), ("  ", 3), ("\0", 3)]
    )
    def test_are_filtered_by_a_search_for_the_course(
        self, registrar: Client, typed: str, number: int
    ) -> None:
        for code in ("BIO-1", "BIO-2", "ART"):
            enrolled(StudentFactory(), CourseFactory(code=code, title=code))

        assert len(rows(registrar, ENROLLMENTS, in_course=typed)) == number

    def test_keep_the_other_filters_and_the_search_when_a_course_is_typed(
        self, registrar: Client
    ) -> None:
        html = registrar.get(
            ENROLLMENTS, {"status__exact": "active", "q": "ann", "in_course": '"bio"'}
        ).content.decode()

        form = " ".join(
            html[
                html.index('class="search-filter"') : html.index(
                    "</form>", html.index('class="search-filter"')
                )
            ].split()
        )
        assert 'name="status__exact" value="active"' in form
        assert 'name="q" value="ann"' in form
        assert 'name="in_course" value="&quot;bio&quot;"' in form

    @pytest.mark.parametrize("bound", [0, 1_000])
    @pytest.mark.parametrize(
        ("typed", "number"),
        [
            ("lee", 2),
            ("bio", 2),
            ("lee bio", 1),
            ("zzz", 0),
            ("lee zzz", 0),
            ("", 4),
            ("b", 3),
            ("xu lee", 2),
            ("xu orr", 0),
        ],
    )
    def test_are_found_by_words_of_student_or_course(
        self,
        registrar: Client,
        monkeypatch: pytest.MonkeyPatch,
        bound: int,
        typed: str,
        number: int,
    ) -> None:
        monkeypatch.setattr("students.admin.filters.MAX_LISTED_IDS", bound)
        lee = StudentFactory(first_name="Xu", last_name="Lee", number="1", email="1@x.example")
        other = StudentFactory(first_name="Bo", last_name="Orr", number="2", email="2@x.example")
        bio, art = CourseFactory(code="BIO", title="Y"), CourseFactory(code="ART", title="Z")
        for student in (lee, other):
            for course in (bio, art):
                enrolled(student, course)

        assert len(rows(registrar, ENROLLMENTS, q=typed)) == number

    def test_queries_do_not_grow_with_rows(self, registrar: Client) -> None:
        course = CourseFactory(capacity=2)

        def opened(number: int) -> int:
            pairs = [(student.pk, course.pk) for student in StudentFactory.create_batch(number)]
            service.enroll(pairs, Options(waitlist=True))
            return count_queries(lambda: registrar.get(ENROLLMENTS))

        assert opened(3) == opened(27)


@pytest.mark.parametrize("url", [STUDENTS, ENROLLMENTS])
def test_a_long_list_is_counted_to_its_bound(
    registrar: Client, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("core.admin.paginator.MAX_COUNT", 3)
    course = CourseFactory()
    for student in people(5):
        enrolled(student, course)

    page = registrar.get(url)

    assert page.context["cl"].result_count == 3
    assert "more than 3 " in " ".join(page.content.decode().split())


def test_a_search_shows_its_number_of_results(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.admin.paginator.MAX_COUNT", 1)
    people(3)

    def search_text(**query: str) -> str:
        html = " ".join(registrar.get(STUDENTS, query).content.decode().split())
        return html[html.index('id="toolbar"') : html.index("</form>", html.index('id="toolbar"'))]

    assert "1 student (" in search_text(q="l1")
    assert "more than 1 student (" in search_text(q="school")
    assert "student (" not in search_text()


def test_a_list_that_ends_at_its_bound_is_complete(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.admin.paginator.MAX_COUNT", 3)
    people(3)

    assert "more than" not in registrar.get(STUDENTS).content.decode()


def test_no_page_of_an_enrollment_lists_all_students_or_courses(
    registrar: Client, browser_of: Callable[[str], Client]
) -> None:
    student, course = StudentFactory(), CourseFactory()
    other = enrolled(StudentFactory(), CourseFactory())

    for url in (
        f"{ENROLLMENTS}add/",
        f"{ENROLLMENTS}{other.pk}/change/",
        ENROLLMENTS,
        f"{STUDENTS}{other.student_id}/change/",
    ):
        html = registrar.get(url).content.decode()
        assert str(student) not in html
        assert str(course) not in html
    assert Enrollment.objects.count() == 1
