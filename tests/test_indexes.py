"""In large tables PostgreSQL uses an index for every page and endpoint, and uses every index."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken
from rest_framework.test import APIClient

from core.db.search_migrations import fill_derived_fields
from courses.models import Course
from students.models import Student
from tests.queries import executed_statements

pytestmark = [
    pytest.mark.django_db,
    # One process fills the tables.
    pytest.mark.xdist_group("indexes"),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="Plans of SQLite do not show those of PostgreSQL."
    ),
]
API = "/api/v1"
BIG = {
    "students_student",
    "students_enrollment",
    "students_historicalenrollment",
    "students_historicalstudent",
}
STUDENTS, COURSES, TERMS, EACH = 30_000, 3_000, 6, 5
FILL = f"""
    INSERT INTO courses_term (id, code, name, starts_on, ends_on)
    SELECT t, 'T' || t, 'Term', now()::date - 400 * ({TERMS} - t),
        now()::date + 300 - 400 * ({TERMS} - t)
    FROM generate_series(1, {TERMS}) t;
    INSERT INTO courses_course (id, code, title, description, credits, capacity, is_open, term_id)
    SELECT c, 'C-' || c, 'Course', '', 3, CASE c % 10 WHEN 0 THEN 40 ELSE 900 END, true,
        c % {TERMS} + 1
    FROM generate_series(1, {COURSES}) c;
    INSERT INTO students_student (id, number, first_name, last_name, email, is_active)
    SELECT s, 'S' || s, 'F' || s * 7 % 300, 'L' || s * 13 % 5000, 's' || s || '@school.example',
        s % 50 > 0
    FROM generate_series(1, {STUDENTS}) s;
    INSERT INTO students_enrollment (
        id, student_id, course_id, status, enrolled_at, updated_at, waitlist_number
    )
    SELECT s * {EACH} + k, s, (s * 7 + k * 31) % {COURSES} + 1,
        CASE
            WHEN (s * 7 + k * 31) % 10 = 9 THEN 'waitlisted'
            WHEN s % 20 = k THEN 'withdrawn'
            WHEN s % 4 = 0 THEN 'completed'
            ELSE 'active'
        END, at, at,
        CASE WHEN (s * 7 + k * 31) % 10 = 9 THEN s END
    FROM generate_series(1, {STUDENTS}) s, generate_series(1, {EACH}) k,
        LATERAL (SELECT now() - interval '1 second' * ({STUDENTS} * k - s) AS at) moment;
    INSERT INTO students_historicalenrollment (
        id, student_id, course_id, status, enrolled_at, updated_at, waitlist_number, history_date,
        history_type,
        history_change_reason, door, who
    )
    SELECT id, student_id, course_id, status, enrolled_at, updated_at, waitlist_number, updated_at,
        '+',
        '', 'import', ''
    FROM students_enrollment;
    INSERT INTO students_historicalstudent (
        id, number, first_name, last_name, email, is_active, history_date, history_type,
        history_change_reason, door, who
    )
    SELECT id, number, first_name, last_name, email, is_active, now(), '+', '', 'import', ''
    FROM students_student;
    INSERT INTO students_accesschange (kind, name, who, door, reason, "when")
    SELECT CASE WHEN n % 100 = 0 THEN 'role' ELSE 'token' END, 'name' || n % 500,
        'who' || n % 500, 'staff', '', now()
    FROM generate_series(1, {STUDENTS}) n;
    SELECT setval(pg_get_serial_sequence('students_student', 'id'), {STUDENTS}),
        setval(pg_get_serial_sequence('courses_course', 'id'), {COURSES}),
        setval(pg_get_serial_sequence('students_enrollment', 'id'), {STUDENTS} * {EACH} + {EACH});
