"""Every word of a page is translated or is data, and German has every message of the pages.

One school's pages are opened in all their states, with a catalog that puts ⟦⟧ around every message
and records those that German lacks. Words outside the marks are data, which contains "zz".
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from unittest.mock import patch

import django
import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.template.base import Lexer, TokenType
from django.test import Client, RequestFactory, override_settings
from django.urls import get_resolver
from django.utils import timezone
from django.utils.translation import trans_real
from knox.models import AuthToken

from accounts.models import AccessChange, RoleOptions, SignInSession
from accounts.pages.second_factor import NEW_SECRET
from accounts.second_factor.encryption import decrypt
from core.history.actor import Door, record_changes_as
from core.history.reasons import IMPORTED
from courses.factories import CourseFactory, TeacherFactory, TermFactory
from courses.meetings import parse_meetings
from courses.models import Course, Term
from courses.teaching import Assignment, set_teachers
from students.enrollment import service
from students.enrollment.rules import Refusal
from students.enrollment.transitions import COMPLETE, ENROLL, EnrollmentChange, Options
from students.factories import StudentFactory, enrolled
from students.models import CreditLimit, Enrollment, Status, Student
from students.pages.undo import sign_changes
from tests.accounts.second_factors import code_now, give_app, give_passkey
from tests.admin_page import fields_of, fill_in
from tests.messages import ROOT
from tests.undoing import last_changes_token

pytestmark = pytest.mark.django_db
GERMAN = {"accept-language": "de"}
WAIT = Options(waitlist=True)
# Django's loaded catalogs, by language.
CATALOGS: dict[str, Any] = trans_real._translations  # type: ignore[attr-defined]
# Names that are the same in every language.
NAMES = {"English", "Deutsch", "API"}
# Texts of pictures in Django's admin, which does not translate them.
ALTS = {"True", "False", "Search"}
# A file, and views that only redirect.
WITHOUT_PAGE = {
    "account/second-factor/app/qr.svg",
    "courses/<int:pk>/roster.csv",
    "language/",
    "login/sso/",
    "login/sso/callback/",
    "logout/",
}


class MarkingCatalog:
    """A German catalog that returns every message in marks, and records those it does not have."""

    def __init__(self) -> None:
        self.real: Any = trans_real.DjangoTranslation("de")
        self.missing = set[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def gettext(self, message: str) -> str:
        if message not in self.real._catalog:
            self.missing.add(message)
        return self._mark(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        # Django passes some names translated already, as lazy strings.
        key = (singular, self.real.plural(number))
        if isinstance(singular, str) and key not in self.real._catalog:
            self.missing.add(singular)
        return self._mark(singular if number == 1 else plural)

    def _mark(self, message: str) -> str:
        return f"⟦{message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}⟧"


class PageParser(HTMLParser):
    """Collects the words of a page that people see, or hear from a screen reader."""

    SPOKEN = {"title", "alt", "placeholder", "aria-label", "data-label", "data-working", "label"}
    SILENT = {"script", "style", "code", "kbd", "textarea", "template"}

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent_tags: list[str] = []
        self.spoken: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in self.SILENT:
            self.silent_tags.append(tag)
        self.spoken += [
            value
            for name, value in attributes.items()
            if name in self.SPOKEN and not (tag == "img" and value in ALTS)
        ]
        if tag == "input" and attributes.get("type") in ("submit", "button"):
            self.spoken.append(attributes.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silent_tags:
            self.silent_tags.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.silent_tags:
            self.texts.append(data)


def untranslated(html: str) -> set[str]:
    """The words of a page that are neither in marks nor data."""
    parser = PageParser()
    parser.feed(html)
    left = set[str]()
    # Marks are nested where a sentence contains a link.
    for text in [" ".join(parser.texts), *parser.spoken]:
        while (shorter := re.sub("⟦[^⟦⟧]*⟧", " ", text)) != text:
            text = shorter
        left |= {
            word
            for word in text.split()
            if re.search(r"[^\W\d_]", word) and "zz" not in word.lower()
        }
    return {
        word
        for word in left
        if (plain := word.strip("…·:,.()")) not in NAMES
        and not re.fullmatch("[0-9a-f]{15,}", plain)
    }


class Walk:
    """Opens the pages of one school in all their states."""

    def __init__(self) -> None:
        self.user = User.objects.create_superuser(
            "zzadmin", "zz@zz.example", "zz-secret-zz", first_name="Zzada"
        )
        self.browser = Client(headers=GERMAN, raise_request_exception=False)
        self.browser.force_login(self.user)
        self.today = timezone.localdate()
        self.visited = set[str]()
        request = RequestFactory().get("/")
        request.user = self.user
        with record_changes_as(Door.STAFF, request, "Zz-reason"):
            self.fill()

    def fill(self) -> None:
        day = timedelta(days=1)
        self.term = self.make_term(
            "ZZ-FA", enrollment_opens_on=self.today - day, enrollment_closes_on=self.today + day
        )
        self.early = self.make_term("ZZ-EA", enrollment_opens_on=self.today + day)
        self.late = self.make_term("ZZ-LA", enrollment_closes_on=self.today - day)
        self.anytime = self.make_term("ZZ-ANY")
        self.ended = self.make_term(
            "ZZ-EN", starts_on=self.today - 90 * day, ends_on=self.today - day
        )
        self.ann, self.ben, self.cat, self.dan = (
            self.make_student(number) for number in range(1, 5)
        )
        self.gone = self.make_student(5, is_active=False)
        self.free = self.make_course("ZZ-101", capacity=None, description="Zzdescription")
        self.full = self.make_course("ZZ-102", capacity=1)
        self.shut = self.make_course("ZZ-103", is_open=False)
        self.asking = self.make_course("ZZ-104", prerequisites=["ZZ-101"])
        self.over = self.make_course("ZZ-105", capacity=2)
        self.second = self.make_course("ZZ-101", section="ZZ2")
        self.soon, self.past, self.gone_by = (
            self.make_course("ZZ-106", term=self.early),
            self.make_course("ZZ-107", term=self.late),
            self.make_course("ZZ-108", term=self.ended),
        )
        self.lecture, self.other_lecture = (
            self.make_course("ZZ-109", section=section, repeatable=True, ends_on=self.today)
            for section in ("ZZ1", "ZZ2")
        )
        self.clashing = self.make_course("ZZ-110", meetings=parse_meetings("Mon 9:00-10:00 Zz1"))
        self.early_morning, self.heavy = (
            self.make_course("ZZ-111", meetings=parse_meetings("Mon Tue 9:30-11:00 Zz2")),
            self.make_course("ZZ-112", credits=90),
        )
        self.excluding = self.make_course("ZZ-113", excludes=["ZZ-101"])
        self.term.max_credits = 40
        self.term.save()
        self.ada, self.bea = (
            TeacherFactory.create(number=f"ZZP{number}", first_name="Zzada", last_name="Zzbyron")
            for number in (1, 2)
        )
        for assignments in (
            [Assignment(self.ada.pk, is_primary=True), Assignment(self.bea.pk, is_primary=False)],
            [Assignment(self.ada.pk, is_primary=False)],
            [Assignment(self.bea.pk, is_primary=True), Assignment(self.ada.pk, is_primary=False)],
        ):
            set_teachers({self.lecture.pk: assignments})
        service.enroll(
            [(self.ann.pk, self.full.pk), (self.ben.pk, self.over.pk), (self.cat.pk, self.over.pk)]
        )
        service.enroll([(self.ben.pk, self.full.pk), (self.cat.pk, self.full.pk)], WAIT)
        service.enroll([(self.dan.pk, self.shut.pk)], Options(override=["course_closed"]))
        service.apply_changes(
            [
                EnrollmentChange(self.ann.pk, self.free.pk, ENROLL),
                EnrollmentChange(self.ben.pk, self.free.pk, ENROLL),
            ]
        )
        service.apply_changes([EnrollmentChange(self.ben.pk, self.free.pk, COMPLETE)])
        service.withdraw([(self.ann.pk, self.full.pk)])
        service.enroll([(self.ann.pk, self.clashing.pk)])
        service.enroll([(self.ann.pk, self.full.pk)], WAIT)
        Course.objects.filter(pk=self.over.pk).update(capacity=1)
        self.over.refresh_from_db()
        with record_changes_as(Door.IMPORT, reason=IMPORTED % "zz.csv"):
            self.ann.last_name = "Zzother"
            self.ann.save()
            service.enroll([(self.dan.pk, self.free.pk)])

    def make_term(self, code: str, **more: Any) -> Term:
        return TermFactory.create(code=code, name=f"Zzname {code}", **more)

    def make_course(self, code: str, **more: Any) -> Course:
        return CourseFactory.create(
            **{
                "term": self.term,
                "code": code,
                "title": f"Zztitle {code}",
                "description": "",
                "capacity": 9,
                **more,
            }
        )

    def make_student(self, number: int, **more: Any) -> Student:
        return StudentFactory.create(
            number=f"ZZ{number}",
            first_name="Zzann",
            last_name=f"Zzlee{number}",
            email=f"zz{number}@zz.example",
            **more,
        )

    def get(self, path: str, expected: int = 200) -> tuple[str, Any]:
        return self._check_status(f"GET {path}", self.browser.get(path), expected)

    def post(self, path: str, data: dict[str, Any], expected: int = 200) -> tuple[str, Any]:
        """The response to a form, after redirects."""
        return self._check_status(
            f"POST {path} {data}", self.browser.post(path, data, follow=True), expected
        )

    def save(
        self, path: str, changes: dict[str, Any] | None = None, expected: int = 200
    ) -> tuple[str, Any]:
        """Open a form of the admin, change some of its fields and send it."""
        fields = fields_of(self.browser.get(path).content.decode())
        return self.post(path, fill_in(fields, changes or {}), expected)

    def _check_status(self, name: str, answer: Any, expected: int) -> tuple[str, Any]:
        assert answer.status_code == expected, (name, answer.status_code)
        for request in [answer.request["PATH_INFO"], name.split()[1].partition("?")[0]]:
            self.visited.add(request)
        return name, answer

    def site(self) -> Iterator[tuple[str, Any]]:
        ann, free, full = (
            f"/students/{self.ann.pk}/",
            f"/courses/{self.free.pk}/",
            f"/courses/{self.full.pk}/",
        )
        for path in (
            "/",
            "/?q=zz",
            "/?q=nobody",
            "/students/",
            "/students/?q=nobody",
            "/students/?is_active=nonsense",
            "/courses/",
            "/courses/?q=nobody",
        ):
            yield self.get(path)
        for path in (
            "/courses/?term=nonsense&is_open=x&cursor=bad",
            "/terms/",
            "/teachers/",
            "/teachers/?q=nobody",
            "/teachers/new/",
            f"/teachers/{self.ada.pk}/",
            f"/teachers/{self.bea.pk}/",
            f"/teachers/{self.ada.pk}/edit/",
            f"/courses/{self.lecture.pk}/",
            f"/courses/{self.lecture.pk}/edit/",
            f"/courses/{self.lecture.pk}/sheet/",
            "/tokens/",
            "/account/",
            "/account/password/",
            "/account/reset/",
            "/account/reset/sent/",
            "/account/reset/x/y/",
            "/students/new/",
            "/courses/new/",
            "/terms/new/",
        ):
            yield self.get(path)
        for path in (
            ann,
            f"{ann}?as_of=2030-01-01T00:00",
            f"{ann}?as_of=nonsense",
            f"/students/{self.gone.pk}/",
            f"/students/{self.ben.pk}/",
            f"{ann}edit/",
        ):
            yield self.get(path)
        for path in (
            free,
            full,
            f"{full}?status=all&as_of=2030-01-01T00:00",
            f"{full}?q=nobody",
            f"/courses/{self.over.pk}/",
            f"/courses/{self.asking.pk}/",
        ):
            yield self.get(path)
        for path in (
            f"{full}edit/",
            f"{full}sheet/",
            f"{full}sheet/?q=nobody",
            f"{full}sheet/?as_of=2030-01-01T00:00",
            f"{full}withdraw/",
            f"{full}students/",
            "/terms/ZZ-FA/edit/",
        ):
            yield self.get(path)
        for pks in ([self.ann.pk], [self.ann.pk, self.ben.pk]):
            yield self.get(f"{full}withdraw/?" + "&".join(f"students={pk}" for pk in pks))
        yield self.get(f"{ann}courses/")
        yield self.get(f"{ann}courses/?q=nobody")
        yield self.get(f"{ann}courses/{self.free.pk}/withdraw/")
        yield self.get(f"/students/{self.ben.pk}/courses/{self.full.pk}/withdraw/")

    def enrolling(self) -> Iterator[tuple[str, Any]]:
        ann, gone = f"/students/{self.ann.pk}/courses/", f"/students/{self.gone.pk}/courses/"
        refusing = (
            self.full,
            self.shut,
            self.asking,
            self.over,
            self.soon,
            self.past,
            self.gone_by,
            self.second,
            self.early_morning,
            self.heavy,
            self.excluding,
        )
        every = [course.pk for course in refusing]
        yield self.post(ann, {"courses": []}, 422)
        yield self.post(ann, {"courses": ["x"]}, 422)
        yield self.post(ann, {"courses": every}, 422)
        yield self.post(gone, {"courses": every}, 422)
        yield self.post(ann, {"courses": every, "override": ["course_full"]}, 422)
        yield self.post(
            ann, {"courses": [404_404], "on_full": "nonsense", "override": ["nonsense"]}, 422
        )
        yield self.post(ann, {"courses": [], "paste": "zz-nowhere"}, 422)
        yield self.post(
            f"/courses/{self.full.pk}/students/", {"students": [], "paste": "zz-nobody"}, 422
        )
        yield self.post(f"{ann}?do=check", {"courses": every, "on_full": "waitlist"})
        yield self.post(
            f"{ann}?do=check", {"courses": [self.free.pk, self.full.pk], "on_full": "skip"}
        )
        yield self.post(
            ann,
            {
                "courses": [self.full.pk, self.asking.pk],
                "on_full": "skip",
                "override": ["prerequisite_missing"],
                "reason": "Zz",
            },
        )
        yield self.post(
            "/undo/", {"token": last_changes_token(), "next": f"/students/{self.ann.pk}/"}
        )
        yield self.post("/undo/", {"next": "/"})
        yield self.post(ann, {"courses": [self.over.pk], "on_full": "waitlist"})
        yield self.post(
            f"/students/{self.dan.pk}/courses/{self.free.pk}/withdraw/", {"reason": "x" * 501}, 422
        )
        yield self.post(
            f"/students/{self.dan.pk}/courses/{self.free.pk}/withdraw/", {"reason": "Zz"}
        )
        self.dan.is_active = False
        self.dan.save()
        yield self.post("/undo/", {"token": last_changes_token(), "next": "/"})
        yield self.post(
            f"/courses/{self.full.pk}/withdraw/",
            {"students": [self.ann.pk, self.ben.pk, self.cat.pk]},
        )
        token = last_changes_token()
        service.enroll([(self.ben.pk, self.full.pk)])
        yield self.post("/undo/", {"token": token, "next": "/"})
        row = Enrollment.objects.get(student=self.ben, course=self.full)
        row.updated_at -= timedelta(hours=25)
        yield self.post("/undo/", {"token": sign_changes([row]), "next": "/"})

    def forms(self) -> Iterator[tuple[str, Any]]:
        yield self.post("/students/new/", {"number": "?", "email": "nonsense"}, 422)
        student = {
            "number": "ZZ2",
            "first_name": "Zz",
            "last_name": "Zz",
            "email": "ZZ2@zz.example",
            "is_active": "on",
        }
        yield self.post("/students/new/", student, 422)
        yield self.post("/students/new/", student | {"number": "ZZ9", "email": "zz9@zz.example"})
        yield self.post("/terms/new/", {"code": "ZZ-FA", "starts_on": "nonsense"}, 422)
        days = {
            "starts_on": "2026-05-01",
            "ends_on": "2026-04-01",
            "enrollment_opens_on": "2026-05-01",
            "enrollment_closes_on": "2026-04-01",
        }
        yield self.post("/terms/new/", {"code": "ZZ/X", "name": "Zz", **days}, 422)
        yield self.post("/terms/new/", {"code": "ZZX", "name": "Zz", **days}, 422)
        course = {
            "term": self.term.pk,
            "code": "ZZ-101",
            "title": "Zz",
            "credits": "1",
            "is_open": "on",
        }
        yield self.post("/courses/new/", course, 422)
        yield self.post("/courses/new/", course | {"code": "ZZ-9", "prerequisites": "ZZ-9"}, 422)
        yield self.post(
            "/courses/new/",
            course
            | {
                "code": "?",
                "prerequisites": "ZZ-none",
                "credits": "-1",
                "capacity": "x",
                "term": "x",
            },
            422,
        )
        seen = {f"initial-{name}": value for name, value in course.items()} | {
            "initial-title": "Zzwas",
            "initial-credits": "2.5",
            "initial-capacity": "7",
        }
        yield self.post(
            f"/courses/{self.full.pk}/edit/",
            course | seen | {"title": "Zzmine", "credits": "4.5", "capacity": "", "is_open": ""},
            422,
        )
        yield self.post(
            f"/courses/{self.over.pk}/edit/",
            course | {"code": "ZZ-105", "capacity": "1", "title": "Zznew"},
        )
        limits = f"/students/{self.ann.pk}/credit-limits/"
        limit = {"term": self.term.pk, "max_credits": "50", "reason": "Zz"}
        yield self.get(f"{limits}new/")
        yield self.post(f"{limits}new/", limit)
        yield self.post(f"{limits}new/", limit | {"max_credits": "-1"}, 422)
        yield self.get(f"/students/{self.ann.pk}/")
        own = f"{limits}{CreditLimit.objects.get().pk}/"
        yield self.post(f"{own}edit/", {"max_credits": ""})
        yield self.get(f"{own}edit/")
        yield self.get(f"/students/{self.ann.pk}/")
        yield self.get(f"{own}remove/")
        yield self.post(f"{own}remove/", {"reason": "Zz"})
        for meetings in (
            "zz",
            "Zz 9:00-10:00",
            "Mon 9:00-10:99",
            "Mon 10:00-9:00",
            "Mon 9:00-10:00 " + 50 * "z",
            ";".join(f"Mon {hour}:00-{hour}:50" for hour in range(1, 22)),
            # Clashes with another course of a student.
            "Mon 9:00-10:00",
        ):
            free = course | {"code": "ZZ-101", "meetings": meetings}
            yield self.post(f"/courses/{self.free.pk}/edit/", free, 422)
        lecture = f"/courses/{self.lecture.pk}/edit/"
        section = course | {"code": "ZZ-109", "section": "ZZ1", "starts_on": "2999-01-01"}
        yield self.post(lecture, section | {"ends_on": "2026-01-01"}, 422)
        names = "ZZP1\nZZP1\nzzbyron\nnobody"
        yield self.post(lecture, section | {"starts_on": "", "teachers": names}, 422)
        yield self.post(
            lecture,
            section | {"starts_on": "", "teachers": "ZZP2", "initial-teachers": "ZZP1"},
            422,
        )
        teacher = {"number": "ZZP1", "first_name": "", "last_name": "", "email": "zz"}
        yield self.post("/teachers/new/", teacher, 422)
        yield self.post(
            f"/teachers/{self.ada.pk}/edit/", teacher | {"last_name": "Zznew", "email": ""}
        )
        once = fields_of(self.browser.get("/tokens/").content.decode())["once"]
        for _time in range(2):
            yield self.post("/tokens/", {"once": once})
        [token] = AuthToken.objects.all()
        AuthToken.objects.filter(pk=token.pk).update(token_key="zzkey", expiry=None)
        yield self.get("/tokens/")
        yield self.get("/admin/knox/authtoken/")
        yield self.get(f"/admin/knox/authtoken/{token.pk}/change/")
        yield self.post("/tokens/zzkey/revoke/", {})
        yield self.post("/tokens/", {"name": "zz", "access": "read", "days": "30"})
        yield self.post("/account/password/", {"old_password": "wrong"}, 422)
        Client().force_login(self.user)
        yield self.get("/account/")
        own_key = self.browser.session.session_key
        [session] = SignInSession.objects.filter(user=self.user).exclude(session_key=own_key)
        yield self.post(f"/account/sessions/{session.public_id}/end/", {})
        yield self.post("/account/sessions/end/", {})

    def second_factors(self) -> Iterator[tuple[str, Any]]:
        page = "/account/second-factor/"
        yield self.get(page)
        yield self.get("/account/confirm/")
        yield self.post("/account/confirm/", {"password": "wrong"}, 422)
        yield self.get(f"{page}app/")
        yield self.post(f"{page}app/", {"one_time_code": "0"}, 422)
        secret = decrypt(self.browser.session[NEW_SECRET])
        yield self.post(f"{page}app/", {"one_time_code": code_now(secret)})
        yield self.get(f"{page}passkey/")
        yield self.post(f"{page}passkey/", {"name": "zz", "passkey": "{}"}, 422)
        passkey = give_passkey(self.user, "zz")
        yield self.get(page)
        yield self.get("/account/")
        yield self.post(f"{page}codes/", {})
        yield self.post("/login/", {"username": "zzadmin", "password": "zz-secret-zz"})
        yield self.get("/login/second-factor/")
        yield self.post("/login/second-factor/", {"one_time_code": "0"}, 422)
        yield self.post(f"{page}passkeys/{passkey.pk}/remove/", {})
        yield self.post(f"{page}app/remove/", {})
        action = {"action": "remove_second_factors"}
        for user in (
            User.objects.create_user("zzbob"),
            give_app(User.objects.create_user("zzeva")),
        ):
            # The list of users has the names of the roles. The next page shows the message too.
            self.browser.post("/admin/auth/user/", action | {"_selected_action": [user.pk]})
            yield self.get("/account/")
        role = Group.objects.get(name="Clerk")
        yield self.save(f"/admin/auth/group/{role.pk}/change/", {"requires_second_factor": "on"})
        yield self.get(page)
        yield self.post("/students/new/", {"number": "zz"}, 403)
        RoleOptions.objects.all().delete()
        yield self.get("/admin/accounts/accessevent/")

    def single_sign_on(self) -> Iterator[tuple[str, Any]]:
        kept = {"kept": "number=zz", "kept_address": "/students/new/"}
        visitor = Client(headers=GERMAN)
        with override_settings(OIDC_ISSUER="https://zz.example", OIDC_NAME="zz"):
            yield self.get("/account/confirm/")
            for data in ({}, kept):
                name = f"POST /login/ {data}"
                yield self._check_status(name, visitor.post("/login/", data), 200)
            with override_settings(PASSWORD_SIGN_IN=False):
                yield self.get("/login/")

    def problems(self) -> Iterator[tuple[str, Any]]:
        yield self.get("/nowhere/", 404)
        yield self.get("/students/404404/", 404)
        yield self.get(f"/courses/{self.full.pk}/sheet/?as_of=nonsense", 400)
        yield self.post("/terms/nope/edit/", {"code": "zz"}, 404)
        for error, status in ((OperationalError("away"), 503), (RuntimeError("broken"), 500)):
            with patch("school.dashboard.views.DashboardView.dispatch", side_effect=error):
                yield self.get("/", status)
                yield self.post("/", {"name": "zz"}, status)
        with patch("school.dashboard.views.DashboardView.dispatch", side_effect=ValueError):
            yield self.get("/", 500)
        strict = Client(headers=GERMAN, enforce_csrf_checks=True)
        yield "a form without its token", strict.post("/login/", {})
        yield "no role", self.nobody().get("/")
        yield "not allowed", self.nobody().get("/students/")
        stranger = Client(headers=GERMAN)
        for path in ("/login/", "/admin/login/"):
            self.visited.add(path)
            yield path, stranger.get(path)
            yield (
                f"a wrong password at {path}",
                stranger.post(path, {"username": "zz", "password": "zz"}),
            )
            yield f"nothing at {path}", stranger.post(path, {})

    def nobody(self) -> Client:
        browser = Client(headers=GERMAN)
        browser.force_login(User.objects.get_or_create(username="zznobody")[0])
        return browser

    def lists(self) -> Iterator[tuple[str, Any]]:
        """Lists of more than one page."""
        for number in range(100, 161):
            enrolled(self.make_student(number), self.free)
        yield self.get("/students/")
        yield self.get("/students/?q=zz")
        name, answer = self.get(f"/courses/{self.free.pk}/")
        yield name, answer
        yield self.get(f"/courses/{self.free.pk}/students/")
        for parameter in re.findall(
            r'href="(\?(?:cursor|history|edits)=[^"#]+)', answer.content.decode()
        ):
            yield self.get(f"/courses/{self.free.pk}/{parameter}")
        with patch("students.pages.rosters.MAX_PRINTED_ROWS", 2):
            yield self.get(f"/courses/{self.free.pk}/sheet/")
        with patch("students.pages.rosters.MAX_PRINTED_ROWS", 1):
            yield self.get(f"/courses/{self.free.pk}/sheet/")

    def reviewing(self) -> Iterator[tuple[str, Any]]:
        """Students of a course who have not completed what it requires."""
        course, beside = self.make_course("ZZ-902"), self.make_course("ZZ-901")
        days = {
            "starts_on": self.term.starts_on - timedelta(days=9),
            "ends_on": self.term.starts_on - timedelta(days=1),
        }
        before = self.make_term("ZZ-EARLY", **days)
        earlier = self.make_course("ZZ-901", term=before)
        rows = [enrolled(self.make_student(number), course) for number in range(200, 203)]
        for row, other in zip(rows, (beside, earlier), strict=False):
            enrolled(row.student, other)
        course.prerequisites = [{"any": ["ZZ-901", "ZZ-900"], "concurrent": True}]
        course.save()
        review = f"/terms/{self.term.code}/prerequisites/"
        ids = [row.pk for row in rows]
        ticks = "&".join(f"enrollments={pk}" for pk in ids)
        yield self.get("/")
        with patch("school.dashboard.views.MAX_COUNTED", 2):
            yield self.get("/")
        yield self.get(review)
        yield self.get(f"{review}?q=nobody&{ticks}")
        yield self.get(f"/terms/{before.code}/prerequisites/")
        yield self.get(f"{review}withdraw/")
        yield self.get(f"{review}withdraw/?{ticks}")
        yield self.get(f"{review}withdraw/?enrollments={ids[0]}")
        yield self.post(f"{review}withdraw/", {"enrollments": ids, "reason": "x" * 501}, 422)
        yield self.post(f"{review}withdraw/", {"enrollments": ids})

    def admin_lists(self) -> Iterator[tuple[str, Any]]:
        yield self.get("/admin/")
        for app, models in {
            "accounts": ("accesschange",),
            "students": ("student", "enrollment"),
            "courses": ("course", "term"),
            "knox": ("authtoken",),
        }.items():
            yield self.get(f"/admin/{app}/")
            for model in models:
                yield self.get(f"/admin/{app}/{model}/")
        for path in (
            "students/student/?q=zz&term=ZZ-FA",
            "students/student/?q=nobody",
            "courses/course/?seats=full",
            "students/enrollment/?in_course=zz",
        ):
            yield self.get(f"/admin/{path}")
        change = self.user_change()
        yield self.get(f"/admin/accounts/accesschange/{change}/change/")
        row = Enrollment.objects.filter(status=Status.WAITLISTED).first()
        assert row
        paths = [
            f"students/student/{self.ann.pk}/",
            f"courses/course/{self.full.pk}/",
            f"courses/term/{self.term.pk}/",
            f"students/enrollment/{row.pk}/",
        ]
        for path in paths:
            yield self.get(f"/admin/{path}change/")
            yield self.get(f"/admin/{path}history/")
            if "enrollment" not in path:
                yield self.get(f"/admin/{path}delete/")
                yield self.get(f"/admin/{path.rpartition('/')[0].rpartition('/')[0]}/add/")
        yield self.get("/admin/students/enrollment/add/")
        yield self.post("/admin/students/student/404/change/", {})

    def user_change(self) -> int:
        user = User.objects.create_user("zzother", "zzo@zz.example", "zz-pass-zz")
        user.first_name, user.is_staff = "Zzo", True
        user.set_password("zz-other-zz")
        user.save()
        return AccessChange.objects.latest("pk").pk

    def admin_changes(self) -> Iterator[tuple[str, Any]]:
        student, course = (
            f"/admin/students/student/{self.ann.pk}/change/",
            f"/admin/courses/course/{self.over.pk}/change/",
        )
        yield self.save(student, {"first_name": "Zznew"})
        yield self.save(student, {"email": "nonsense"})
        yield self.save(course, {"title": "Zznew"})
        yield self.save(student, {"enrollments-0-course": str(self.shut.pk)})
        yield self.save(
            student, {"enrollments-0-course": str(self.shut.pk), "override": "course_closed"}
        )
        yield self.save(
            student,
            {
                "enrollments-0-course": str(self.asking.pk),
                "override": "prerequisite_missing",
                "reason": "Zz",
            },
        )
        yield self.save(
            "/admin/students/enrollment/add/",
            {"student": str(self.gone.pk), "course": str(self.shut.pk)},
        )
        yield self.save(
            "/admin/students/enrollment/add/",
            {
                "student": str(self.ben.pk),
                "course": str(self.shut.pk),
                "override": "course_closed",
                "reason": "Zz",
            },
        )
        row = Enrollment.objects.filter(status=Status.ACTIVE).latest("pk")
        path = f"/admin/students/enrollment/{row.pk}/change/"
        yield self.save(path, {"status": "waitlisted"})
        yield self.save(path, {"status": "completed"})
        yield self.save(f"/admin/courses/term/{self.term.pk}/change/", {"ends_on": "1.1.1999"})
        yield self.post(f"/admin/courses/course/{self.full.pk}/delete/", {"post": "yes"})

    def admin_actions(self) -> Iterator[tuple[str, Any]]:
        students, courses, rows = (
            "/admin/students/student/",
            "/admin/courses/course/",
            "/admin/students/enrollment/",
        )
        yield self.post(students, {"action": "", "_selected_action": [self.ann.pk]})
        yield self.post(students, {"action": "enroll"})
        for action, path, key in (
            ("enroll", students, self.cat.pk),
            ("enroll_students", courses, self.soon.pk),
            ("delete_selected", courses, self.full.pk),
        ):
            yield self.post(path, {"action": action, "_selected_action": [key]})
        yield self.post(
            courses,
            {"action": "delete_selected", "_selected_action": [self.make_course("ZZ-999").pk]},
        )
        several = [course.pk for course in (self.full, self.shut, self.asking, self.free)]
        page = {
            "action": "enroll",
            "_selected_action": "0",
            "select_across": "1",
            "rows": f"{self.cat.pk},{self.gone.pk}",
        }
        yield self.post(students, page | {"q": "nobody"})
        yield self.post(students, page | {"chosen": [*several, 404_404]})
        yield self.post(
            students, page | {"chosen": several, "confirm": "yes", "shown": "something else"}
        )
        for part in ({}, {"part": "on"}):
            name, answer = self.post(
                students, page | part | {"chosen": several, "on_full": "waitlist"}
            )
            yield name, answer
            yield self.post(
                students,
                fields_of(answer.content.decode()) | {"chosen": several, "confirm": "yes", **part},
            )
        current = [row.pk for row in Enrollment.objects.current()][:3]
        name, answer = self.post(rows, {"action": "withdraw", "_selected_action": current})
        yield name, answer
        yield self.post(rows, fields_of(answer.content.decode()) | {"confirm": "yes"})
        yield self.post("/admin/logout/", {})

    def everything(self) -> Iterator[tuple[str, Any]]:
        yield from self.site()
        yield from self.admin_lists()
        yield from self.enrolling()
        yield from self.forms()
        yield from self.second_factors()
        yield from self.single_sign_on()
        yield from self.problems()
        yield from self.lists()
        yield from self.reviewing()
        yield from self.admin_changes()
        yield from self.admin_actions()


def test_every_word_of_every_page_is_translated_or_data(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = MarkingCatalog()
    monkeypatch.setitem(CATALOGS, "de", catalog)
    walk = Walk()
    words_by_page, html = {}, ""
    for name, response in walk.everything():
        page = response.content.decode()
        assert '<html lang="de"' in page, name
        html += page
        if words := untranslated(page):
            words_by_page[name] = words
    assert words_by_page == {}, "Translate these words; data of this test has “zz” in each word."
    # Nobody has translated some words of newer versions of Django yet.
    if django.VERSION < (6,):
        assert catalog.missing == set()
    assert [refusal for refusal in Refusal if longest_literal(refusal) not in html] == []
    assert find_unvisited_routes(walk.visited) == []


def longest_literal(refusal: Refusal) -> str:
    """The longest part of a refusal's message between its parameters."""
    return max(re.split(r"%\(\w+\)[sd]", str(refusal.label)), key=len)


