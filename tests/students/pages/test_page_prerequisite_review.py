"""`/terms/{code}/prerequisites/`: the review of prerequisites that are not completed yet."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from courses.requirements import StoredRequirement
from students.enrollment import service
from students.enrollment.transitions import ENROLL, EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import Enrollment, Status, Student
from tests.page_text import text_of

pytestmark = pytest.mark.django_db
URL = "/terms/T/prerequisites/"


@pytest.fixture
def term() -> Term:
    return TermFactory.create(code="T", accepts_in_progress=True)


@pytest.fixture
def basics(term: Term) -> Course:
    """A course of the term before."""
    before = TermFactory.create(
        code="BEFORE",
        starts_on=term.starts_on - timedelta(days=90),
        ends_on=term.starts_on - timedelta(days=1),
    )
    return CourseFactory.create(code="MAT-1", term=before)


@pytest.fixture
def course(term: Term) -> Course:
    return CourseFactory.create(code="MAT-2", title="Analysis", term=term)


def require(course: Course, *requirements: StoredRequirement) -> None:
    """Add prerequisites to a course that students take already."""
    course.prerequisites = [*requirements]
    course.save()


def enroll_many(course: Course, number: int) -> list[Enrollment]:
    """Enroll students, by name in the order of their numbers."""
    students = [StudentFactory.create(last_name=f"N{place:03}") for place in range(number)]
    return [enrolled(student, course) for student in students]


def ticked(answer: Any) -> list[int]:
    """Return the ids of the ticked enrollments, in the order of the page."""
    boxes = re.findall(r"<input[^>]*name=\"enrollments\"[^>]*>", answer.content.decode())
    return [int(re.findall(r'value="(\d+)"', box)[0]) for box in boxes if "checked" in box]


def listed(answer: Any) -> list[str]:
    """Return the last names on the page, in its order."""
    return [row.student.last_name for row in answer.context["page"].rows]


def test_says_what_is_missing_and_how_it_is_met(
    viewer: Client, course: Course, basics: Course
) -> None:
    beside = CourseFactory.create(code="MAT-1", section="B", term=course.term)
    later = TermFactory.create(code="LATER", starts_on=course.term.ends_on + timedelta(days=1))
    later_course = CourseFactory.create(code="MAT-1", term=later)
    for name, other, status in (
        ("Completed", basics, Status.COMPLETED),
        ("Earlier", basics, Status.ACTIVE),
        ("Beside", beside, Status.ACTIVE),
        ("Later", later_course, Status.ACTIVE),
        ("Withdrawn", basics, Status.WITHDRAWN),
        ("None", None, Status.ACTIVE),
    ):
        student = StudentFactory.create(last_name=name)
        enrolled(student, course)
        if other:
            enrolled(student, other, status)
    require(course, {"any": ["MAT-1", "MAT-0"], "concurrent": True}, "PHY-1")
    answer = viewer.get(URL)
    assert listed(answer) == ["Beside", "Completed", "Earlier", "Later", "None", "Withdrawn"]
    cells = re.findall(
        r'<td data-label="Not completed">(.*?)</td>', answer.content.decode(), re.DOTALL
    )
    first = "MAT-1 or MAT-0 (may be taken at the same time)"
    assert dict(zip(listed(answer), map(text_of, cells), strict=True)) == {
        "Beside": f"{first} at the same time MAT-1 · B (T) PHY-1 not taken",
        "Completed": "PHY-1 not taken",
        "Earlier": f"{first} in progress MAT-1 (BEFORE) PHY-1 not taken",
        "Later": f"{first} not taken PHY-1 not taken",
        "None": f"{first} not taken PHY-1 not taken",
        "Withdrawn": f"{first} not taken PHY-1 not taken",
    }


def test_lists_only_active_enrollments_of_the_term_that_were_not_overridden(
    viewer: Client, course: Course, basics: Course
) -> None:
    require(course, "MAT-1")
    require(CourseFactory.create(term=basics.term), "MAT-1")
    overridden, seated, waiter = (
        StudentFactory.create(last_name=name) for name in ("Overridden", "Seated", "Waiter")
    )
    service.apply_changes(
        [EnrollmentChange(overridden.pk, course.pk, ENROLL)],
        Options(override=["prerequisite_missing"]),
    )
    enrolled(seated, basics)
    enrolled(seated, course)
    enrolled(waiter, basics)
    course.capacity = 2
    course.save()
    enrolled(waiter, course, Status.WAITLISTED)
    enrolled(StudentFactory.create(), course, Status.WITHDRAWN)
    assert listed(viewer.get(URL)) == ["Seated"]


def test_says_what_it_is_for_where_nothing_is_open(viewer: Client, course: Course) -> None:
    enroll_many(course, 1)
    text = viewer.get(URL).content.decode()
    assert "Everybody has completed what the courses of this term require." in text
    assert "<table" not in text
    assert "No enrollment was found." not in text


def test_is_searched_by_student_and_course_and_sorted(
    viewer: Client, term: Term, course: Course
) -> None:
    other = CourseFactory.create(code="BIO-2", title="Botany", term=term)
    for name, chosen in (("Abel", course), ("Cole", other), ("Bell", course)):
        enrolled(StudentFactory.create(last_name=name), chosen)
    require(course, "MAT-1")
    require(other, "BIO-1")
    by_course = ["Cole BIO-2", "Abel MAT-2", "Bell MAT-2"]
    pairs: dict[tuple[str, str], list[str]] = {
        ("q", ""): by_course,
        ("order", "odd"): by_course,
        ("order", "student"): ["Abel MAT-2", "Bell MAT-2", "Cole BIO-2"],
        ("order", "enrolled"): ["Bell MAT-2", "Cole BIO-2", "Abel MAT-2"],
        ("q", "cole"): ["Cole BIO-2"],
        ("q", "mat2"): ["Abel MAT-2", "Bell MAT-2"],
        ("q", "anal abe"): ["Abel MAT-2"],
        ("q", "cole analysis"): [],
    }
    for query, expected in pairs.items():
        answer = viewer.get(URL, dict([query]))
        rows = answer.context["page"].rows
        assert [f"{row.student.last_name} {row.course.code}" for row in rows] == expected, query
    answer = viewer.get(URL, {"q": "Abelo"})
    assert answer.context["similar_names"] == ["Abel"]
    assert "No enrollment was found." in answer.content.decode()


@pytest.mark.parametrize("order", ["", "student", "enrolled"])
def test_each_enrollment_is_on_one_page(
    clerk: Client, term: Term, course: Course, order: str
) -> None:
    """Ticks survive the pages: those of other pages come first."""
    other = CourseFactory.create(term=term)
    rows = enroll_many(course, 30) + enroll_many(other, 30)
    for chosen in (course, other):
        require(chosen, "MAT-1")
    tick = max(rows, key=lambda row: (row.student.last_name, row.course_id)).pk
    query: dict[str, Any] = {"order": order, "enrollments": tick}
    first = clerk.get(URL, query)
    page = first.context["page"]
    second = clerk.get(URL, query | {"cursor": page.next})
    found = [row.pk for answer in (first, second) for row in answer.context["page"].rows]
    assert sorted(found) == sorted(row.pk for row in rows)
    assert ticked(first) == ticked(second) == [tick]
    back = clerk.get(URL, {"order": order, "cursor": second.context["page"].previous})
    assert back.context["page"].rows == page.rows


@pytest.mark.parametrize(
    "query", [{}, {"order": "student"}, {"q": "n002"}, {"q": "nobody"}, {"cursor": "x"}]
)
def test_ticks_survive_searching_and_sorting(
    clerk: Client, course: Course, query: dict[str, Any]
) -> None:
    rows = enroll_many(course, 3)
    require(course, "MAT-1")
    ids = [row.pk for row in rows[:2]]
    assert sorted(ticked(clerk.get(URL, {"enrollments": ids, **query}))) == ids


def test_what_is_completed_by_now_is_not_ticked(
    clerk: Client, course: Course, basics: Course
) -> None:
    row, open_row = enroll_many(course, 2)
    require(course, "MAT-1")
    enrolled(row.student, basics, Status.COMPLETED)
    ids = [str(row.pk), str(open_row.pk), "404", "x"]
    assert ticked(clerk.get(URL, {"enrollments": ids})) == [open_row.pk]
    answer = clerk.get(f"{URL}withdraw/", {"enrollments": ids})
    assert answer.context["rows"] == [open_row]
    for sent in ([row.pk], []):
        answer = clerk.post(f"{URL}withdraw/", {"enrollments": sent})
        assert answer.status_code == 422
        assert "Nothing was ticked" in answer.content.decode()
    assert Enrollment.objects.filter(course=course, status=Status.ACTIVE).count() == 2


def test_only_those_who_may_withdraw_can_tick(
    clerk: Client, viewer: Client, course: Course
) -> None:
    [row] = enroll_many(course, 1)
    require(course, "MAT-1")
    assert 'name="enrollments"' in clerk.get(URL).content.decode()
    text = viewer.get(URL, {"enrollments": row.pk}).content.decode()
    assert 'name="enrollments"' not in text
    assert "/withdraw/" not in text
    assert viewer.post(f"{URL}withdraw/", {"enrollments": row.pk}).status_code == 403


def test_the_number_of_queries_does_not_depend_on_the_rows(clerk: Client, course: Course) -> None:
    counts = []
    for number in (2, 20):
        rows = enroll_many(course, number)
        require(course, "MAT-1")
        query: dict[str, Any] = {"enrollments": [row.pk for row in rows], "q": "n000"}
        for path in (URL, f"{URL}withdraw/"):
            with CaptureQueriesContext(connection) as captured:
                clerk.get(path, query)
            counts.append(len(captured))
        require(course)
    assert counts[:2] == counts[2:]


@pytest.fixture
def full(course: Course, basics: Course) -> tuple[list[Enrollment], Student]:
    """Two students in a full course, one of whom takes its prerequisite; and one who waits."""
    course.capacity = 2
    course.save()
    rows = enroll_many(course, 2)
    waiter = StudentFactory.create(last_name="Waiter")
    enrolled(waiter, basics, Status.COMPLETED)
    enrolled(waiter, course, Status.WAITLISTED)
    enrolled(rows[0].student, basics)
    require(course, "MAT-1")
    return rows, waiter


def test_shows_what_would_happen_and_writes_nothing(
    clerk: Client, term: Term, full: tuple[list[Enrollment], Student]
) -> None:
    rows, waiter = full
    other = CourseFactory.create(term=term)
    rows += enroll_many(other, 1)
    require(other, "MAT-1")
    history = Enrollment.history.count()
    query: dict[str, Any] = {"q": "n00", "order": "student"}
    query["enrollments"] = [row.pk for row in rows]
    answer = clerk.get(f"{URL}withdraw/", query)
    text = text_of(answer.content.decode())
    assert "Withdraw 3 enrollments in T?" in text
    assert f"{rows[0]} MAT-1 in progress MAT-1 (BEFORE)" in text
    assert f"{rows[1]} MAT-1 not taken" in text
    assert str(rows[2]) in text
    assert f"These move up from the waitlist: {waiter}: MAT-2 (T)" in text
    ids = "&".join(f"enrollments={row.pk}" for row in rows)
    assert answer.context["back"] == f"{URL}?q=n00&order=student&{ids}"
    # Only shown: a switch of languages, or many ticks.
    answer = clerk.post(f"{URL}withdraw/?do=check", query | {"reason": "failed"})
    assert 'value="failed"' in answer.content.decode()
    assert Enrollment.history.count() == history


def test_withdraws_and_can_be_undone(
    clerk: Client, course: Course, full: tuple[list[Enrollment], Student]
) -> None:
    [first, second], waiter = full
    answer = clerk.post(
        f"{URL}withdraw/?q=n00&order=student",
        {"enrollments": [first.pk, second.pk], "reason": "failed"},
    )
    assert (answer.status_code, answer["Location"]) == (302, f"{URL}?q=n00&order=student")
    statuses = dict(course.enrollments.values_list("student", "status"))
    assert statuses == {
        first.student_id: "withdrawn",
        second.student_id: "withdrawn",
        waiter.pk: "active",
    }
    assert Enrollment.history.filter(id=first.pk).latest().history_change_reason == "failed"
    html = clerk.get(answer["Location"]).content.decode()
    assert f"T, withdrawn: {first}, {second}." in text_of(html)
    [token] = re.findall(r'name="token" value="([^"]*)"', html)
    text = text_of(clerk.post("/undo/", {"token": token}, follow=True).content.decode())
    # The rules are asked anew: the one who takes the prerequisite gets the free seat.
    assert f"Undone: {first} (enrolled again)" in text
    assert f"Could not be undone: {second}." in text
    assert "MAT-1" in text.partition("Could not be undone")[2][:200]


def test_an_enrollment_of_another_term_is_not_withdrawn(
    clerk: Client, course: Course, basics: Course
) -> None:
    [row] = enroll_many(course, 1)
    require(course, "MAT-1")
    path = f"/terms/{basics.term.code}/prerequisites/withdraw/"
    assert clerk.post(path, {"enrollments": row.pk}).status_code == 422
    row.refresh_from_db()
    assert row.status == Status.ACTIVE


def test_many_ticks_are_posted_and_all_of_them_withdrawn(clerk: Client, course: Course) -> None:
    ids = [row.pk for row in enroll_many(course, 101)]
    require(course, "MAT-1")
    answer = clerk.post(URL, {"enrollments": ids, "order": "student"})
    assert sorted(ticked(answer)) == ids
    assert re.search(r'<form method="post"[^>]*id="review"', answer.content.decode())
    page = clerk.post(f"{URL}withdraw/?do=check", {"enrollments": ids, "cursor": ""})
    assert [row.pk for row in page.context["rows"]] == ids
    assert course.enrollments.current().count() == 101
    assert clerk.post(f"{URL}withdraw/", {"enrollments": ids}).status_code == 302
    assert course.enrollments.current().count() == 0


def test_the_desk_counts_them_by_term(
    viewer: Client, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll_many(course, 3)
    over = CourseFactory.create(
        term=TermFactory.create(code="OVER", starts_on=course.term.starts_on - timedelta(days=400))
    )
    enroll_many(over, 1)
    assert "Needs a look" not in viewer.get("/").content.decode()
    for chosen in (course, over):
        require(chosen, "MAT-1")
    html = viewer.get("/").content.decode()
    assert "T: 3 enrollments" in text_of(html)
    assert f'href="{URL}"' in html
    assert "/terms/OVER/" not in html
    for module in ("statistics", "views"):
        monkeypatch.setattr(f"school.dashboard.{module}.MAX_COUNTED", 2)
    assert "T: more than 2 enrollments" in text_of(viewer.get("/").content.decode())
