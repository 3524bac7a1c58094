"""Random work through every door, and what was answered to it."""

import json
import re
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from io import StringIO
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import service
from students.enrollment.rules import OVERRIDABLE
from students.enrollment.transitions import (
    COMPLETE,
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Refused,
    Result,
)
from students.factories import StudentFactory
from students.models import Enrollment, Status, Student
from tests.admin_page import submit

Pair = tuple[int, int]
IMPORT_STATUSES = ["active", "active", "completed", "withdrawn"]
OVERRIDES = [refusal.value for refusal in OVERRIDABLE]
CSRF = "a" * 32
FINE = {200, 201, 204, 302, 404, 409, 412, 422}


@dataclass
class Answered:
    """The answer to a request: the outcomes, or how many were written (None: unknown).

    Where it was refused, or only tried, nothing was written.
    """

    reason: str
    outcomes: dict[Pair, str] | None = None
    number: int | None = None
    refused: bool = False


@dataclass
class Reply:
    status_code: int
    content: bytes


class Server:
    """A server that runs, called as Django's test client is."""

    def __init__(self, address: str, session: str) -> None:
        self.address = address
        self.headers = {"Cookie": f"sessionid={session}; csrftoken={CSRF}", "X-CSRFToken": CSRF}

    def generic(
        self,
        method: str,
        path: str,
        data: str = "",
        content_type: str = "application/x-www-form-urlencoded",
        headers: Any = None,
    ) -> Reply:
        with closing(HTTPConnection(self.address, timeout=60)) as connection:
            connection.request(
                method, path, data, {**(headers or self.headers), "Content-Type": content_type}
            )
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())

    def get(self, path: str) -> Reply:
        return self.generic("GET", path)

    def post(self, path: str, data: dict[str, Any], **_options: Any) -> Reply:
        return self.generic("POST", path, urlencode(data, doseq=True))


@dataclass
class World:
    """The data to work on.

    `steady` students are always active. `steady` courses have no prerequisites, and the enrollment
    dates of their term stay.
    """

    folder: Path
    server: str | None
    user: User
    token: str
    students: list[int]
    courses: list[int]
    steady_students: set[int]
    steady_courses: set[int]
    answered: list[Answered] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    # What SQLite, which has one writer at a time, did not come to: it must have written nothing.
    busy: list[str] = field(default_factory=list)
    deleted: list[Pair] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, server: str | None = None) -> "World":
        users = User.objects.filter(username="worker")
        user = users.first() or User.objects.create_superuser(
            "worker", "worker@school.example", "pass"
        )
        term = TermFactory.create()
        courses = [CourseFactory.create(term=term, capacity=3) for _ in range(3)]
        after = CourseFactory.create(term=term, capacity=3, prerequisites=[courses[0].code])
        other = CourseFactory.create(capacity=3)
        students = [student.pk for student in StudentFactory.create_batch(12)]
        _token, secret = AuthToken.objects.create(user)
        keys = [course.pk for course in courses]
        return cls(
            folder,
            server,
            user,
            secret,
            students,
            [*keys, after.pk, other.pk],
            set(students[:8]),
            set(keys),
        )

    def browser(self) -> Any:
        client = Client(raise_request_exception=False)
        client.force_login(self.user)
        return Server(self.server, client.cookies["sessionid"].value) if self.server else client


