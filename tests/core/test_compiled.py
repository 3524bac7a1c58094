"""Questions whose SQL is written once, and planned once for a connection."""

from itertools import count

import pytest
from django.db import connection, transaction
from django.db.models import CharField, Value
from django.db.transaction import TransactionManagementError
from django.db.utils import DatabaseError

from core.db import compiled
from core.db.compiled import CompiledQuery, build_instance, execute_all
from core.db.parameters import IdListParameter, InIdList, Parameter
from courses.factories import CourseFactory
from courses.models import Course

BY_CODE = Course.objects.filter(code=Parameter("code", CharField())).order_by("pk")
postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite plans nothing ahead."
)


@pytest.mark.django_db
class TestAnswers:
    def test_the_rows_for_the_values_that_it_is_told(self) -> None:
        one, two = CourseFactory.create_batch(2)
        question = CompiledQuery(BY_CODE.values_list("pk", "title"))
        for course in (one, two, one):
            assert [tuple(row) for row in question(code=course.code)] == [(course.pk, course.title)]
        assert question(code="none") == []

    def test_constants_are_what_they_are_whatever_they_hold(self) -> None:
        text = "50 % of %s, “%%” and 'quoted' \\ $1"
        course = CourseFactory.create()
        question = CompiledQuery(BY_CODE.annotate(said=Value(text)).values_list("pk", "said"))
        assert [tuple(row) for row in question(code=course.code)] == [(course.pk, text)]

    def test_several_at_once_as_if_one_by_one(self) -> None:
        one, two = CourseFactory.create_batch(2)
        among = CompiledQuery(
            Course.objects.filter(InIdList("pk", IdListParameter("ids")))
            .order_by("-pk")
            .values_list("pk")
        )
        found = execute_all(
            [CompiledQuery(BY_CODE.values_list("pk")), among, CompiledQuery(BY_CODE)],
            {"code": one.code, "ids": [one.pk, two.pk]},
        )
        assert [[row[0] for row in rows] for rows in found] == [
            [one.pk],
            [two.pk, one.pk],
            [one.pk],
        ]

    def test_an_id_that_no_table_can_have(self) -> None:
        assert (
            CompiledQuery(Course.objects.filter(pk=Parameter("id")).values_list("pk"))(id=2**63)
            == []
        )


@pytest.mark.django_db(transaction=True)
class TestConnections:
    def test_a_lock_outside_a_transaction_is_refused(self) -> None:
        with pytest.raises(TransactionManagementError):
            CompiledQuery(BY_CODE.select_for_update())(code="BIO")

    def test_a_new_connection_is_asked_as_the_old_one_was(self) -> None:
        course, question = CourseFactory.create(), CompiledQuery(BY_CODE.values_list("pk"))
        assert question(code=course.code)
        connection.close()
        assert question(code=course.code)

    @postgresql
    def test_a_question_is_planned_once_also_where_its_transaction_failed(self) -> None:
        course, question = CourseFactory.create(), CompiledQuery(BY_CODE.values_list("pk"))

        @transaction.atomic
        def fail() -> None:
            assert question(code=course.code)
            connection.cursor().execute("SELECT 1 / 0")

        with pytest.raises(DatabaseError):
            fail()
        assert question(code=course.code)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [question.name]
            )
            assert cursor.fetchone() == (1,)

    @postgresql
    def test_a_question_that_another_thread_names_at_that_moment_is_answered(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        course, question = CourseFactory.create(), CompiledQuery(BY_CODE.values_list("pk"))
        names = count()
        monkeypatch.setattr(
            CompiledQuery, "name", property(lambda _question: f"school_named_{next(names)}")
        )
        assert question(code=course.code)
        connection.close()

    @postgresql
    def test_no_more_are_kept_than_there_is_room_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection.close()
        monkeypatch.setattr(compiled, "MOST_PREPARED", 1)
        course, questions = (
            CourseFactory.create(),
            [CompiledQuery(BY_CODE.values_list("pk")) for _ in range(3)],
        )
        for _ in range(2):
            assert [question(code=course.code) for question in questions] == [[(course.pk,)]] * 3
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'school%%'")
            assert cursor.fetchone() == (1,)
        connection.close()


@pytest.mark.django_db
def test_an_instance_is_as_django_makes_it() -> None:
    read = Course.objects.get(pk=CourseFactory.create().pk)
    names = [field.attname for field in Course._meta.concrete_fields]
    values = {name: getattr(read, name) for name in names}
    for made, like in (
        (build_instance(Course, values.items()), read),
        (build_instance(Course, values.items(), adding=True), Course(**values)),
    ):
        assert vars(made).keys() == vars(like).keys()
        assert {name: value for name, value in vars(made).items() if name != "_state"} == values
        # Which rows are linked is written down at the first look.
        assert made._state.fields_cache == like._state.fields_cache == {}
        assert vars(made._state) == vars(like._state)
        assert made == like
    assert build_instance(Course, {"id": read.pk}.items()).title == read.title