"""
# The models of the rows that FILL and the requests create; rows of migrations stay.
FILLED_MODELS: list[type[Model]] = [
    User,
    Session,
    *apps.get_app_config("accounts").get_models(),
    *apps.get_app_config("courses").get_models(),
    *apps.get_app_config("students").get_models(),
]
TABLES = ", ".join(model._meta.db_table for model in FILLED_MODELS)
EMPTY = f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE; ANALYZE"
# By method and path: the index that finds the rows. "deep" requests the second page.
CASES: dict[str, str] = {
    "GET /api/v1/students": "students_student_pkey",
    "GET /api/v1/students deep": "students_student_pkey",
    "GET /api/v1/students?ordering=number": "students_student_number_",
    "GET /api/v1/students?ordering=last_name": "student_by_name_key",
    "GET /api/v1/students?ordering=-last_name": "student_by_name_key",
    "GET /api/v1/students?ordering=last_name deep": "student_by_name_key",
    "GET /api/v1/students?ordering=email": "student_by_email",
    "GET /api/v1/students?ordering=-email deep": "student_by_email",
    "GET /api/v1/students?search=s77": "student_by_search_key",
    "GET /api/v1/students?search=nobody": "student_by_search_key",
    "GET /api/v1/students?is_active=false": "students_student_pkey",
    "GET /api/v1/students?course=77": "enrollment_by_course",
    "GET /api/v1/students?term=T6": "students_student_pkey",
    "GET /api/v1/students/77": "enrollment_once",
    "GET /api/v1/students/77/courses": "enrollment_once",
    "GET /api/v1/students/77/courses?status=all&term=T6": "enrollment_once",
    "GET /api/v1/students/77/courses?as_of=2100-01-01T00:00Z": "students_historicalenrollment_id",
    "GET /api/v1/courses": "enrollment_by_course",
    "GET /api/v1/courses?has_seats=true": "enrollment_by_course",
    "GET /api/v1/courses?term=T6&search=c": "enrollment_by_course",
    "GET /api/v1/courses?search=c-77": "course_by_search_key",
    "GET /api/v1/courses/77": "enrollment_by_course",
    "GET /api/v1/courses/77/students": "enrollment_by_course",
    "GET /api/v1/courses/77/students?limit=20 deep": "enrollment_by_course",
    "GET /api/v1/courses/77/students?status=completed": "enrollment_by_course",
    "GET /api/v1/courses/77/students?search=s9": "enrollment_by_course",
    "GET /api/v1/courses/80/students?status=waitlisted": "enrollment_by_waitlist",
    "GET /api/v1/courses/77/students?as_of=2100-01-01T00:00Z": "students_historicalenrollment_id",
    "GET /api/v1/courses/77/students?as_of=2000-01-01T00:00Z": (
        "students_historicalenrollment_history_date"
    ),
    "GET /api/v1/enrollments": "students_enrollment_pkey",
    "GET /api/v1/enrollments deep": "students_enrollment_pkey",
    "GET /api/v1/enrollments?student=77": "enrollment_once",
    "GET /api/v1/enrollments?course=77": "enrollment_by_course",
    "GET /api/v1/enrollments?term=T6": "students_enrollment_pkey",
    "GET /api/v1/enrollments?status=withdrawn": "students_enrollment_pkey",
    "GET /api/v1/enrollments?status=waitlisted": "students_enrollment_pkey",
    "GET /api/v1/enrollments?updated_since=1970-01-01T00:00:00Z": "enrollment_by_update",
    "GET /api/v1/enrollments?updated_since=1970-01-01T00:00:00Z deep": "enrollment_by_update",
    "GET /api/v1/enrollments/77": "students_enrollment_pkey",
    "GET /api/v1/enrollments/77/history": "students_historicalenrollment_id",
    "GET /students/": "student_by_name_key",
    "GET /students/?q=s77": "student_by_search_key",
    "GET /students/77/": "students_historicalenrollment_student_id",
    "GET /students/77/courses/": "enrollment_once",
    "GET /students/77/edit/": "students_student_pkey",
    "GET /courses/": "enrollment_by_course",
    "GET /courses/80/": "enrollment_by_waitlist",
    "GET /courses/77/": "history_by_course",
    "GET /courses/77/students/": "enrollment_by_course",
    "GET /courses/80/roster.csv": "enrollment_by_course",
    "GET /admin/students/student/": "student_by_name_key",
    "GET /admin/students/student/77/change/": "enrollment_once",
    "GET /admin/students/enrollment/": "students_enrollment_pkey",
    "GET /admin/students/enrollment/?in_course=c-77": "enrollment_by_course",
    "GET /admin/students/enrollment/?q=s77": "enrollment_once",
    "GET /admin/accounts/accesschange/?kind__exact=role": "access_by_kind",
    "GET /admin/accounts/accesschange/?q=who77": "access_by_name",
    'POST /api/v1/enrollments {"student_id": 77, "course_id": 5}': "enrollment_by_course",
    'POST /api/v1/students/79/courses {"course_ids": [20, 30], "on_full": "waitlist", '
    '"override": ["term_over"], "reason": "-"}': ("enrollment_by_waitlist"),
    'PUT /api/v1/students/81/courses {"course_ids": [5, 11, 17]}': "enrollment_once",
    'PATCH /api/v1/enrollments/78 {"status": "completed"}': "enrollment_once",
    'PATCH /api/v1/courses/80 {"capacity": 41}': "enrollment_by_waitlist",
    'PATCH /api/v1/students/82 {"email": "new@school.example"}': "student_email_unique",
    'POST /api/v1/students {"number": "N1", "first_name": "N", "last_name": "N", '
    '"email": "n@school.example"}': "students_student_number_",
}
Plan = dict[str, Any]


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def plan_of(sql: str) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [[answer]] = cursor.fetchall()
    plan: Plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return plan


def queries_of(client: Client, case: str) -> list[str]:
    method, path, body, *_ = [*case.split(" ", 2), ""]
    if body == "deep":
        path, body = deep(client, path), ""
    with CaptureQueriesContext(connection) as captured:
        response = client.generic(method, path, body, "application/json")
    assert response.status_code in (200, 201), (case, response.content)
    return executed_statements(captured)


def deep(client: Client, path: str) -> str:
    """The URL of the next page."""
    following: str = client.get(path).json()["next"]
    return following


@pytest.fixture(scope="module")
def plans(
    django_db_setup: None, django_db_blocker: Any
) -> Iterator[dict[str, list[tuple[str, Plan]]]]:
    """For each of CASES its statements, each with its plan."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            # Checks of foreign keys keep their plans. One that was made for a few rows would scan
            # a whole table for each row here.
            cursor.execute("DISCARD PLANS")
            cursor.execute(FILL)
            fill_derived_fields(Student)
            fill_derived_fields(Course)
            cursor.execute("ANALYZE")
            cursor.execute("VACUUM students_enrollment")
        try:
            user = User.objects.create_superuser("planner", "planner@school.example", "pass")
            user.groups.set(Group.objects.filter(name="Registrar"))
            pages, api = Client(), APIClient()
            pages.force_login(user)
            api.credentials(HTTP_AUTHORIZATION=f"Bearer {AuthToken.objects.create(user)[1]}")
            yield {
                case: [
                    (sql, plan_of(sql))
                    for sql in queries_of(api if API in case else pages, case)
                    if sql.startswith(("SELECT", "UPDATE", "INSERT"))
                ]
                for case in CASES
            }
        finally:
            with connection.cursor() as cursor:
                cursor.execute(EMPTY)


