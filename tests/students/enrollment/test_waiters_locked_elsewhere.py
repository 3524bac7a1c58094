"""Another transaction has locked the student who is about to move up, at every door.

The change is then made from the beginning, once, and the student gets the seat.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from core.db import transactions
from courses.factories import CourseFactory, TermFactory
from courses.models import Course, Term
from students.enrollment import service
from students.enrollment.transitions import Options
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from tests.admin_page import submit
from tests.importing import import_csv
from tests.students.enrollment.test_rules_that_change_meanwhile import meanwhile
from tests.undoing import last_changes_token

pytestmark = pytest.mark.django_db(transaction=True)
YESTERDAY = timezone.localdate() - timedelta(days=1)
Door = Callable[["Scene"], Any]


class Scene:
    """A full course: one student has the seat, one waits. The doors are signed in."""

    def __init__(self) -> None:
        self.course = CourseFactory.create(capacity=1, term=TermFactory.create())
        self.seated, self.waiter = StudentFactory.create_batch(2)
        pairs = [(student.pk, self.course.pk) for student in (self.seated, self.waiter)]
        service.enroll(pairs, Options(waitlist=True))
        self.row = Enrollment.objects.get(student=self.seated)
        user = User.objects.create_superuser("admin", "admin@school.example", "pass")
        _token, secret = AuthToken.objects.create(user)
        self.api = APIClient(headers={"Authorization": f"Bearer {secret}"})
        self.browser = Client()
        self.browser.force_login(user)

    def withdraw_if_unchanged(self) -> Any:
        path = f"/api/v1/students/{self.seated.pk}"
        tag = self.api.get(path)["ETag"]
        return self.api.put(f"{path}/courses", {"course_ids": []}, HTTP_IF_MATCH=tag)

    def close_window(self) -> None:
        """A seat becomes free while nobody can move up."""
        Term.objects.filter(pk=self.course.term_id).update(enrollment_closes_on=YESTERDAY)
        service.withdraw([(self.seated.pk, self.course.pk)])

    def withdraw_in_admin(self) -> Any:
        path = "/admin/students/enrollment/"
        fields = {"action": "withdraw", "_selected_action": self.row.pk}
        page = self.browser.post(path, fields)
        shown = page.context["shown"]
        sent = {**fields, "rows": self.row.pk, "confirm": "yes", "shown": shown}
        return self.browser.post(path, sent, follow=True)

    def undo_enrollment(self) -> Any:
        token = last_changes_token()
        return self.browser.post("/undo/", {"token": token}, follow=True)


def save_course(scene: Scene) -> None:
    course = Course.objects.get(pk=scene.course.pk)
    course.capacity = 2
    course.save()


DOORS: dict[str, Door] = {
    "withdraw": lambda scene: service.withdraw([(scene.seated.pk, scene.course.pk)]),
    "Course.save": save_course,
    "API: a course of a student": lambda scene: scene.api.delete(
        f"/api/v1/students/{scene.seated.pk}/courses/{scene.course.pk}"
    ),
    "API: courses of a student, If-Match": Scene.withdraw_if_unchanged,
    "API: status": lambda scene: scene.api.patch(
        f"/api/v1/enrollments/{scene.row.pk}", {"status": "completed"}
    ),
    "API: course": lambda scene: scene.api.patch(
        f"/api/v1/courses/{scene.course.pk}", {"capacity": 2}
    ),
    "page: withdraw": lambda scene: scene.browser.post(
        f"/students/{scene.seated.pk}/courses/{scene.course.pk}/withdraw/", {}, follow=True
    ),
    "page: course": lambda scene: submit(
        scene.browser, f"/courses/{scene.course.pk}/edit/", {"capacity": 2}, follow=True
    ),
    "admin: withdraw": Scene.withdraw_in_admin,
    "admin: status": lambda scene: submit(
        scene.browser,
        f"/admin/students/enrollment/{scene.row.pk}/change/",
        {"status": "withdrawn"},
        follow=True,
    ),
    "admin: course": lambda scene: submit(
        scene.browser,
        f"/admin/courses/course/{scene.course.pk}/change/",
        {"capacity": 2},
        follow=True,
    ),
    "admin: tick": lambda scene: submit(
        scene.browser,
        f"/admin/courses/course/{scene.course.pk}/change/",
        {"withdraw": scene.row.pk, "title": "New"},
        follow=True,
    ),
    "import: courses": lambda scene: import_csv(
        "courses",
        "term_code,code,title,capacity\n"
        f"{scene.course.term.code},{scene.course.code},{scene.course.title},2\n",
    ),
    "import: enrollments": lambda scene: import_csv(
        "enrollments",
        "student_number,term_code,course_code,status\n"
        f"{scene.seated.number},{scene.course.term.code},{scene.course.code},withdrawn\n",
    ),
}
WINDOW_DOORS: dict[str, Door] = {
    "API: term": lambda scene: scene.api.patch(
        f"/api/v1/terms/{scene.course.term.code}", {"enrollment_closes_on": None}
    ),
    "page: term": lambda scene: submit(
        scene.browser,
        f"/terms/{scene.course.term.code}/edit/",
        {"enrollment_closes_on": ""},
        follow=True,
    ),
    "admin: term": lambda scene: submit(
        scene.browser,
        f"/admin/courses/term/{scene.course.term.pk}/change/",
        {"enrollment_closes_on": ""},
        follow=True,
    ),
}


def while_locked(student: Student, act: Callable[[], Any]) -> Any:
    """What `act` returns, which begins while another transaction has locked the student."""

    def lock() -> None:
        list(Student.objects.select_for_update(no_key=True).filter(pk=student.pk).order_by())

    # SQLite locks everything, and nobody can see who waits.
    return meanwhile(lock, act, seconds=10 if connection.vendor == "postgresql" else 0.1)


@pytest.fixture
def reruns(monkeypatch: pytest.MonkeyPatch) -> list[transactions.RunAgain]:
    raised: list[transactions.RunAgain] = []
    init = transactions.RunAgain.__init__

    def note(error: transactions.RunAgain, *args: Any) -> None:
        init(error, *args)
        raised.append(error)

    monkeypatch.setattr(transactions.RunAgain, "__init__", note)
    return raised


@pytest.mark.parametrize("name", [*DOORS, *WINDOW_DOORS])
def test_the_change_is_made_once_and_the_waiter_moves_up(
    name: str, reruns: list[transactions.RunAgain]
) -> None:
    scene = Scene()
    if name in WINDOW_DOORS:
        scene.close_window()
    act = (DOORS | WINDOW_DOORS)[name]
    answer = while_locked(scene.waiter, lambda: act(scene))
    rows = Enrollment.objects.filter(course=scene.course)
    assert rows.get(student=scene.waiter).status == Status.ACTIVE
    history = Enrollment.history.filter(course=scene.course)
    assert history.filter(student=scene.waiter).count() == 2
    assert history.filter(student=scene.seated).count() <= 2
    if hasattr(answer, "status_code"):
        assert answer.status_code < 300
        if answer.context and "messages" in answer.context:
            texts = [str(message) for message in answer.context["messages"]]
            assert len(texts) == len(set(texts))
            assert sum("Moved up" in text for text in texts) == 1
    if connection.vendor == "postgresql" and name != "import: enrollments":
        assert len(reruns) == 1


def test_undoing_runs_again_too(reruns: list[transactions.RunAgain]) -> None:
    scene = Scene()
    Course.objects.filter(pk=scene.course.pk).update(capacity=2)
    newcomer = StudentFactory.create()
    # The waiter cannot take the second seat yet, and the newcomer's enrollment is undone.
    change = Student.objects.filter(pk=scene.waiter.pk)
    change.update(is_active=False)
    service.enroll([(newcomer.pk, scene.course.pk)])
    change.update(is_active=True)
    answer = while_locked(scene.waiter, scene.undo_enrollment)
    assert answer.status_code == 200
    statuses = Enrollment.objects.filter(course=scene.course).values_list("student", "status")
    assert dict(statuses)[scene.waiter.pk] == Status.ACTIVE
    assert dict(statuses)[newcomer.pk] == Status.WITHDRAWN
    if connection.vendor == "postgresql":
        assert len(reruns) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
class TestAnotherHasTheLock:
    def test_and_keeps_it_the_answer_is_503(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transactions, "MAX_RUNS", 1)
        scene = Scene()
        answer = while_locked(scene.waiter, lambda: DOORS["API: a course of a student"](scene))
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert not Enrollment.objects.filter(status=Status.WITHDRAWN).exists()

    def test_in_a_transaction_that_cannot_be_run_again(self) -> None:
        scene = Scene()

        @transaction.atomic
        def withdraw() -> None:
            DOORS["withdraw"](scene)

        with pytest.raises(OperationalError, match="again and again"):
            while_locked(scene.waiter, withdraw)
