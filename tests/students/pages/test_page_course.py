"""`/courses/{id}/` with its roster, the roster as CSV, and the seats in the list of courses."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> Course:
    return CourseFactory.create(
        code="BIO-1", title="Biology", capacity=30, credits="3.50", description="What lives."
    )


def roster(answer: Any) -> list[Enrollment]:
    rows: list[Enrollment] = answer.context["page"].rows
    return rows


def lines(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


class TestPage:
    def test_shows_the_fields_and_the_seats(self, viewer: Client, course: Course) -> None:
        enrolled(StudentFactory.create(), course)
        enrolled(StudentFactory.create(), course, Status.WITHDRAWN)
        text = " ".join(viewer.get(f"/courses/{course.pk}/").content.decode().split())
        for words in (
            "BIO-1",
            "Biology",
            "What lives.",
            "1 / 30",
            'max="30" value="1"',
            "3.50",
            course.term.name,
            "any day",
        ):
            assert words in text

    def test_unlimited_seats_have_no_bar(self, viewer: Client) -> None:
        text = viewer.get(f"/courses/{CourseFactory.create(capacity=None).pk}/").content.decode()
        assert "0, no limit" in text
        assert "<progress" not in text

    def test_the_roster_is_sorted_by_name_and_shows_current_ones(
        self, viewer: Client, course: Course
    ) -> None:
        rows = [enrolled(StudentFactory.create(last_name=name), course) for name in ("Zu", "Abel")]
        done = enrolled(StudentFactory.create(last_name="Done"), course, Status.COMPLETED)
        url = f"/courses/{course.pk}/"
        assert roster(viewer.get(url)) == [rows[1], rows[0]]
        assert roster(viewer.get(url, {"status": "completed"})) == [done]
        assert roster(viewer.get(url, {"status": "all"})) == [rows[1], done, rows[0]]
        assert roster(viewer.get(url, {"q": "zu"})) == [rows[0]]

    def test_the_roster_has_pages(self, viewer: Client) -> None:
        course = CourseFactory.create(capacity=None)
        for student in StudentFactory.create_batch(53):
            enrolled(student, course)
        url = f"/courses/{course.pk}/"
        first = viewer.get(url)
        second = viewer.get(url, {"cursor": first.context["page"].next})
        assert [len(roster(answer)) for answer in (first, second)] == [50, 3]
        assert len({row.pk for answer in (first, second) for row in roster(answer)}) == 53

    def test_shows_the_history_of_this_course_only(self, viewer: Client, course: Course) -> None:
        enrolled(StudentFactory.create(), CourseFactory.create())
        row = enrolled(StudentFactory.create(), course)
        assert [
            record.id for record in viewer.get(f"/courses/{course.pk}/").context["history"].rows
        ] == [row.pk]

    def test_takes_a_bounded_number_of_queries(
        self, viewer: Client, course: Course, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for student in StudentFactory.create_batch(6):
            enrolled(student, course)
        with django_assert_max_num_queries(11):
            viewer.get(f"/courses/{course.pk}/")


class TestWaitlist:
    @pytest.fixture
    def full(self) -> Course:
        """A course with two seats: Young and Abel have them; Zu, Bell and Moe wait."""
        course = CourseFactory.create(code="BIO-101", capacity=2)
        students = [
            StudentFactory.create(last_name=name) for name in ("Young", "Abel", "Zu", "Bell", "Moe")
        ]
        service.enroll([(student.pk, course.pk) for student in students], Options(waitlist=True))
        return course

    def test_waiting_students_come_last_in_the_order_of_the_waitlist(
        self, viewer: Client, full: Course
    ) -> None:
        answer = viewer.get(f"/courses/{full.pk}/")
        assert [(row.student.last_name, row.position) for row in roster(answer)] == [
            ("Abel", None),
            ("Young", None),
            ("Zu", 1),
            ("Bell", 2),
            ("Moe", 3),
        ]
        text = " ".join(answer.content.decode().split())
        places = [
            text.index(words)
            for words in (
                "Young,",
                "Waitlist, in the order",
                "Zu,",
                "place 1",
                "Bell,",
                "place 2",
                "Moe,",
                "place 3",
            )
        ]
        assert places == sorted(places)
        assert "3 waiting" in text

    def test_the_waitlist_can_be_shown_alone(self, viewer: Client, full: Course) -> None:
        answer = viewer.get(f"/courses/{full.pk}/", {"status": "waitlisted"})
        assert [row.student.last_name for row in roster(answer)] == ["Zu", "Bell", "Moe"]
        assert (
            "Waitlist, in the order"
            not in viewer.get(f"/courses/{full.pk}/", {"status": "active"}).content.decode()
        )

    def test_a_page_may_begin_inside_the_waitlist(self, viewer: Client) -> None:
        course = CourseFactory.create(capacity=1)
        students = [StudentFactory.create(last_name=f"N{54 - number:02}") for number in range(54)]
        service.enroll([(student.pk, course.pk) for student in students], Options(waitlist=True))
        url = f"/courses/{course.pk}/"
        first = viewer.get(url)
        second = viewer.get(url, {"cursor": first.context["page"].next})
        assert [row.student_id for answer in (first, second) for row in roster(answer)] == [
            student.pk for student in students
        ]
        assert "Waitlist, in the order" in second.content.decode()
        assert roster(viewer.get(url, {"cursor": second.context["page"].previous})) == roster(first)

    def test_the_file_has_the_places_in_the_same_order(self, viewer: Client, full: Course) -> None:
        places = [
            (line["last_name"], line["position"])
            for line in lines(viewer.get(f"/courses/{full.pk}/roster.csv"))
        ]
        assert places == [("Abel", ""), ("Young", ""), ("Zu", "1"), ("Bell", "2"), ("Moe", "3")]

    def test_the_history_shows_the_override(self, viewer: Client, full: Course) -> None:
        with record_changes_as(Door.STAFF, reason="one more chair"):
            service.enroll(
                [(StudentFactory.create().pk, full.pk)], Options(override=["course_full"])
            )
        text = viewer.get(f"/courses/{full.pk}/").content.decode()
        assert "although the course is full" in text
        assert "one more chair" in text

    def test_the_prerequisites_are_shown(self, viewer: Client) -> None:
        course = CourseFactory.create(prerequisites=["BEFORE-1", "BEFORE-2"])
        assert "BEFORE-1, BEFORE-2" in viewer.get(f"/courses/{course.pk}/").content.decode()


class TestFile:
    def test_has_all_pages_of_the_roster(self, viewer: Client) -> None:
        course = CourseFactory.create(capacity=None)
        students = StudentFactory.create_batch(53, last_name="Same")
        for student in students:
            enrolled(student, course)
        answer = viewer.get(f"/courses/{course.pk}/roster.csv")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == f'attachment; filename="roster-{course.pk}.csv"'
        assert {line["number"] for line in lines(answer)} == {
            student.number for student in students
        }

    def test_has_the_filters_of_the_page(self, viewer: Client, course: Course) -> None:
        student = StudentFactory.create(last_name="Müller")
        enrolled(student, course, Status.WITHDRAWN)
        enrolled(StudentFactory.create(last_name="Other"), course)
        text = viewer.get(
            f"/courses/{course.pk}/", {"status": "withdrawn", "q": "mü"}
        ).content.decode()
        assert f'href="/courses/{course.pk}/roster.csv?status=withdrawn&amp;q=m%C3%BC"' in text
        [line] = lines(
            viewer.get(f"/courses/{course.pk}/roster.csv", {"status": "withdrawn", "q": "mü"})
        )
        assert (
            line["number"],
            line["last_name"],
            line["email"],
            line["status"],
            line["position"],
        ) == (
            student.number,
            "Müller",
            student.email,
            "withdrawn",
            "",
        )

    def test_no_cell_is_a_formula(self, viewer: Client, course: Course) -> None:
        full_width = ("\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A1")
        for name in ("=1+1", "+1", "-1", "@A1", "\t=1", *full_width):
            enrolled(StudentFactory.create(last_name=name), course)
        assert {
            line["last_name"][0] for line in lines(viewer.get(f"/courses/{course.pk}/roster.csv"))
        } == {"'"}


class TestSeats:
    def test_the_list_shows_seats_and_filters_courses_with_free_ones(self, viewer: Client) -> None:
        full, room, open_ended = (
            CourseFactory.create(capacity=1),
            CourseFactory.create(capacity=2),
            CourseFactory.create(),
        )
        for course in (full, room, open_ended):
            enrolled(StudentFactory.create(), course)
        answer = viewer.get("/courses/")
        assert {
            course.pk: (course.taken, course.left) for course in answer.context["page"].rows
        } == {
            full.pk: (1, 0),
            room.pk: (1, 1),
            open_ended.pk: (1, None),
        }
        assert set(viewer.get("/courses/", {"has_seats": "on"}).context["page"].rows) == {
            room,
            open_ended,
        }

    def test_a_capacity_below_the_seats_taken_is_saved_with_a_warning(
        self, browser_of: Callable[[str], Client]
    ) -> None:
        course = CourseFactory.create(capacity=3, term=TermFactory.create())
        for student in StudentFactory.create_batch(2):
            enrolled(student, course)
        fields = {
            "term": course.term_id,
            "code": course.code,
            "title": course.title,
            "credits": "3",
            "is_open": "on",
        }
        registrar = browser_of("Registrar")
        answer = registrar.post(
            f"/courses/{course.pk}/edit/", fields | {"capacity": "1"}, follow=True
        )
        assert (
            "more seats are taken (2) than there are (1). Everybody who has a seat keeps it."
            in answer.content.decode()
        )
        assert Enrollment.objects.filter(status=Status.ACTIVE).count() == 2
        answer = registrar.post(
            f"/courses/{course.pk}/edit/", fields | {"capacity": "2"}, follow=True
        )
        assert "more seats are taken" not in answer.content.decode()