def test_no_large_table_is_scanned(plans: dict[str, list[tuple[str, Plan]]]) -> None:
    # The admin counts rows up to this limit.
    limit = "LIMIT 1001) subquery"
    scans = {
        (case, sql)
        for case, found in plans.items()
        for sql, plan in found
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
        and node["Relation Name"] in BIG
        and not sql.endswith(limit)
    }
    assert scans == set()


def test_each_request_uses_its_index(
    plans: dict[str, list[tuple[str, Plan]]],
) -> None:
    used = {case: indexes_in(plan for _sql, plan in found) for case, found in plans.items()}
    others = {
        case: sorted(names)
        for case, names in used.items()
        if not any(name.startswith(CASES[case]) for name in names)
    }
    assert others == {}


@pytest.mark.parametrize(
    "case",
    ["GET /api/v1/courses/77", 'POST /api/v1/enrollments {"student_id": 77, "course_id": 5}'],
)
def test_seats_are_counted_by_an_index_only_scan(
    plans: dict[str, list[tuple[str, Plan]]], case: str
) -> None:
    kinds = {
        node["Node Type"]
        for _sql, plan in plans[case]
        for node in nodes(plan)
        if node.get("Index Name") == "enrollment_by_course"
    }
    assert kinds == {"Index Only Scan"}


