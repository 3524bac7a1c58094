"""Old databases migrate forward, and back, with their data."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.utils import timezone

from accounts.models import AccessChange
from courses.models import Course
from students.enrollment import service
from students.history.queries import as_of
from students.models import Enrollment, Student

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = ("students", "0001_initial")
STUDENTS: list[dict[str, Any]] = [
    {
        "number": "S1",
        "first_name": "Ann",
        "last_name": "Smith",
        "email": "ann@school.example",
        "is_active": True,
    },
    {
        "number": "S2",
        "first_name": "Zoë",
        "last_name": "O'Neil",
        "email": "Zoe@school.example",
        "is_active": False,
    },
]
ROLES = {"Registrar", "Clerk", "Viewer"}
COURSES: list[dict[str, Any]] = [
    {"code": "BIO-101", "title": "Life", "capacity": 30},
    {"code": "ART-1", "title": "Art", "capacity": None},
]


def migrate(*targets: tuple[str, str | None]) -> StateApps:
    """Migrate to `targets` and return the models of that state."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return executor.loader.project_state([(app, name) for app, name in targets if name]).apps


def migrate_to_newest() -> StateApps:
    return migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.fixture
def before() -> Iterator[StateApps]:
    """Rows in a database without enrollments. It is migrated forward again after the test."""
    apps = migrate(BEFORE, ("courses", "0001_initial"))
    term = apps.get_model("courses", "Term").objects.create(
        code="2026-FA", name="Fall", starts_on="2026-09-01", ends_on="9999-12-31"
    )
    for row in COURSES:
        apps.get_model("courses", "Course").objects.create(term=term, **row)
    for row in STUDENTS:
        apps.get_model("students", "Student").objects.create(**row)
    yield apps
    migrate_to_newest()


def rows(apps: StateApps) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the fields above of all students and courses, in the order of their ids."""
    student, course = apps.get_model("students", "Student"), apps.get_model("courses", "Course")
    return list(student.objects.order_by("pk").values(*STUDENTS[0])), list(
        course.objects.order_by("pk").values(*COURSES[0])
    )


def tables() -> set[str]:
    return set(connection.introspection.table_names())


def test_what_an_old_database_holds_is_kept_forward_and_back(before: StateApps) -> None:
    assert "students_enrollment" not in tables()
    newest = migrate_to_newest()
    assert rows(newest) == (STUDENTS, COURSES)
    assert newest.get_model("students", "Enrollment").objects.count() == 0
    group = newest.get_model("auth", "Group")
    assert {name for (name,) in group.objects.values_list("name")} == ROLES
    assert group.objects.get(name="Clerk").permissions.filter(codename="add_enrollment").exists()
    ann, course = Student.objects.get(number="S1"), Course.objects.get(code="BIO-101")
    service.enroll([(ann.pk, course.pk)])
    assert (list(ann.courses.all()), Enrollment.history.count()) == ([course], 1)

    back = migrate(BEFORE, ("courses", "0001_initial"))
    assert rows(back) == (STUDENTS, COURSES)
    assert not {"students_enrollment", "students_historicalenrollment"} & tables()
    assert not back.get_model("auth", "Group").objects.filter(name__in=ROLES).exists()


@pytest.fixture
def unnamed() -> Iterator[StateApps]:
    """A database whose history names users by a foreign key. It is migrated forward afterwards."""
    yield migrate(
        ("students", "0004_waitlist_and_prerequisites"),
        ("courses", "0002_waitlist_and_prerequisites"),
    )
    migrate_to_newest()


@pytest.fixture
def unnumbered() -> Iterator[StateApps]:
    """A database whose waitlists are in the order of arrival. It is migrated forward afterwards."""
    yield migrate(("students", "0016_search_keys"))
    migrate_to_newest()


def test_waitlists_keep_their_order_when_they_get_numbers(unnumbered: StateApps) -> None:
    now = timezone.now()
    term = unnumbered.get_model("courses", "Term").objects.create(
        code="T", name="T", starts_on=now, ends_on=now
    )
    course = unnumbered.get_model("courses", "Course").objects.create(
        code="C", title="C", term=term, capacity=0
    )
    student, enrollment, record = (
        unnumbered.get_model("students", name)
        for name in ("Student", "Enrollment", "HistoricalEnrollment")
    )
    for number, microseconds in enumerate([7, 0, 999_999, 3, 1_000_000]):
        who = student.objects.create(
            number=str(number), first_name="A", last_name="B", email=f"{number}@x.example"
        )
        values = {
            "student_id": who.pk,
            "course_id": course.pk,
            "status": "waitlisted",
            "enrolled_at": now.replace(microsecond=0) + timedelta(microseconds=microseconds),
        }
        row = enrollment.objects.create(**values)
        record.objects.create(**values, id=row.pk, history_type="+", history_date=now)
    migrate_to_newest()
    rows = Enrollment.objects.order_by("waitlist_number", "pk")
    assert [row.student.number for row in rows] == ["1", "3", "0", "2", "4"]
    assert [row.overridden for row in rows] == [[]] * 5
    records: Any = as_of(timezone.now(), Enrollment.objects.all())
    assert [
        found.student.number for found in sorted(records, key=lambda record: record.position)
    ] == ["1", "3", "0", "2", "4"]


def record_of(apps: StateApps, user: Any) -> Any:
    values = STUDENTS[0] | {
        "id": 7,
        "history_type": "+",
        "history_date": timezone.now(),
        "door": "staff",
    }
    return apps.get_model("students", "HistoricalStudent").objects.create(
        **values, history_user_id=user and user.pk
    )


def test_who_did_something_is_named_in_each_record_and_outlives_the_user(
    unnamed: StateApps,
) -> None:
    users = unnamed.get_model("auth", "User").objects
    records = [
        record_of(unnamed, user)
        for user in (users.create(username="ann"), users.create(username="bob"), None)
    ]
    migrate_to_newest()
    named = [("ann", records[0].history_user_id), ("bob", records[1].history_user_id), ("", None)]
    assert (
        list(Student.history.order_by("history_id").values_list("who", "history_user_id")) == named
    )
    User.objects.get(username="ann").delete()
    assert (
        list(Student.history.order_by("history_id").values_list("who", "history_user_id")) == named
    )
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(
            cursor, "students_historicalstudent"
        ).values()
    assert not [constraint for constraint in found if constraint["columns"] == ["history_user_id"]]
    back = migrate(
        ("students", "0004_waitlist_and_prerequisites"),
        ("courses", "0002_waitlist_and_prerequisites"),
    )
    model = back.get_model("students", "HistoricalStudent")
    assert [
        record.history_user and record.history_user.username
        for record in model.objects.order_by("history_id")
    ] == [None, "bob", None]


@pytest.fixture
def before_accounts() -> Iterator[StateApps]:
    """A database whose AccessChange is in `students`. It is migrated forward afterwards."""
    yield migrate(("students", "0011_fewer_history_indexes"), ("accounts", None))
    migrate_to_newest()


def grants(user_name: str) -> set[str]:
    """The permissions of a user and of the user's roles to view the record of access."""
    user = User.objects.get(username=user_name)
    return {name for name in user.get_all_permissions() if name.endswith("accesschange")}