class Worker:
    """One who works at random."""

    def __init__(self, world: World, seed: int, doors: Collection[Door] = tuple(Door)) -> None:
        self.world, self.random, self.seed = world, Random(seed), seed
        self.browser, self.numbers, self.done = world.browser(), count(), 0
        self.deeds: list[Callable[[], None]] = [
            getattr(self, name)
            for name in dir(self)
            if name.startswith(tuple(f"{door}_" for door in doors))
        ]

    def work(self, goes_on: Callable[[int], bool]) -> None:
        """Does something at random as long as `goes_on`, which is told how much was done."""
        while goes_on(self.done):
            deed = self.random.choice(self.deeds)
            try:
                deed()
            except (DatabaseError, CommandError) as error:
                is_busy = "database is locked" in str(error)
                found = self.world.busy if is_busy else self.world.failed
                found.append(f"{deed.__name__}: {error}")
            self.done += 1

    # What is chosen

    def student(self) -> int:
        return self.random.choice(self.world.students)

    def course(self) -> int:
        return self.random.choice(self.world.courses)

    def some(self, keys: list[int]) -> list[int]:
        return self.random.sample(keys, self.random.randint(1, 3))

    def reason(self) -> str:
        return f"work {self.seed} {next(self.numbers)}"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def row(self, *statuses: str) -> Enrollment | None:
        rows = list(Enrollment.objects.filter(student__in=self.world.students, status__in=statuses))
        return self.random.choice(rows) if rows else None

    def override(self) -> list[str]:
        return self.random.sample(OVERRIDES, 2) if self.chance(0.15) else []

    def changes(self) -> dict[str, Any]:
        """Of a course."""
        return self.random.choice(
            [{"capacity": self.random.randint(1, 5)}, {"is_open": self.chance(0.7)}]
        )

    # api

    def api(self, method: str, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.world.token}"}
        answer = self.browser.generic(
            method, f"/api/v1{path}", json.dumps(body), "application/json", headers=headers
        )
        self.check(answer, f"{method} {path}")
        return answer

    def enroll(self, method: str, path: str, body: dict[str, Any]) -> None:
        reason, override = self.reason(), self.override()
        extra = {
            "reason": reason,
            "on_full": self.random.choice(["refuse", "waitlist"]),
            "atomic": self.chance(0.5),
            "override": override,
        }
        trial = self.chance(0.1)
        answer = self.api(method, path, body | extra | {"validate_only": trial})
        reported = json.loads(answer.content)
        refused = trial or answer.status_code >= 400
        if "outcomes" in reported:
            self.tell(
                reason,
                {
                    (item["student_id"], item["course_id"]): item["outcome"]
                    for item in reported["outcomes"]
                    if item["outcome"] != "unchanged"
                },
                refused=refused,
            )
        else:
            self.tell(reason, refused=refused)

    def api_courses_of_a_student(self) -> None:
        self.enroll(
            "POST",
            f"/students/{self.student()}/courses",
            {"course_ids": self.some(self.world.courses)},
        )

    def api_add_and_remove(self) -> None:
        chosen = self.some(self.world.courses)
        self.enroll(
            "PATCH",
            f"/students/{self.student()}/courses",
            {"add": chosen[:1], "remove": chosen[1:]},
        )

    def api_replace(self) -> None:
        self.enroll(
            "PUT",
            f"/students/{self.student()}/courses",
            {"course_ids": self.some(self.world.courses)},
        )

    def api_students_of_a_course(self) -> None:
        self.enroll(
            "POST",
            f"/courses/{self.course()}/students",
            {"student_ids": self.some(self.world.students)},
        )

    def api_one(self) -> None:
        self.enroll(
            "POST", "/enrollments", {"student_id": self.student(), "course_id": self.course()}
        )

    def api_many(self) -> None:
        pairs = {(self.student(), self.course()) for _ in range(4)}
        self.enroll(
            "POST",
            "/enrollments",
            {
                "enrollments": [
                    {"student_id": student, "course_id": course} for student, course in pairs
                ]
            },
        )

    def api_status(self) -> None:
        if row := self.row(*Status):
            self.enroll(
                "PATCH",
                f"/enrollments/{row.pk}",
                {"status": self.random.choice(["active", "withdrawn", "completed"])},
            )

    def api_delete(self) -> None:
        if row := self.row("active", "waitlisted"):
            answer = self.api("DELETE", f"/students/{row.student_id}/courses/{row.course_id}", {})
            if answer.status_code == 204:
                self.world.deleted.append((row.student_id, row.course_id))

    def api_change_a_course(self) -> None:
        self.api("PATCH", f"/courses/{self.course()}", self.changes())

    def api_change_prerequisites(self) -> None:
        codes = [Course.objects.get(pk=self.world.courses[0]).code]
        self.api(
            "PATCH",
            f"/courses/{self.world.courses[3]}",
            {"prerequisites": self.random.choice([[], codes])},
        )

    def api_move_a_window(self) -> None:
        term = Course.objects.select_related("term").get(pk=self.world.courses[4]).term
        yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
        self.api(
            "PATCH",
            f"/terms/{term.code}",
            {"enrollment_closes_on": self.random.choice([None, None, yesterday])},
        )

    def api_switch_a_student(self) -> None:
        student = self.random.choice(sorted(set(self.world.students) - self.world.steady_students))
        self.api("PATCH", f"/students/{student}", {"is_active": self.chance(0.7)})

    # staff

    def form(self, path: str, fields: dict[str, Any]) -> None:
        reason = self.reason()
        extra = {
            "on_full": self.random.choice(["refuse", "waitlist"]),
            "override": self.override(),
            "reason": reason,
        }
        answer = self.check(self.browser.post(path, {**fields, **extra}), path)
        self.tell(reason, refused=answer.status_code != 302)

    def staff_courses_of_a_student(self) -> None:
        self.form(
            f"/students/{self.student()}/courses/", {"courses": self.some(self.world.courses)}
        )

    def staff_students_of_a_course(self) -> None:
        self.form(
            f"/courses/{self.course()}/students/", {"students": self.some(self.world.students)}
        )

    def staff_withdraw(self) -> None:
        if row := self.row("active", "waitlisted"):
            reason = self.reason()
            path = f"/students/{row.student_id}/courses/{row.course_id}/withdraw/"
            answer = self.check(self.browser.post(path, {"reason": reason}), path)
            done = answer.status_code == 302
            self.tell(reason, {(row.student_id, row.course_id): "withdrawn"}, refused=not done)

    def staff_change_a_course(self) -> None:
        path = f"/courses/{self.course()}/edit/"
        self.check(submit(self.browser, path, fields_for(self.changes())), path)

    # admin

    def page(self, path: str, fields: dict[str, Any]) -> None:
        reason = self.reason()
        extra = {
            "on_full": self.random.choice(["refuse", "waitlist"]),
            "override": self.override(),
            "reason": reason,
        }
        answer = self.check(submit(self.browser, f"/admin/{path}", {**fields, **extra}), path)
        self.tell(reason, refused=answer.status_code != 302)

    def admin_add(self) -> None:
        self.page("students/enrollment/add/", {"student": self.student(), "course": self.course()})

    def admin_status(self) -> None:
        if row := self.row("active", "withdrawn"):
            self.page(
                f"students/enrollment/{row.pk}/change/",
                {"status": {"active": "withdrawn", "withdrawn": "active"}[row.status]},
            )

    def admin_rows(self) -> None:
        student = self.student()
        rows = list(Enrollment.objects.filter(student=student))
        ending = [row.pk for row in rows if row.is_current][:1]
        self.page(
            f"students/student/{student}/change/",
            {f"enrollments-{len(rows)}-course": self.course(), "withdraw": ending},
        )

    def admin_withdraw(self) -> None:
        rows = [row.pk for row in [self.row("active", "waitlisted"), self.row("active")] if row]
        path = "/admin/students/enrollment/"
        self.check(
            self.browser.post(path, {"action": "withdraw", "_selected_action": rows, "index": 0}),
            path,
        )

    def admin_change_a_course(self) -> None:
        path = f"/admin/courses/course/{self.course()}/change/"
        self.check(submit(self.browser, path, fields_for(self.changes())), path)

    # import

    def load(self, kind: str, lines: list[str], *options: str) -> None:
        """Has a file imported. Its name is the reason of what it changes."""
        file = self.world.folder / f"{self.reason()}.csv"
        file.write_text("\n".join(lines))
        out = StringIO()
        try:
            call_command("import_csv", kind, str(file), *options, stdout=out, stderr=StringIO())
        except CommandError as error:
            if "Bad lines" not in str(error):
                raise
            self.tell(f"Import of {file.name}", refused=True)
            return
        numbers = {
            outcome: int(number) for number, outcome in re.findall(r"(\d+) (\w+)", out.getvalue())
        }
        if kind == "enrollments":
            self.tell(
                f"Import of {file.name}", number=sum(numbers.values()) - numbers.get("unchanged", 0)
            )

    def import_enrollments(self) -> None:
        courses = {
            course.pk: f"{course.term.code},{course.code}"
            for course in Course.objects.filter(pk__in=self.world.courses).select_related("term")
        }
        numbers = dict(Student.objects.values_list("pk", "number"))
        pairs = {(self.student(), self.course()) for _ in range(3)}
        lines = [
            f"{numbers[student]},{courses[course]},{self.random.choice(IMPORT_STATUSES)}"
            for student, course in pairs
        ]
        on_full = self.random.choice(["refuse", "waitlist"])
        self.load(
            "enrollments",
            ["student_number,term_code,course_code,status", *lines],
            f"--on-full={on_full}",
        )

    def import_courses(self) -> None:
        course = Course.objects.select_related("term").get(pk=self.course())
        columns = "term_code,code,title,capacity,is_open"
        self.load(
            "courses",
            [
                columns,
                (
                    f"{course.term.code},{course.code},{course.title},"
                    f"{self.random.randint(1, 5)},{self.chance(0.7)}"
                ),
            ],
        )

    # command

    def command_write(self) -> None:
        verbs = [ENROLL, ENROLL, WITHDRAW, COMPLETE]
        pairs = {(self.student(), self.course()) for _ in range(3)}
        changes = [
            EnrollmentChange(student, course, self.random.choice(verbs))
            for student, course in pairs
        ]
        self.write(
            lambda options: service.apply_changes(changes, options, all_or_nothing=self.chance(0.5))
        )

    def command_replace(self) -> None:
        student = self.student()
        self.write(
            lambda options: service.replace_courses(
                student,
                [EnrollmentChange(student, course) for course in self.some(self.world.courses)],
                options,
            )
        )

    def command_change_a_course(self) -> None:
        key, values = self.course(), self.changes()

        @atomic_with_reruns
        def change() -> None:
            course = Course.objects.select_for_update(no_key=True, of=("self",)).get(pk=key)
            for name, value in values.items():
                setattr(course, name, value)
            course.save()

        change()

    def write(self, writes: Callable[[Options], list[Result]]) -> None:
        reason, options = self.reason(), Options(self.chance(0.5), self.override())
        try:
            with record_changes_as(Door.COMMAND, reason=reason):
                results = writes(options)
        except Refused:
            self.tell(reason, refused=True)
            return
        self.tell(
            reason,
            {
                (result.change.student_id, result.change.course_id): result.outcome
                for result in results
                if result.outcome != Outcome.UNCHANGED
            },
        )

    # What came of it

    def check(self, answer: Any, what: str) -> Any:
        if answer.status_code == 503 and connection.vendor == "sqlite":
            self.world.busy.append(what)
        elif answer.status_code not in FINE:
            self.world.failed.append(f"{what}: {answer.status_code} {answer.content[-300:]!r}")
        return answer

    def tell(self, reason: str, outcomes: dict[Pair, str] | None = None, **more: Any) -> None:
        self.world.answered.append(Answered(reason, outcomes, **more))


def fields_for(changes: dict[str, Any]) -> dict[str, Any]:
    """Of a form: a box that is not ticked is not sent."""
    return {
        name: (value or None) if isinstance(value, bool) else value
        for name, value in changes.items()
    }
