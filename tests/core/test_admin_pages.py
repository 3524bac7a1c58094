"""Terms and courses in the admin: saving, finding, listing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from tests.admin_page import fields_of, messages_of, submit
from tests.queries import count_queries

COURSES = "/admin/courses/course/"
TERMS = "/admin/courses/term/"


def change_url(row: Any) -> str:
    return f"/admin/courses/{row._meta.model_name}/{row.pk}/change/"


@pytest.fixture
def registrar(browser_of: Callable[[str], Client]) -> Client:
    return browser_of("Registrar")


class TestSave:
    def test_a_new_term(self, registrar: Client) -> None:
        submit(
            registrar,
            TERMS + "add/",
            {"code": "2026-FA", "name": "Fall", "starts_on": "2026-09-01", "ends_on": "2027-01-31"},
        )

        record = Term.objects.get(code="2026-FA").history.get()
        assert (record.door, record.history_user.username) == ("admin", "registrar")

    def test_shows_a_broken_constraint_beside_its_field(self, registrar: Client) -> None:
        term = TermFactory()

        response = submit(registrar, change_url(term), {"ends_on": "1999-01-01"})

        assert response.context["adminform"].form.errors == {
            "ends_on": ["A term cannot end before it starts."]
        }

    def test_saving_without_a_change_writes_no_history(self, registrar: Client) -> None:
        course = CourseFactory(description="One\nTwo", credits="2.5", capacity=3)

        submit(registrar, change_url(course))

        assert course.history.count() == 1

    def test_keeps_the_fields_that_somebody_else_has_changed(self, registrar: Client) -> None:
        course = CourseFactory(title="Old", capacity=10, is_open=True)
        page = fields_of(registrar.get(change_url(course)).content.decode())
        Course.objects.filter(pk=course.pk).update(capacity=20, is_open=False)

        submit(registrar, change_url(course), {"title": "New"}, page=page)

        course.refresh_from_db()
        assert (course.title, course.capacity, course.is_open) == ("New", 20, False)
        record = course.history.latest()
        assert (record.title, record.capacity, record.is_open) == ("New", 20, False)

    def test_history_records_have_the_changes_of_others(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        course = CourseFactory(title="Old", capacity=10)
        monkeypatch.setattr(
            Course, "clean", lambda course: Course.objects.filter(pk=course.pk).update(capacity=20)
        )

        submit(registrar, change_url(course), {"title": "New"})

        record = course.history.latest()
        assert (record.title, record.capacity) == ("New", 20)

    def test_unticking_a_box_is_a_change(self, registrar: Client) -> None:
        course = CourseFactory()

        submit(registrar, change_url(course), {"is_open": None})

        course.refresh_from_db()
        assert not course.is_open


class TestPrerequisitesField:
    """Course codes separated by commas."""

    def test_saves_codes(self, registrar: Client) -> None:
        CourseFactory(code="ONE")
        CourseFactory(code="TWO")
        course = CourseFactory()

        submit(registrar, change_url(course), {"prerequisites": " ONE,TWO, ONE "})

        course.refresh_from_db()
        assert course.prerequisites == ["ONE", "TWO"]
        assert fields_of(registrar.get(change_url(course)).content.decode())["prerequisites"] == [
            "ONE, TWO"
        ]

    def test_unchanged_codes_are_no_change(self, registrar: Client) -> None:
        course = CourseFactory(prerequisites=[CourseFactory(code="ONE").code])

        submit(registrar, change_url(course))

        assert course.history.count() == 1

    @pytest.mark.parametrize(
        ("typed", "error"),
        [
            ("NONE, ONE", "There is no course with the code NONE."),
            ("SELF", "A course cannot come before itself: SELF → SELF."),
            ("ONE", "A course cannot come before itself: SELF → ONE → SELF."),
        ],
    )
    def test_unknown_codes_are_an_error_beside_the_field(
        self, registrar: Client, typed: str, error: str
    ) -> None:
        course = CourseFactory(code="SELF")
        CourseFactory(code="ONE", prerequisites=["SELF"])

        response = submit(registrar, change_url(course), {"prerequisites": typed})

        assert response.context["adminform"].form.errors == {"prerequisites": [error]}
        course.refresh_from_db()
        assert course.prerequisites == []

    def test_a_new_course_cannot_be_its_own_prerequisite(self, registrar: Client) -> None:
        fields = {
            "code": "SELF",
            "title": "Self",
            "term": TermFactory().pk,
            "credits": 1,
            "prerequisites": "SELF",
        }

        response = submit(registrar, COURSES + "add/", fields)

        assert response.context["adminform"].form.errors == {
            "prerequisites": ["A course cannot come before itself: SELF → SELF."]
        }
        assert not Course.objects.exists()


class TestErrorsWhileSaving:
    """Another transaction takes a unique value between the check and saving."""

    @pytest.fixture
    def first_check_skipped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Skips the first check of constraints, which runs before the other transaction."""
        check = Course.validate_constraints
        calls: list[Any] = []

        def validate(course: Course, exclude: Any = None) -> None:
            calls.append(course)
            if len(calls) > 1:
                check(course, exclude)

        monkeypatch.setattr(Course, "validate_constraints", validate)

    @pytest.mark.usefixtures("first_check_skipped")
    def test_shows_the_error_of_a_change_beside_its_field(self, registrar: Client) -> None:
        first = CourseFactory(code="ONE")
        course = CourseFactory(code="TWO", term=first.term)

        response = submit(registrar, change_url(course), {"code": "ONE"})

        assert response.status_code == 200
        assert response.context["adminform"].form.errors == {
            "code": ["This term already has a course with this code and section."]
        }
        assert messages_of(response) == []
        course.refresh_from_db()
        assert (course.code, course.history.count()) == ("TWO", 1)
        assert not LogEntry.objects.exists()

    @pytest.mark.usefixtures("first_check_skipped")
    def test_shows_the_form_of_a_new_row_with_its_input(self, registrar: Client) -> None:
        first = CourseFactory(code="ONE")

        response = submit(
            registrar, COURSES + "add/", {"code": "ONE", "title": "Typed", "term": first.term_id}
        )

        assert response.context["adminform"].form.errors == {
            "code": ["This term already has a course with this code and section."]
        }
        assert fields_of(response.content.decode())["title"] == ["Typed"]
        assert Course.objects.count() == 1

    def test_shows_an_error_that_only_saving_raises(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def save(course: Course, **_options: Any) -> None:
            raise ValidationError({"title": ["Somebody was quicker."]})

        course = CourseFactory()
        monkeypatch.setattr(Course, "save", save)

        response = submit(registrar, change_url(course), {"title": "New"})

        assert response.context["adminform"].form.errors == {"title": ["Somebody was quicker."]}


class TestList:
    def test_shows_seats_and_waiting(self, registrar: Client) -> None:
        CourseFactory(capacity=30)
        CourseFactory()

        html = registrar.get(COURSES).content.decode()

        assert '<td class="field-seats nowrap">0 / 30</td>' in html or ">0 / 30<" in html
        assert ">0 / ∞<" in html

    def test_a_term_counts_its_courses(self, registrar: Client) -> None:
        course = CourseFactory()
        CourseFactory(term=course.term)

        assert '<td class="field-course_count">2</td>' in registrar.get(TERMS).content.decode()

    @pytest.mark.parametrize(("text", "number"), [("bio", 1), ("BIO-101 bot", 1), ("otany", 0)])
    def test_search_matches_word_prefixes(self, registrar: Client, text: str, number: int) -> None:
        CourseFactory(code="BIO-101", title="Botany")
        CourseFactory(code="X", title="Chemistry")

        assert len(registrar.get(COURSES, {"q": text}).context["cl"].result_list) == number

    @pytest.mark.parametrize(
        ("wanted", "shown"),
        [
            ("left", "FREE UNLIMITED"),
            ("full", "FULL OVER"),
            ("over", "OVER"),
            ("waiting", "FULL"),
            ("nonsense", "FREE FULL OVER UNLIMITED"),
        ],
    )
    def test_filters_by_seats(self, registrar: Client, wanted: str, shown: str) -> None:
        for code, capacity in (("FREE", 2), ("FULL", 1), ("OVER", 1), ("UNLIMITED", None)):
            enrolled(StudentFactory(), CourseFactory(code=code, capacity=capacity))
        service.enroll(
            [(StudentFactory().pk, Course.objects.get(code="FULL").pk)], Options(waitlist=True)
        )
        service.enroll(
            [(StudentFactory().pk, Course.objects.get(code="OVER").pk)],
            Options(override=["course_full"]),
        )

        rows = registrar.get(COURSES, {"seats": wanted}).context["cl"].result_list

        assert sorted(course.code for course in rows) == shown.split()

    def test_counts_the_seats_of_all_courses_once(self, registrar: Client) -> None:
        CourseFactory(capacity=0)
        with CaptureQueriesContext(connection) as queries:
            registrar.get(COURSES, {"seats": "full"})

        assert sum('"capacity" <= ' in query["sql"] for query in queries) == 1

    def test_counts_only_as_many_rows_as_it_shows(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.admin.paginator.MAX_COUNT", 3)
        CourseFactory.create_batch(5)

        assert registrar.get(COURSES).context["cl"].result_count == 3

    @pytest.mark.parametrize("url", [COURSES, TERMS])
    def test_queries_do_not_grow_with_rows(self, registrar: Client, url: str) -> None:
        def count_for(number: int) -> int:
            CourseFactory.create_batch(number)
            return count_queries(lambda: registrar.get(url))

        # The first course makes the filter by term appear.
        assert count_for(3) == count_for(27)


def test_the_term_of_a_course_can_be_chosen_and_added_but_not_deleted(
    registrar: Client,
) -> None:
    course = CourseFactory(term__code="2027-SP")

    page = registrar.get(f"{COURSES}{course.pk}/change/").content.decode()

    assert f'<option value="{course.term_id}" selected>2027-SP</option>' in page
    assert 'id="add_id_term"' in page
    assert 'id="delete_id_term"' not in page


class TestAutocomplete:
    """The choices of a field with autocomplete."""

    def get_results(self, browser: Client, term: str) -> Any:
        field = {"app_label": "students", "model_name": "enrollment", "field_name": "course"}
        return browser.get("/admin/autocomplete/", {"term": term, **field})

    def test_finds_courses_by_word_prefixes(self, registrar: Client) -> None:
        course = CourseFactory(code="BIO-101", title="Botany")
        CourseFactory()

        assert self.get_results(registrar, "bot").json()["results"] == [
            {"id": str(course.pk), "text": str(course)}
        ]

    def test_accepts_any_text(self, registrar: Client) -> None:
        assert self.get_results(registrar, "\0(").status_code == 200

    def test_queries_do_not_grow_with_rows(self, registrar: Client) -> None:
        def count_for(number: int) -> int:
            CourseFactory.create_batch(number)
            return count_queries(lambda: self.get_results(registrar, ""))

        assert count_for(3) == count_for(15)


@pytest.mark.parametrize("key", ["0", "x", str(10**30)])
@pytest.mark.parametrize("verb", ["change", "history", "delete"])
def test_pages_of_invalid_ids_are_redirects(registrar: Client, key: str, verb: str) -> None:
    assert registrar.get(f"{COURSES}{key}/{verb}/").status_code in (302, 404)