def test_the_record_of_access_and_who_may_view_it_move_to_accounts_and_back(
    before_accounts: StateApps,
) -> None:
    content_type = before_accounts.get_model("contenttypes", "ContentType")
    content_type.objects.filter(model="accesschange").delete()
    old_type = content_type.objects.create(app_label="students", model="accesschange")
    permission = before_accounts.get_model("auth", "Permission").objects.create(
        content_type=old_type, codename="view_accesschange", name="Can view"
    )
    old_user = before_accounts.get_model("auth", "User").objects.create(username="ann")
    old_user.user_permissions.add(permission)
    change = before_accounts.get_model("students", "AccessChange").objects.create(
        kind="user", name="bob", who="ann", door="admin"
    )
    migrate_to_newest()
    assert list(AccessChange.objects.filter(pk=change.pk).values_list("name", "who")) == [
        ("bob", "ann")
    ]
    assert grants("ann") == {"accounts.view_accesschange"}
    back = migrate(("students", "0011_fewer_history_indexes"), ("accounts", None))
    assert back.get_model("students", "AccessChange").objects.filter(pk=change.pk).exists()
    assert grants("ann") == {"students.view_accesschange"}


@pytest.fixture
def before_one_form_of_text() -> Iterator[StateApps]:
    """A database before its texts were put into one form. It is migrated forward afterwards."""
    yield migrate(
        ("students", "0013_names_of_one_part"), ("courses", "0007_quicker_search_function")
    )
    migrate_to_newest()


def test_existing_texts_are_put_into_one_form_and_recorded(
    before_one_form_of_text: StateApps, capsys: pytest.CaptureFixture[str]
) -> None:
    student_model = before_one_form_of_text.get_model("students", "Student")
    rows = [
        ("1", "Ann", "Lee", "ann@b\u00fccher.example"),
        ("2", "Zoe\u0308", "Lee", "zoe@bu\u0308cher.example"),
        ("3", "Ann", "L\u200bee", "Ann@b\u00fc\u00adcher.example"),
        ("4", "Bo", "Lee", "bo@school.example"),
        ("U\u03081", "Cy", "Lee", "cy@school.example"),
        ("\u00dc1", "Di", "Lee", "di@school.example"),
    ]
    names = ("number", "first_name", "last_name", "email")
    students = [student_model.objects.create(**dict(zip(names, row, strict=True))) for row in rows]
    term_model = before_one_form_of_text.get_model("courses", "Term")
    term = term_model.objects.create(
        code="U\u0308", name="Fall", starts_on="2026-09-01", ends_on="9999-12-31"
    )
    course = before_one_form_of_text.get_model("courses", "Course").objects.create(
        code="U\u0308-1", title="Life", term=term, prerequisites=["U\u0308-2"]
    )

    migrate_to_newest()

    ids = [student.pk for student in students]
    after = list(Student.objects.filter(pk__in=ids).order_by("pk").values_list(*names))
    assert after == [
        rows[0],
        ("2", "Zo\u00eb", "Lee", "zoe@b\u00fccher.example"),
        *rows[2:],
    ]
    [record] = Student.history.filter(id__in=ids)
    assert (record.id, record.first_name, record.door) == (ids[1], "Zo\u00eb", "command")
    listed = capsys.readouterr().err
    assert f"student {ids[2]}: " in listed
    assert f"(email of {ids[0]})" in listed
    assert f"student {ids[4]}: " in listed
    assert f"(number of {ids[5]})" in listed
    changed = Course.objects.get(pk=course.pk)
    assert (changed.code, changed.prerequisites) == ("\u00dc-1", ["\u00dc-2"])
    codes = changed.prerequisite_codes.values_list("requirement", "code")
    assert list(codes) == [(0, "\u00dc-2")]
    assert (changed.term.code, changed.history.count(), changed.term.history.count()) == (
        "\u00dc",
        1,
        1,
    )


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
