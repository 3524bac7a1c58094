"""The API permissions of each role: a table of method, path, role and status."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import RoleOptions
from courses.factories import CourseFactory, TeachingFactory, TermFactory
from courses.models import Course
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Student
from tests.accounts.second_factors import give_app

pytestmark = pytest.mark.django_db
READS = [
    "/students",
    "/students/{s}",
    "/students/{s}/courses",
    "/students/{s}/credit-limits",
    "/students/{s}/credit-limits/T",
    "/courses",
    "/courses/{c}",
    "/courses/{c}/students",
    "/courses/{c}/teachers",
    "/teachers",
    "/teachers/{p}",
    "/terms",
    "/terms/T",
    "/enrollments",
]
READS += ["/enrollments/{e}", "/enrollments/{e}/history"]
ENROLLS = [
    ("post", "/students/{s}/courses"),
    ("patch", "/students/{s}/courses"),
    ("put", "/students/{s}/courses"),
    ("delete", "/students/{s}/courses/{c}"),
    ("post", "/courses/{c}/students"),
    ("post", "/enrollments"),
    ("patch", "/enrollments/{e}"),
    ("delete", "/enrollments/{e}"),
]
MANAGES = [
    (method, path)
    for path in ("/students", "/courses", "/terms", "/teachers")
    for method in ("post",)
]
MANAGES += [
    (method, path)
    for path in ("/students/{s}", "/courses/{c}", "/terms/T", "/teachers/{p}")
    for method in ("patch", "put", "delete")
]
MANAGES += [("put", "/students/by-number/{s}"), ("put", "/courses/{c}/teachers")]
MANAGES += [(method, "/students/{s}/credit-limits/T") for method in ("put", "delete")]


@pytest.fixture
def send_request(api_of: Callable[[str], APIClient]) -> Callable[[str, str, str], int]:
    """Returns a function that sends a request as a role and returns the status."""
    student, course = StudentFactory(), CourseFactory(term=TermFactory(code="T"))
    row = enrolled(student, course)
    teacher = TeachingFactory.create(course=course).teacher
    CreditLimit.objects.create(student=student, term=course.term)

    def request(role: str, method: str, path: str) -> int:
        client = api_of(role) if role != "nobody" else APIClient()
        url = "/api/v1" + path.format(s=student.pk, c=course.pk, e=row.pk, p=teacher.pk)
        status: int = getattr(client, method)(url, None if method == "delete" else {}).status_code
        return status

    return request


def test_each_path_is_in_the_tables() -> None:
    tested = {*READS, *(path for _method, path in ENROLLS + MANAGES)}
    shapes = {re.sub(r"{\w+}|(?<=/)T", "{}", path) for path in tested}
    schema = SchemaGenerator().get_schema(public=True)
    assert {
        re.sub(r"{\w+}", "{}", path.removeprefix("/api/v1")) for path in schema["paths"]
    } == shapes


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("role", "status"),
    [("Registrar", 200), ("Clerk", 200), ("Viewer", 200), ("stranger", 403), ("nobody", 401)],
)
def test_reading(
    send_request: Callable[[str, str, str], int], role: str, path: str, status: int
) -> None:
    method = "get"
    assert send_request(role, method, path) == status


@pytest.mark.parametrize(("method", "path"), ENROLLS)
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Registrar", True),
        ("Clerk", True),
        ("Viewer", False),
        ("stranger", False),
        ("nobody", False),
    ],
)
def test_enrolling(
    send_request: Callable[[str, str, str], int], role: str, may: bool, method: str, path: str
) -> None:
    # An empty body is 400 for roles that pass the check of permissions.
    if path == "/enrollments/{e}" and method == "patch" and role == "Viewer":
        pytest.skip("asked by status, below")
    assert (send_request(role, method, path) not in (401, 403)) is may


@pytest.mark.parametrize(("method", "path"), MANAGES)
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Registrar", True),
        ("Clerk", False),
        ("Viewer", False),
        ("stranger", False),
        ("nobody", False),
    ],
)
def test_managing(
    send_request: Callable[[str, str, str], int], role: str, may: bool, method: str, path: str
) -> None:
    assert (send_request(role, method, path) not in (401, 403)) is may


@pytest.mark.parametrize("status", ["active", "completed", "withdrawn"])
def test_a_viewer_sets_no_status(api_of: Callable[[str], APIClient], status: str) -> None:
    row = enrolled(StudentFactory(), CourseFactory())
    assert (
        api_of("Viewer").patch(f"/api/v1/enrollments/{row.pk}", {"status": status}).status_code
        == 403
    )


@pytest.mark.parametrize("role", ["Registrar", "Clerk", "Viewer"])
def test_a_session_may_do_nothing_without_the_second_factor_that_its_role_requires(
    user_of: Callable[[str], User], role: str
) -> None:
    user = user_of(role)
    RoleOptions(group=user.groups.get(), requires_second_factor=True).save()
    client = APIClient(raise_request_exception=False)
    client.force_login(user)
    row = enrolled(StudentFactory(), CourseFactory(term=TermFactory(code="T")))
    teacher = TeachingFactory.create(course=row.course).teacher
    allowed = [("get", path) for path in READS]
    allowed += ENROLLS if role != "Viewer" else []
    allowed += MANAGES if role == "Registrar" else []

    def refused() -> set[tuple[str, str]]:
        """The operations that are answered with 403."""
        found = set()
        for method, path in allowed:
            url = "/api/v1" + path.format(s=row.student_id, c=row.course_id, e=row.pk, p=teacher.pk)
            if getattr(client, method)(url).status_code == 403:
                found.add((method, path))
        return found

    assert refused() == {*allowed}
    give_app(user)
    assert refused() == set()


def test_the_roles_have_just_their_permissions() -> None:
    held = {
        group.name: set(group.permissions.values_list("codename", flat=True))
        for group in Group.objects.all()
    }
    names = ("student", "course", "term", "teacher", "creditlimit")
    views = {"view_enrollment", *(f"view_{name}" for name in names)}
    enrolls = {"add_enrollment", "withdraw_enrollment"}
    manages = {f"{verb}_{name}" for verb in ("add", "change", "delete") for name in names}
    assert held == {
        "Viewer": views,
        "Clerk": views | enrolls,
        "Registrar": views | enrolls | manages | {"complete_enrollment", "override_refusal"},
    }
    assert not Permission.objects.filter(
        codename__in=["delete_enrollment", "change_enrollment"]
    ).exists()
    assert {Student._meta.app_label, Course._meta.app_label} == {"students", "courses"}
