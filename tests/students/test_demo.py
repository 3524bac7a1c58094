"""manage.py demo."""

import re
from datetime import date, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Count, F
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from courses.factories import TermFactory
from courses.models import Course, Teacher, Teaching, Term
from students import demo
from students.enrollment.conflicts import (
    filter_clashing,
    filter_with_open_prerequisites,
    find_over_limit,
)
from students.factories import StudentFactory
from students.models import Enrollment, Student

pytestmark = pytest.mark.django_db


def run() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STUDENTS", 40)


def test_fills_an_empty_school_believably() -> None:
    """The whole demo school, as everybody sees it."""
    demo.fill(timezone.localdate())
    assert (Student.objects.count(), Course.objects.count(), Term.objects.count()) == (2_000, 72, 3)
    last, this, following = Term.objects.order_by("starts_on")
    assert this.is_running(timezone.localdate())
    courses = list(Course.objects.with_seats().filter(term=this))
    shares = [course.taken / course.capacity for course in courses if course.capacity]
    assert sum(share == 1 for share in shares) >= 3
    assert sum(0.9 <= share < 1 for share in shares) >= 3
    assert min(shares) < 0.9
    assert max(shares) == 1
    assert any(course.capacity is None and course.taken > 100 for course in courses)
    assert [course.taken > 0 for course in courses if not course.is_open] == [True, True]
    sections = Course.objects.filter(term=this).exclude(section="")
    assert sections.values_list("code").distinct().count() == 3
    taken = Enrollment.objects.all()
    of_codes = taken.filter(course__in=sections).values("student", "course__code")
    assert not of_codes.annotate(number=Count("pk")).filter(number__gt=1).exists()
    with_times = Course.objects.filter(term=this).annotate(hours=Count("meeting_times"))
    hours = sorted(with_times.values_list("hours", flat=True))
    assert (hours[0], hours[len(hours) // 2]) == (1, 2)
    assert not filter_clashing(Enrollment.objects.all(), this).exists()
    assert not find_over_limit(this).exists()
    open_prerequisites = filter_with_open_prerequisites(Enrollment.objects.all(), this)
    assert 50 < open_prerequisites.count() < 2_000
    assert Course.objects.filter(term=following).exclude(prerequisites=[]).count() == 7
    assert Course.objects.filter(term=following).exclude(excludes=[]).count() == 1
    primary = Teaching.objects.current().filter(is_primary=True)
    assert primary.values("course").distinct().count() == Course.objects.count()
    assert set(taken.filter(course__term=last).values_list("status", flat=True)) == {
        "completed",
        "withdrawn",
    }
    assert set(taken.filter(course__term=this).values_list("status", flat=True)) == {
        "active",
        "waitlisted",
        "withdrawn",
    }
    assert not taken.filter(course__term=following).exists()
    assert 10 < Student.objects.filter(is_active=False).count() < 200
    assert Student.history.count() == 2_000
    assert Enrollment.history.filter(history_type="+").count() == Enrollment.objects.count() > 8_000
    assert set(Enrollment.history.filter(history_type="~").values_list("status", flat=True)) == {
        "active",
        "withdrawn",
    }
    for student in Student.objects.all():
        student.clean_fields()


@pytest.mark.usefixtures("few")
class TestCalendar:
    def test_enrollments_come_day_by_day_since_one_can_enroll_and_none_in_the_future(self) -> None:
        now = timezone.now()
        demo.fill(today := timezone.localdate())
        this = Term.objects.get(starts_on__lte=today, ends_on__gte=today)
        days = set(
            Enrollment.objects.filter(course__term=this).values_list("enrolled_at__date", flat=True)
        )
        assert len(days) > min((today - this.starts_on).days, 5)
        assert this.starts_on <= min(days) <= max(days) <= today
        assert not Enrollment.history.filter(history_date__gt=now + timedelta(minutes=1)).exists()

    def test_the_history_is_in_the_order_in_which_it_is_told(self) -> None:
        demo.fill(timezone.localdate())
        moments = list(
            Enrollment.history.order_by("history_id").values_list("history_date", flat=True)
        )
        assert moments == sorted(moments)
        for model in (Term, Course, Student):
            assert model.history.filter(history_type="+").latest().history_date < moments[0]

    @pytest.mark.parametrize(
        "today", [date(2026, 1, 1), date(2026, 3, 31), date(2026, 7, 4), date(2026, 12, 31)]
    )
    def test_the_terms_lie_around_today(self, today: date) -> None:
        demo.fill(today)
        last, this, following = Term.objects.order_by("starts_on")
        assert this.is_running(today)
        assert this.enrollment_opens_on is not None
        assert this.enrollment_closes_on is not None
        assert this.enrollment_opens_on <= today <= this.enrollment_closes_on - timedelta(days=29)
        assert last.ends_on == this.starts_on - timedelta(days=1)
        assert following.starts_on == this.ends_on + timedelta(days=1)
        for term in (last, this, following):
            term.full_clean()

    def test_is_the_same_every_time(self) -> None:
        def everything() -> list[tuple[object, ...]]:
            names = (
                "first_name",
                "last_name",
                "email",
                "is_active",
                "enrollments__course__code",
                "enrollments__course__section",
                "enrollments__status",
            )
            return list(
                Student.objects.values_list("number", *names).order_by("number", "enrollments__pk")
            )

        demo.fill(timezone.localdate())
        first = everything()
        Term.objects.update(code=F("pk"))
        for people in (Student, Teacher):
            people.objects.update(number=F("pk"), email=F("pk"))
        demo.fill(timezone.localdate())
        assert [row for row in everything() if str(row[0]).startswith("S")] == first
        assert len(first) > 40


@pytest.mark.usefixtures("few")
class TestSignIns:
    def test_each_role_signs_in_with_the_password_that_is_printed(self) -> None:
        password = found(r"with password +(\S+)", run())
        for name in ("admin", "registrar", "clerk", "viewer"):
            assert Client().login(username=name, password=password), name
        staff = dict(User.objects.values_list("username", "is_staff"))
        assert staff == {"admin": True, "registrar": True, "clerk": False, "viewer": False}
        assert list(User.objects.filter(is_superuser=True).values_list("username", flat=True)) == [
            "admin"
        ]
        assert set(User.objects.values_list("username", "groups__name")) == {
            ("admin", None),
            ("registrar", "Registrar"),
            ("clerk", "Clerk"),
            ("viewer", "Viewer"),
        }

    def test_the_curl_line_works(self, settings: object) -> None:
        settings.PORT = 8123  # type: ignore[attr-defined]
        text = run()
        secret = found(
            r'curl -H "Authorization: Bearer (\w+)" '
            r'"http://127\.0\.0\.1:8123/api/v1/students\?limit=3"',
            text,
        )
        answer = APIClient(headers={"Authorization": f"Bearer {secret}"}).get(
            "/api/v1/students?limit=3"
        )
        assert (answer.status_code, len(answer.json()["results"])) == (200, 3)

    def test_a_second_run_leaves_the_data_and_makes_a_new_password_and_token(self) -> None:
        first = run()
        Student.objects.filter(number="S00001").update(first_name="Renamed")
        second = run()
        assert Student.objects.filter(first_name="Renamed").exists()
        assert (Student.objects.count(), User.objects.count(), AuthToken.objects.count()) == (
            40,
            4,
            1,
        )
        passwords = [found(r"with password +(\S+)", text) for text in (first, second)]
        assert [Client().login(username="clerk", password=password) for password in passwords] == [
            False,
            True,
        ]

    def test_the_password_may_be_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCHOOL_PASSWORD", "given by somebody")
        assert "given by somebody" in run()
        assert Client().login(username="viewer", password="given by somebody")


@pytest.mark.parametrize("make", [TermFactory, StudentFactory])
def test_a_school_that_has_data_keeps_it_and_gets_no_more(make: object) -> None:
    make()  # type: ignore[operator]
    run()
    assert (
        Term.objects.count() + Student.objects.count(),
        Course.objects.count(),
        User.objects.count(),
    ) == (1, 0, 4)


@pytest.mark.parametrize("name", ["somebody", "admin"])
def test_a_school_with_users_of_its_own_is_left_alone(name: str) -> None:
    user = User.objects.create_user(name, f"{name}@school.example", "their own password")
    with pytest.raises(CommandError, match="users of its own"):
        run()
    user.refresh_from_db()
    assert user.check_password("their own password")
    assert (User.objects.count(), Term.objects.count()) == (1, 0)
