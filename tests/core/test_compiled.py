"""Compiled queries return what the ORM returns, and psycopg prepares them."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import CharField, QuerySet, Value
from django.db.transaction import TransactionManagementError
from django.db.utils import DatabaseError, OperationalError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken
from rest_framework.test import APIClient

from conftest import Named
from core.db.compiled import CompiledQuery, RawQuery, execute_all
from core.db.parameters import IdListParameter, InIdList, Parameter
from courses.factories import CourseFactory
from courses.models import Course
from students.factories import StudentFactory
from tests.queries import executed_statements

MIGRATION_SECONDS = 1

BY_CODE = Course.objects.filter(code=Parameter("code", CharField())).order_by("pk")
postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no prepared statements."
)


def course_ids() -> CompiledQuery[Course]:
    return CompiledQuery(BY_CODE.values_list("pk"))


@pytest.mark.django_db
class TestResults:
    def test_rows_are_those_of_the_values(self) -> None:
        one, two = CourseFactory.create_batch(2)
        query = CompiledQuery(BY_CODE.values_list("pk", "title"))
        for course in (one, two, one):
            assert [tuple(row) for row in query(code=course.code)] == [(course.pk, course.title)]
        assert query(code="none") == []

    def test_constants_keep_their_value_whatever_they_contain(self) -> None:
        text = "50 % of %s, “%%” and 'quoted' \\ $1"
        course = CourseFactory.create()
        query = CompiledQuery(BY_CODE.annotate(text=Value(text)).values_list("pk", "text"))
        assert [tuple(row) for row in query(code=course.code)] == [(course.pk, text)]

    def test_several_queries_return_what_each_returns_alone(self) -> None:
        one, two = CourseFactory.create_batch(2)
        listed = CompiledQuery(
            Course.objects.filter(InIdList("pk", IdListParameter("ids")))
            .order_by("-pk")
            .values_list("pk")
        )
        queries = [course_ids(), listed, CompiledQuery(BY_CODE)]
        found = execute_all(queries, {"code": one.code, "ids": [one.pk, two.pk]})
        assert [[row[0] for row in rows] for rows in found] == [
            [one.pk],
            [two.pk, one.pk],
            [one.pk],
        ]

    def test_an_id_that_no_table_can_have_is_not_found(self) -> None:
        query = CompiledQuery(Course.objects.filter(pk=Parameter("id")).values_list("pk"))
        assert query(id=2**63) == []

    def test_instances_are_those_of_the_orm(self) -> None:
        course = Course.objects.get(pk=CourseFactory.create().pk)
        query = CompiledQuery(BY_CODE)
        [instance] = query.instances(query(code=course.code))
        assert {name: value for name, value in vars(instance).items() if name != "_state"} == {
            name: value for name, value in vars(course).items() if name != "_state"
        }
        for name in ("adding", "db", "fields_cache"):
            assert getattr(instance._state, name) == getattr(course._state, name)

    @pytest.mark.parametrize("queryset", [BY_CODE, BY_CODE.select_for_update()])
    def test_every_query_is_in_the_log(self, queryset: QuerySet[Course]) -> None:
        with CaptureQueriesContext(connection) as captured:
            execute_all([CompiledQuery(queryset)] * 3, {"code": "BIO"})
        assert len(executed_statements(captured)) == 3


@pytest.mark.django_db(transaction=True)
class TestConnections:
    def test_a_lock_outside_a_transaction_is_refused(self) -> None:
        with pytest.raises(TransactionManagementError):
            CompiledQuery(BY_CODE.select_for_update())(code="BIO")

    def test_a_new_connection_returns_the_same(self) -> None:
        course, query = CourseFactory.create(), course_ids()
        before = query(code=course.code)
        connection.close()
        assert query(code=course.code) == before != []

    @postgresql
    def test_an_error_of_one_of_several_queries_is_one_of_django(self) -> None:
        failing = RawQuery("SELECT 1 / (SELECT 0)", needs_transaction=True)
        with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic():
            execute_all([course_ids(), failing, course_ids()], {"code": "BIO"})
        assert course_ids()(code="BIO") == []

    @postgresql
    def test_psycopg_prepares_a_query_that_is_executed_often(self) -> None:
        course, query = CourseFactory.create(), course_ids()
        connection.close()
        assert prepared() == 0
        for _ in range(7):
            query(code=course.code)
        assert prepared() == 1
        connection.close()


def prepared() -> int:
    """How many prepared statements of this connection read courses."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%courses_course%%'"
        )
        [number] = cursor.fetchone()
    return int(number)


