"""The status of each page for each role."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from courses.factories import CourseFactory, TeachingFactory, TermFactory
from school.urls import pages
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit

pytestmark = pytest.mark.django_db

Browser = Callable[[str], Client]
ROLES = ("admin", "Registrar", "Clerk", "Viewer", "Nobody")
EVERYBODY = (200, 200, 200, 200, 200)
READERS = (200, 200, 200, 200, 403)
CLERKS = (200, 200, 200, 403, 403)
REGISTRARS = (200, 200, 403, 403, 403)
PAGES = {
    "desk": EVERYBODY,
    "tokens": EVERYBODY,
    "account": EVERYBODY,
    "password": EVERYBODY,
    "confirm": EVERYBODY,
    "second_factor": EVERYBODY,
    "second_factor_app": EVERYBODY,
    "second_factor_passkey": EVERYBODY,
    "student_list": READERS,
    "student": READERS,
    "student_new": REGISTRARS,
    "student_edit": REGISTRARS,
    "student_courses": CLERKS,
    "student_withdraw": CLERKS,
    "credit_limits": READERS,
    "credit_limit_new": REGISTRARS,
    "credit_limit_edit": REGISTRARS,
    "credit_limit_remove": REGISTRARS,
    "course_list": READERS,
    "course": READERS,
    "course_roster": READERS,
    "roster_sheet": READERS,
    "roster_withdraw": CLERKS,
    "course_new": REGISTRARS,
    "course_edit": REGISTRARS,
    "course_students": CLERKS,
    "teacher_list": READERS,
    "teacher": READERS,
    "teacher_new": REGISTRARS,
    "teacher_edit": REGISTRARS,
    "term_list": READERS,
    "term_new": REGISTRARS,
    "term_edit": REGISTRARS,
    "prerequisite_review": READERS,
    "prerequisite_withdraw": CLERKS,
}
# Open to everybody, or without a page of their own.
NOT_IN_THE_TABLE = {
    "login",
    "login_second_factor",
    "single_sign_on",
    "single_sign_on_callback",
    "second_factor_image",
    "second_factor_app_remove",
    "second_factor_passkey_remove",
    "second_factor_codes",
    "logout",
    "reset",
    "reset_sent",
    "reset_confirm",
    "set_language",
    "undo",
    "token_revoke",
    "session_end",
    "sessions_end",
}
POSTED = (
    "student_new",
    "student_edit",
    "student_courses",
    "student_withdraw",
    "credit_limit_new",
    "credit_limit_edit",
    "credit_limit_remove",
    "course_new",
    "course_edit",
    "course_students",
    "teacher_new",
    "teacher_edit",
    "term_new",
    "term_edit",
    "prerequisite_withdraw",
)


@pytest.fixture
def paths() -> dict[str, str]:
    """The path of every page, for one student in one course."""
    student, course = (
        StudentFactory.create(),
        CourseFactory.create(term=TermFactory.create(code="T")),
    )
    enrolled(student, course)
    limit = CreditLimit.objects.create(student=student, term=course.term)
    keys: dict[str, tuple[object, ...]] = {
        **dict.fromkeys(("student", "student_edit", "student_courses"), (student.pk,)),
        "student_withdraw": (student.pk, course.pk),
        **dict.fromkeys(("credit_limits", "credit_limit_new"), (student.pk,)),
        **dict.fromkeys(("credit_limit_edit", "credit_limit_remove"), (student.pk, limit.pk)),
        **dict.fromkeys(
            (
                "course",
                "course_edit",
                "course_students",
                "course_roster",
                "roster_sheet",
                "roster_withdraw",
            ),
            (course.pk,),
        ),
        **dict.fromkeys(
            ("teacher", "teacher_edit"), (TeachingFactory.create(course=course).teacher_id,)
        ),
        **dict.fromkeys(("term_edit", "prerequisite_review", "prerequisite_withdraw"), ("T",)),
    }
    return {name: reverse(name, args=keys.get(name, ())) for name in PAGES}


def test_each_page_is_in_the_table() -> None:
    names = {page.name for page in pages if isinstance(page, URLPattern)}
    assert names - NOT_IN_THE_TABLE == set(PAGES)


@pytest.mark.parametrize(("position", "role"), list(enumerate(ROLES)))
def test_each_role_sees_the_pages_that_it_may_see(
    browser_of: Browser, paths: dict[str, str], position: int, role: str
) -> None:
    browser = browser_of(role)
    seen = {name: browser.get(path).status_code for name, path in paths.items()}
    assert seen == {name: statuses[position] for name, statuses in PAGES.items()}


@pytest.mark.parametrize("role", ["Viewer", "Nobody"])
def test_roles_that_may_not_write_get_403_before_anything_is_read(
    browser_of: Browser, paths: dict[str, str], role: str
) -> None:
    browser = browser_of(role)
    assert {name: browser.post(paths[name]).status_code for name in POSTED} == dict.fromkeys(
        POSTED, 403
    )


def test_anonymous_users_are_redirected_to_the_sign_in_page(
    client: Client, paths: dict[str, str]
) -> None:
    for path in paths.values():
        for answer in (client.get(path), client.post(path)):
            assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.parametrize(
    ("name", "link", "role_with", "role_without"),
    [
        ("student_list", "/students/new/", "Registrar", "Clerk"),
        ("student", "/edit/", "Registrar", "Clerk"),
        ("student", "/courses/", "Clerk", "Viewer"),
        ("student", "/withdraw/", "Clerk", "Viewer"),
        ("course_list", "/courses/new/", "Registrar", "Clerk"),
        ("course", "/edit/", "Registrar", "Clerk"),
        ("course", "/students/", "Clerk", "Viewer"),
        ("course", "/withdraw/", "Clerk", "Viewer"),
        ("term_list", "/terms/new/", "Registrar", "Clerk"),
        ("term_list", "/edit/", "Registrar", "Clerk"),
        ("term_list", "/prerequisites/", "Viewer", "Nobody"),
        ("desk", "/admin/", "Registrar", "Clerk"),
    ],
)
def test_links_are_shown_to_users_who_may_follow_them(
    browser_of: Browser,
    paths: dict[str, str],
    name: str,
    link: str,
    role_with: str,
    role_without: str,
) -> None:
    def links(role: str) -> list[str]:
        text = browser_of(role).get(paths[name]).content.decode()
        hrefs = [part.partition('"')[0].partition("?")[0] for part in text.split('href="')[1:]]
        navigation = ("/students/", "/courses/")
        return [href for href in hrefs if href.endswith(link) and href not in navigation]

    assert links(role_with)
    assert not links(role_without)


def test_an_unknown_id_is_404(browser_of: Browser) -> None:
    browser = browser_of("admin")
    for name in (
        "student",
        "student_edit",
        "student_courses",
        "course",
        "course_edit",
        "course_students",
        "course_roster",
        "roster_sheet",
        "roster_withdraw",
    ):
        for pk in ("404", str(2**63), "9" * 30, "9" * 5000):
            assert browser.get(reverse(name, args=[7]).replace("7", pk)).status_code == 404, (
                name,
                pk,
            )
    for path in (
        "/students/1/courses/404/withdraw/",
        "/students/404/courses/1/withdraw/",
        f"/students/{2**64}/courses/{2**64}/withdraw/",
    ):
        assert browser.get(path).status_code == 404
        assert browser.post(path).status_code == 404
    for code in ("nope", "%00", "a%00b"):
        for page in ("edit/", "prerequisites/", "prerequisites/withdraw/"):
            assert browser.get(f"/terms/{code}/{page}").status_code == 404
            assert browser.post(f"/terms/{code}/{page}").status_code == 404
