"""Every page in its states, in several looks: accessible by axe-core's rules and no wider than the
window."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, reverse
from playwright.sync_api import Page

from core.pages.views import EditView
from school.urls import pages
from students.models import CreditLimit, Enrollment
from tests.accounts.second_factors import code_now, give_passkey
from tests.browser.accessible import PageChecker, Window, each_window
from tests.browser.conftest import School, busy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


# URL names without a page of their own.
NO_PAGE = {
    "course_roster",
    "logout",
    "second_factor_image",
    "set_language",
    "single_sign_on",
    "single_sign_on_callback",
}


def get_paths(school: School) -> dict[str, str]:
    """Return the path of each staff page that can be opened, by the name of its URL.

    Raises KeyError for a new page whose path has a parameter without a value here.
    """
    values: dict[str, Any] = {
        "student_id": school.student.pk,
        "course_id": school.held.pk,
        "teacher_id": school.teacher.pk,
        "code": school.open.term.code,
        "uidb64": "x",
        "token": "y",
    }
    limit = CreditLimit.objects.get_or_create(student=school.student, term=school.open.term)[0]
    paths = {}
    for page in pages:
        assert isinstance(page, URLPattern)
        name = str(page.name)
        view: Any = page.callback
        if name in NO_PAGE or not hasattr(view.view_class, "get"):
            continue
        # The key of the row is that of the collection in which the path begins.
        collection = str(page.pattern).partition("/")[0].removesuffix("s")
        row = {"pk": limit.pk if "credit_limit" in name else values.get(f"{collection}_id")}
        keys = {key: {**values, **row}[key] for key in page.pattern.converters}
        paths[name] = reverse(name, kwargs=keys)
    return paths


def get_states(school: School) -> list[str]:
    """Return paths that show a page in another state."""
    paths = get_paths(school)
    course = paths["course"]
    # An enrollment with an open prerequisite.
    school.held.prerequisites = [school.full.code]
    school.held.save()
    enrollment = Enrollment.objects.get(student=school.student, course=school.held)
    return [
        "/?q=an",
        "/students/?q=nobody",
        f"{paths['student']}?as_of=2099-01-01T10:00",
        f"{paths['student']}?as_of=2020-01-01T10:00",
        f"{paths['student_courses']}?courses={school.full.pk}",
        f"{course}?status=all&q=nobody",
        f"{course}?as_of=2099-01-01T10:00",
        f"{course}?as_of=2020-01-01T10:00",
        f"{course}withdraw/?students={school.student.pk}",
        f"{course}students/?q=a",
        f"/courses/{school.section.pk}/",
        f"/courses/{school.section.pk}/sheet/",
        f"{paths['student_courses']}?q=sections",
        f"{paths['prerequisite_review']}?enrollments={enrollment.pk}",
        f"{paths['prerequisite_review']}?q=nobody&enrollments={enrollment.pk}",
        f"{paths['prerequisite_withdraw']}?enrollments={enrollment.pk}",
        "/nowhere/",
    ]


@each_window
def test_every_page_is_accessible(
    open_as: Callable[..., Page], school: School, window: Window | None
) -> None:
    checker = PageChecker(window)
    page = open_as("Registrar", **checker.options)
    for path in [*get_paths(school).values(), *get_states(school)]:
        page.goto(path)
        checker.check(page, path)
    assert checker.faults == {}


@each_window
def test_every_state_of_a_page_is_accessible(
    open_as: Callable[..., Page], school: School, window: Window | None
) -> None:
    checker = PageChecker(window)
    page = open_as("Registrar", **checker.options)
    enroll = f"/students/{school.student.pk}/courses/"
    submit = "main form[method=post] button"

    for path in ("/students/new/", "/courses/new/", "/terms/new/"):
        page.goto(path)
        page.locator("main form").evaluate("form => { form.noValidate = true }")
        page.locator(submit).first.click()
        page.get_by_role("alert").wait_for()
        checker.check(page, f"{path} with errors")

    page.goto(f"{enroll}?courses={school.full.pk}&courses={school.open.pk}")
    page.locator(".actions button").first.click()
    page.get_by_role("alert").wait_for()
    checker.check(page, "refused")
    page.locator("details.paste summary").click()
    page.locator("#id_paste").fill(f"XYZ-1\n{school.open.code}9")
    page.locator("details.paste button").click()
    page.locator(".offers").wait_for()
    checker.check(page, "a pasted list of unknown codes")

    page.goto(f"/courses/{school.full.pk}/")
    page.locator("details.paste summary").click()
    page.locator("#id_paste").fill("nobody")
    checker.check(page, "a pasted list to withdraw")
    page.locator("details.paste button").click()
    page.locator("#paste-errors").wait_for()
    checker.check(page, "a pasted list of unknown numbers")

    page.goto(enroll)
    page.locator(f"#pick-{school.open.pk}").check()
    page.locator("tr.chosen").wait_for()
    checker.check(page, "checked")
    page.locator(".actions button").first.click()
    page.locator(".messages").wait_for()
    checker.check(page, "done, can be undone")
    with page.expect_navigation():
        page.locator(".messages button").click()
    checker.check(page, "undone")

    page.goto("/tokens/")
    page.keyboard.press("?")
    page.locator("#keys").wait_for()
    checker.check(page, "the list of keys")
    page.keyboard.press("Escape")
    page.locator(submit).first.click()
    page.locator(".secret").wait_for()
    checker.check(page, "a new token")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EditView, "post", busy)
        page.goto("/terms/new/")
        page.locator("main form").evaluate("form => { form.noValidate = true }")
        with page.expect_navigation():
            page.locator(submit).first.click()
        checker.check(page, "the database is busy")
    page.context.clear_cookies(name="csrftoken")
    page.goto("/terms/new/")
    page.context.clear_cookies(name="csrftoken")
    page.locator("main form").evaluate("form => { form.noValidate = true }")
    with page.expect_navigation():
        page.locator(submit).first.click()
    checker.check(page, "the CSRF cookie is missing")

    page = open_as(**checker.options)
    page.goto("/")
    page.locator("#id_username").fill("nobody")
    page.locator("#id_password").fill("wrong")
    page.locator(submit).click()
    page.get_by_role("alert").wait_for()
    checker.check(page, "not signed in")

    page = open_as("Viewer", **checker.options)
    page.goto("/students/new/")
    checker.check(page, "not allowed")
    assert checker.faults == {}


def test_print_is_dark_on_white_in_the_dark_scheme(
    open_as: Callable[..., Page], school: School
) -> None:
    page = open_as("Viewer", scheme="dark")
    page.goto(f"/courses/{school.held.pk}/sheet/")
    color = "getComputedStyle(document.querySelector('tbody th')).color"
    assert page.evaluate(color) == "rgb(232, 230, 225)"
    page.emulate_media(media="print")
    assert page.evaluate(color) == "rgb(31, 35, 40)"


def test_labels_are_aligned_with_their_fields(open_as: Callable[..., Page], school: School) -> None:
    page = open_as("Registrar")
    page.goto("/courses/new/")
    labels = """[...document.querySelectorAll("main .field")]
        .map((field) => getComputedStyle(field).textAlign)"""
    assert set(page.evaluate(labels)) == {"start"}


def test_the_history_of_the_admin_fits_a_phone(
    open_as: Callable[..., Page], school: School
) -> None:
    page = open_as("Registrar", width=320)
    page.goto(f"/admin/courses/course/{school.full.pk}/history/")
    assert page.evaluate(
        """[...document.querySelectorAll("#change-history :is(th, td)")]
            .every((cell) => cell.getBoundingClientRect().right <= innerWidth)"""
    )


def test_the_admin_and_the_docs_keep_to_the_policy(
    open_as: Callable[..., Page], school: School
) -> None:
    page = open_as("Registrar", width=400)
    for path in (
        "",
        "students/student/",
        f"students/student/{school.student.pk}/history/",
        "students/enrollment/",
        "courses/term/add/",
    ):
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400

    page.get_by_label("Starts on").fill("2026-09-01")
    assert page.get_by_label("Starts on").input_value() == "2026-09-01"

    page.goto(f"/admin/students/student/{school.student.pk}/change/")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("bio")
    page.get_by_role("option", name=str(school.open)).click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()

    page.goto("/api/docs/")
    page.locator(".opblock").first.wait_for()


@each_window
def test_every_state_of_a_second_factor_is_accessible(
    open_as: Callable[..., Page], school: School, window: Window | None
) -> None:
    checker = PageChecker(window)
    page = open_as("Registrar", **checker.options)
    submit = page.locator("main form button[type=submit]")

    page.goto("/account/second-factor/app/")
    secret = page.locator("main code").inner_text().replace(" ", "")
    page.locator("#id_one_time_code").fill("000000")
    submit.click()
    page.locator(".errorlist").wait_for()
    checker.check(page, "a wrong code of a new app")
    page.locator("#id_one_time_code").fill(code_now(secret))
    submit.click()
    page.locator(".codes").wait_for()
    checker.check(page, "recovery codes")
    give_passkey(User.objects.get(username="registrar"))
    page.goto("/account/second-factor/")
    checker.check(page, "an app and a passkey")

    page = open_as(**checker.options)
    submit = page.locator("main form button[type=submit]")
    page.goto("/login/")
    page.locator("#id_username").fill("registrar")
    page.locator("#id_password").fill("pass")
    submit.click()
    page.locator("#id_one_time_code").fill("000000")
    checker.check(page, "asked for the second factor")
    submit.click()
    page.get_by_role("alert").wait_for()
    checker.check(page, "a wrong second factor")