@postgresql
@pytest.mark.django_db(transaction=True)
class TestStalePlans:
    @pytest.fixture(autouse=True)
    def wider_column(self) -> Iterator[None]:
        """Leave the column as it was."""
        connection.close()
        yield
        connection.close()
        self.alter(200)

    def alter(self, length: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE courses_course ALTER title TYPE varchar({length})")

    def alter_elsewhere(self) -> None:
        """Change the column on a connection of its own, as a migration does."""
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("ALTER TABLE courses_course ALTER title TYPE varchar(250)")
        finally:
            other.close()

    def test_outside_a_transaction_the_query_is_executed_again(self) -> None:
        course, query = CourseFactory.create(), CompiledQuery(BY_CODE.values_list("title"))
        for _ in range(8):
            query(code=course.code)
            list(courses_of(course.code))
        self.alter_elsewhere()
        assert [tuple(row) for row in query(code=course.code)] == [(course.title,)]
        assert courses_of(course.code)[0] == course

    def test_the_connection_is_replaced_after_the_request(self, client: Client) -> None:
        course, query = CourseFactory.create(), CompiledQuery(BY_CODE.values_list("title"))
        for _ in range(8):
            query(code=course.code)
        self.alter_elsewhere()
        query(code=course.code)
        before = connection.connection
        assert before.prepare_threshold is None
        connection.close_if_unusable_or_obsolete()
        for _ in range(8):
            query(code=course.code)
        assert connection.connection is not before
        assert prepared() == 1

    @pytest.mark.parametrize("count", [1, 2])
    def test_in_a_transaction_it_is_an_error_that_is_answered_503(self, count: int) -> None:
        course = CourseFactory.create()
        query = CompiledQuery(BY_CODE.select_for_update().values_list("title"))
        with transaction.atomic():
            for _ in range(8):
                query(code=course.code)
        self.alter_elsewhere()
        with pytest.raises(OperationalError, match="were changed"), transaction.atomic():
            execute_all([query] * count, {"code": course.code})

    def test_requests_during_a_migration_are_answered_or_can_be_sent_again(
        self, user_of: Named
    ) -> None:
        courses, students = CourseFactory.create_batch(3), StudentFactory.create_batch(40)
        _token, secret = AuthToken.objects.create(user_of("admin"))
        stop = Event()

        def send_request(number: int) -> Counter[tuple[str, int]]:
            client, statuses = APIClient(raise_request_exception=False), Counter[Any]()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
            try:
                for turn in count():
                    course, student = courses[turn % 3], students[turn % 40]
                    body = {"student_id": student.pk, "course_id": course.pk}
                    path = f"/api/v1/students/{student.pk}"
                    statuses["list", client.get(f"{path}/courses").status_code] += 1
                    statuses["row", client.get(path).status_code] += 1
                    statuses["orm", client.get(f"/api/v1/courses/{course.pk}").status_code] += 1
                    statuses["enroll", client.post("/api/v1/enrollments", body).status_code] += 1
                    if stop.is_set() and turn > 20:
                        return statuses
            finally:
                connections.close_all()
            raise AssertionError

        with ThreadPoolExecutor(4) as executor:
            futures = [executor.submit(send_request, number) for number in range(4)]
            for length in (250, 300, 250):
                sleep(MIGRATION_SECONDS)
                self.alter(length)
            stop.set()
            statuses = sum((future.result() for future in futures), Counter[Any]())
        wrong = [key for key in statuses if key[1] not in (200, 201, 503)]
        assert wrong == [], statuses
        # Outside a transaction, the query is executed again at once.
        assert {key for key in statuses if key[1] == 503} <= {("enroll", 503)}, statuses

    def test_another_feature_that_is_not_supported_is_no_stale_plan(self) -> None:
        with pytest.raises(DatabaseError, match="cross-database"):
            RawQuery("SELECT * FROM other.public.courses_course")()


def courses_of(code: str) -> Any:
    return Course.objects.filter(code=code).order_by("pk")