def test_every_index_is_used(plans: dict[str, list[tuple[str, Plan]]]) -> None:
    used = indexes_in(plan for found in plans.values() for _sql, plan in found)
    with connection.cursor() as cursor:
        # Django creates the indexes that end in _like, for every unique text, and simple-history
        # one by date for every history.
        cursor.execute(
            """
            SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = ANY(%s::text[]::regclass[]) AND NOT indisunique
                AND relname !~ '_like$|^students_historicalstudent_history_date'
            """,
            [sorted(BIG | {"courses_course", "students_accesschange"})],
        )
        assert {name for [name] in cursor.fetchall()} - used == set()


CONFLICTS = """
    INSERT INTO courses_meetingtime (course_id, day, starts, ends)
    SELECT id, 1, '10:00', '11:00' FROM courses_course;
    UPDATE courses_course SET code = 'C-5', section = 'B' WHERE id = 11;
    INSERT INTO students_enrollment (id, student_id, course_id, status, enrolled_at, updated_at)
    SELECT 1000000 + s * 10 + c, s, c, 'active', now(), now()
    FROM generate_series(1, 20) s, unnest(ARRAY[5, 11]) c ON CONFLICT DO NOTHING;
"""


@pytest.mark.parametrize("is_analyzed", [True, False])
@pytest.mark.parametrize("kind", ["clashing", "doubled"])
def test_conflicts_are_sought_in_one_scan(
    plans: dict[str, list[tuple[str, Plan]]], kind: str, is_analyzed: bool
) -> None:
    """The subquery for each enrollment is only for students who may have a conflict."""
    with connection.cursor() as cursor:
        cursor.execute(CONFLICTS)
        cursor.execute("ANALYZE" if is_analyzed else "DELETE FROM pg_statistic")
    client = Client()
    client.force_login(User.objects.get(username="planner"))
    statements = queries_of(client, f"GET /api/v1/enrollments?{kind}=true&term=T6")
    seek, compare = [plan_of(sql) for sql in statements if "students_enrollment" in sql]
    tables = [node["Relation Name"] for node in nodes(seek) if "Relation Name" in node]
    assert len(set(tables)) == len(tables)
    assert not any("Subplan Name" in node for node in nodes(seek))
    conditions = " ".join(
        node.get("Index Cond", "") + node.get("Filter", "") for node in nodes(compare)
    )
    assert "student_id = ANY" in conditions
    if is_analyzed:
        scans = {
            node["Node Type"]
            for node in nodes(compare)
            if node.get("Relation Name") == "students_enrollment"
        }
        assert "Seq Scan" not in scans


def test_a_scan_of_a_table_is_found(
    plans: dict[str, list[tuple[str, Plan]]],
) -> None:
    assert {
        node["Node Type"]
        for node in nodes(plan_of("SELECT * FROM students_student ORDER BY first_name LIMIT 50"))
    } >= {"Seq Scan"}


def indexes_in(plans: Iterator[Plan]) -> set[str]:
    return {node["Index Name"] for plan in plans for node in nodes(plan) if "Index Name" in node}