def find_unvisited_routes(visited: set[str]) -> list[str]:
    """The staff pages of which no path is in `visited`."""
    routes = {
        str(page.pattern)
        for part in get_resolver().url_patterns
        for page in getattr(part, "url_patterns", [])
        if str(part.pattern) == ""
    } - WITHOUT_PAGE
    assert len(routes) > 20
    regexes = {route: re.compile("/" + re.sub("<[^>]*>", "[^/]+", route)) for route in routes}
    return [route for route, regex in regexes.items() if not any(map(regex.fullmatch, visited))]


def outline(template: str) -> str:
    """The text of a template outside translated blocks, without its values."""
    parts, translates = list[str](), False
    # Blocks in the attributes of <body> and <main> are names for programs.
    for token in Lexer(re.sub("{% block (bodyclass|page_id) %}.*", "", template)).tokenize():
        name = (
            token.contents.split()[0].replace("blocktranslate", "blocktrans")
            if token.contents.strip()
            else ""
        )
        if token.token_type == TokenType.BLOCK and name.endswith("blocktrans"):
            translates = name == "blocktrans"
        elif token.token_type == TokenType.TEXT and not translates:
            parts.append(token.contents)
    return "".join(parts)


def test_templates_have_no_untranslated_words() -> None:
    templates = sorted((ROOT / "templates").rglob("*.html"))
    assert {
        str(path): words for path in templates if (words := untranslated(outline(path.read_text())))
    } == {}
    block = "{% blocktranslate %}right{% endblocktranslate %}"
    template = f"<p>{{% trans 'Right' %}} {{{{ right }}}} {block} left</p>"
    assert untranslated(outline(template)) == {"left"}


@pytest.mark.parametrize(
    "html",
    [
        "<p>left</p>",
        "<p>⟦Right⟧ left</p>",
        '<p>⟦Right <a href="/">too</a>⟧ left</p>',
        '<a title="left">⟦Right⟧</a>',
        '<input type="submit" value="left">',
        '<td data-label="left">⟦Right⟧ Zz-data</td>',
    ],
)
def test_an_untranslated_word_is_found(html: str) -> None:
    assert untranslated(html) == {"left"}


def test_a_message_without_german_is_recorded() -> None:
    german = MarkingCatalog()
    assert german.real.gettext("Waitlist, in the order of coming").startswith("Warteliste")
    german.gettext("Waitlist, in the order of coming")
    german.gettext("Nonsense")
    german.ngettext("one nonsense", "%d of it", 2)
    assert german.missing == {"Nonsense", "one nonsense"}
