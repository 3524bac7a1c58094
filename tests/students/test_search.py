"""Search among many students: those who are found may stand together anywhere in the order."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from core.db.keyset import read_page
from core.db.search import search_filter
from core.names import NAME_ORDER
from courses.factories import CourseFactory
from courses.models import Course
from students.enrollment import service
from students.models import Student

pytestmark = pytest.mark.django_db
postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no such index."
)
ORDERS = {
    "name": (*NAME_ORDER, "id"),
    "number": ("number", "id"),
    "email": ("email", "id"),
    "id": ("id",),
}
MANY, SHARE = 2_000, 0.3


@pytest.fixture
def students() -> None:
    """MANY students. A share of SHARE have a last name in “Ng”, and come last in every order.

    All emails have the same domain. Two of five first names begin with “Q”.
    """
    last = int(MANY * (1 - SHARE))
    Student.objects.bulk_create(
        Student(
            number=f"N{number:05}",
            first_name="Thi" if number % 5 > 1 else "Quy",
            last_name="Nguyen" if number >= last else f"L{number % 700}",
            email=f"{number:05}@school.example",
        )
        for number in range(MANY)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE students_student" if connection.vendor == "postgresql" else "ANALYZE"
        )


@pytest.fixture
def course() -> Course:
    """A course of five students in a term of its own."""
    course = CourseFactory()
    service.enroll([(pk, course.pk) for pk in Student.objects.values_list("pk", flat=True)[:5]])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE students_enrollment")
    return course


def ordered(order: str, sign: str) -> QuerySet[Student]:
    return Student.objects.order_by(*(sign + name for name in ORDERS[order]))


@postgresql
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("order", ORDERS)
def test_those_who_stand_together_are_not_looked_for_in_the_order(
    students: None, order: str, sign: str
) -> None:
    rows = ordered(order, sign)
    sought = rows.search("ng")[:50].explain()  # type: ignore[attr-defined]
    broad = rows.search("school")[:50].explain()  # type: ignore[attr-defined]
    assert "Bitmap Index Scan on student_by_search_key" in sought
    assert "Index Scan using" not in sought
    assert "Index Scan" in broad
    assert "Bitmap" not in broad


@postgresql
@pytest.mark.parametrize(
    "path",
    [
        "/students/?q=ng",
        "/students/?q=ng&is_active=true",
        "/?q=ng",
        "/courses/{course}/students/?q=ng",
        "/admin/students/student/?q=ng",
        "/admin/students/student/?q=ng&o=-1",
        "/admin/autocomplete/?app_label=students&model_name=enrollment&field_name=student&term=ng",
        "/api/v1/students?search=ng",
        "/api/v1/students?search=ng&ordering=-number",
        "/api/v1/students?ordering=last_name&search=ng&is_active=true",
    ],
)
def test_no_list_looks_for_them_so(
    students: None, api: APIClient, course: Course, path: str
) -> None:
    for plan in plans(api, path.format(course=course.pk)):
        assert "Bitmap Index Scan on student_by_search_key" in plan
        assert "Filter: (search_key_prefixes" not in plan


@postgresql
@pytest.mark.parametrize("text", ["ng", "q", "school"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/students?search={text}&course={course}",
        "/api/v1/students?search={text}&term={term}",
        "/admin/students/student/?q={text}&term={term}",
    ],
)
def test_where_few_are_enrolled_these_are_looked_at(
    students: None, api: APIClient, course: Course, path: str, text: str
) -> None:
    for plan in plans(api, path.format(text=text, course=course.pk, term=course.term.code)):
        assert "students_student_pkey" in plan
        assert "student_by_" not in plan


def plans(api: APIClient, path: str) -> list[str]:
    """How PostgreSQL finds the students of a list, and how it counts them."""
    client = Client()
    client.force_login(User.objects.create_superuser("reader", password="pass"))
    with CaptureQueriesContext(connection) as queries:
        answer = (api if "/api/" in path else client).get(path)
    assert answer.status_code == 200, answer.content
    asked = [
        query["sql"]
        for query in queries
        if query["sql"].startswith("SELECT")
        and 'search_key_prefixes("students_student"' in query["sql"]
    ]
    assert asked != []
    with connection.cursor() as cursor:
        return [
            "\n".join(line for [line] in cursor.execute(f"EXPLAIN {sql}").fetchall())
            for sql in asked
        ]


@postgresql
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("order", ORDERS)
def test_those_with_a_first_name_that_many_have_are_met_in_any_order(
    students: None, order: str, sign: str
) -> None:
    rows: Any = ordered(order, sign)
    one, two = rows.search("q")[:50].explain(), rows.search("q ng")[:50].explain()
    assert "Index Scan" in one
    assert "Bitmap" not in one
    # These stand where the other word is.
    assert "Bitmap Index Scan on student_by_search_key" in two


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("order", ORDERS)
def test_finds_the_same_on_the_same_pages(students: None, order: str, sign: str) -> None:
    rows: Any = ordered(order, sign)
    for text in ("ng", "ng thi", "q", "quy", "ng q", "school", "n0000", "ng school.example"):
        plain = list(rows.filter(search_filter(text)))
        cursor, pages = None, list[list[Student]]()
        while True:
            page = read_page(rows.search(text), cursor, 450)
            if pages:
                assert read_page(rows.search(text), page.previous, 450).rows == pages[-1]
            pages.append(page.rows)
            if (cursor := page.next) is None:
                break
        assert [row for found in pages for row in found] == plain != [], text


@pytest.mark.parametrize("listed", [3, 20_000])
def test_the_admin_finds_the_same_whether_many_are_found_or_enrolled_or_few(
    students: None, course: Course, monkeypatch: pytest.MonkeyPatch, listed: int
) -> None:
    monkeypatch.setattr("students.admin.filters.MAX_LISTED_IDS", listed)
    client = Client()
    client.force_login(User.objects.create_superuser("reader", password="pass"))
    service.enroll(
        [
            (pk, course.pk)
            for pk in Student.objects.filter(last_name="Nguyen").values_list("pk", flat=True)[:4]
        ]
    )
    for text in ("ng", "q", "thi", "school", "quy school", "n00000", "none", "!"):
        expected = set(Student.objects.filter(search_filter(text), courses=course))
        found = client.get(f"/admin/students/enrollment/?q={text}").context["cl"]
        assert {row.student for row in found.result_list} == expected
        assert found.result_count == len(expected)
        found = client.get(f"/admin/students/student/?q={text}&term={course.term.code}").context[
            "cl"
        ]
        assert set(found.result_list) == expected
        assert found.result_count == len(expected)


@postgresql
@pytest.mark.parametrize(
    "text",
    [
        "i",
        "ib",
        "I",
        "\u0130",
        "o",
        "neil",
        "n",
        "o'n",
        "o\u2019n",
        "d.",
        "dot_c",
        "c",
        "50%",
        "müller-l",
        "lüdenscheid",
        "s",
        "i school",
        "n 0",
    ],
)
def test_what_is_found_is_the_same_whichever_way_it_is_looked_for(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [
        "\u0130brahim",
        "I\u015f\u0131k",
        "O\u2019Neil",
        "O'Neil",
        "d.dot_com",
        "50%ig",
        "Müller-Lüdenscheid",
        "\u017fam",
        "Nia",
    ]
    Student.objects.bulk_create(
        Student(
            number=f"N{number}",
            first_name=name,
            last_name=name[::-1],
            email=f"{number}@school.example",
        )
        for number, name in enumerate(names)
    )
    found = [list(ordered("name", "").filter(search_filter(text)))]
    for share in (0, 2):
        monkeypatch.setattr("core.db.search.NEARLY_ALL_SHARE", share)
        monkeypatch.setattr("core.db.search.COMMON_SHARE", share)
        found.append(list(ordered("name", "").search(text)))  # type: ignore[attr-defined]
    assert found[0] == found[1] == found[2] != []
