"""`/students/{id}/courses/`: the association form from the student's side."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from students.enrollment import rules, service
from students.enrollment.transitions import Options
from students.factories import StudentFactory, enrolled
from students.history.queries import enrollment_changes
from students.models import Enrollment, Status, Student

pytestmark = pytest.mark.django_db


@pytest.fixture
def student() -> Student:
    return StudentFactory.create(first_name="Ann", last_name="Lee")


@pytest.fixture
def url(student: Student) -> str:
    return f"/students/{student.pk}/courses/"


def rows(answer: Any) -> dict[str, list[int]]:
    """Return the ids of the courses shown as chosen and as found."""
    return {
        name: [choice.row.pk for choice in answer.context[name]] for name in ("chosen", "found")
    }


def ticked(answer: Any) -> list[int]:
    boxes = [
        part.partition(">")[0]
        for part in answer.content.decode().split('<input type="checkbox"')[1:]
    ]
    return [
        int(box.split('value="')[1].partition('"')[0])
        for box in boxes
        if 'name="courses"' in box and "checked" in box
    ]


class TestShow:
    def test_the_student_the_current_courses_and_what_there_is_to_choose(
        self, clerk: Client, student: Student, url: str
    ) -> None:
        held = enrolled(student, CourseFactory.create(code="HELD-1")).course
        term = TermFactory.create(
            code="X",
            enrollment_opens_on=timezone.localdate() + timedelta(days=2),
            starts_on=timezone.localdate(),
        )
        course = CourseFactory.create(code="FREE-1", capacity=30, is_open=False, term=term)
        enrolled(StudentFactory.create(), held)
        answer = clerk.get(url)
        text = answer.content.decode()
        assert answer.status_code == 200
        for words in (
            "Ann Lee",
            "HELD-1",
            "FREE-1",
            "0 / 30",
            "closed",
            "not yet",
            str(term.enrollment_opens_on),
        ):
            assert words in text
        assert f'name="courses" value="{course.pk}"' in " ".join(text.split())

    def test_a_course_that_the_student_has_cannot_be_chosen_again_but_a_withdrawn_one_can(
        self, clerk: Client, student: Student, url: str
    ) -> None:
        for status in (Status.ACTIVE, Status.COMPLETED, Status.WITHDRAWN):
            enrolled(student, CourseFactory.create(), status)
        settled = {
            choice.enrollment.status: choice.is_settled
            for choice in clerk.get(url).context["found"]
        }
        assert settled == {Status.ACTIVE: True, Status.COMPLETED: True, Status.WITHDRAWN: False}

    def test_search_and_term_filter_the_courses(self, clerk: Client, url: str) -> None:
        term = TermFactory.create(code="T-A")
        biology, chemistry, later = (
            CourseFactory.create(title="Biology", term=term),
            CourseFactory.create(title="Chemistry", term=term),
            CourseFactory.create(title="Biology"),
        )
        assert set(rows(clerk.get(url, {"q": "bio"}))["found"]) == {biology.pk, later.pk}
        assert rows(clerk.get(url, {"q": "bio", "term": "T-A"}))["found"] == [biology.pk]
        assert set(rows(clerk.get(url, {"term": "T-A"}))["found"]) == {biology.pk, chemistry.pk}
        assert "Nothing was found" in clerk.get(url, {"q": "zoo"}).content.decode()

    def test_courses_open_for_enrollment_come_first_then_current_future_and_past_ones(
        self, clerk: Client, url: str
    ) -> None:
        today = timezone.localdate()

        def course(code: str, begins: int, **days: int) -> Course:
            window = {name: today + timedelta(days=number) for name, number in days.items()}
            return CourseFactory.create(
                code=code,
                title="Biology",
                term=TermFactory.create(starts_on=today + timedelta(days=begins), **window),
            )

        past, coming = course("A", -500), course("B", 90, enrollment_opens_on=60)
        running, later = (
            course("C", -60, enrollment_closes_on=-1),
            course("E", 60, enrollment_opens_on=0, enrollment_closes_on=0),
        )
        now = course("F", 0, enrollment_opens_on=-9)
        second = CourseFactory.create(code="D", title="Biology", term=now.term)
        order = [later.pk, second.pk, now.pk, running.pk, coming.pk, past.pk]
        assert rows(clerk.get(url))["found"] == rows(clerk.get(url, {"q": "bio"}))["found"] == order

    def test_chosen_courses_stay_chosen_across_a_search(self, clerk: Client, url: str) -> None:
        chosen, other = (
            CourseFactory.create(title="Biology"),
            CourseFactory.create(title="Chemistry"),
        )
        answer = clerk.get(url, {"q": "chem", "courses": [str(chosen.pk), "x", "\0", str(2**70)]})
        assert rows(answer) == {"chosen": [chosen.pk], "found": [other.pk]}
        assert ticked(answer) == [chosen.pk]

    def test_pages_have_every_course_once(self, clerk: Client, url: str) -> None:
        terms = (
            TermFactory.create(),
            TermFactory.create(starts_on=timezone.localdate() - timedelta(days=500)),
        )
        made = [course.pk for term in terms for course in CourseFactory.create_batch(25, term=term)]
        seen, cursor = [], ""
        while cursor is not None:
            answer = clerk.get(url, {"cursor": cursor} if cursor else {})
            seen += rows(answer)["found"]
            cursor = answer.context["page"].next
        assert sorted(seen) == sorted(made)

    def test_neither_a_list_nor_the_token_gets_into_an_address(
        self, clerk: Client, url: str
    ) -> None:
        text = " ".join(clerk.get(url).content.decode().split())
        assert f'<form method="post" action="{url}?do=check" class="association"' in text
        assert 'formmethod="get"' not in text
        assert clerk.post(f"{url}?do=check", {"q": "x", "cursor": "x"}).status_code == 200

    def test_takes_a_bounded_number_of_queries(
        self,
        clerk: Client,
        student: Student,
        url: str,
        django_assert_max_num_queries: Callable[[int], Any],
    ) -> None:
        for course in CourseFactory.create_batch(6, capacity=2):
            enrolled(student, course)
        ids = [course.pk for course in CourseFactory.create_batch(6)]
        with django_assert_max_num_queries(22):
            clerk.get(url, {"courses": ids})


class TestEnroll:
    def test_every_course_is_named_with_its_outcome(
        self, clerk: Client, student: Student, url: str
    ) -> None:
        new, again, held = (
            CourseFactory.create(code="NEW"),
            CourseFactory.create(code="AGAIN"),
            CourseFactory.create(code="HELD"),
        )
        enrolled(student, again, Status.WITHDRAWN)
        enrolled(student, held)
        answer = clerk.post(url, {"courses": [new.pk, again.pk, held.pk]})
        assert (answer.status_code, answer["Location"]) == (302, f"/students/{student.pk}/")
        text = clerk.get(answer["Location"]).content.decode()
        for words in (
            f"enrolled: {new}.",
            f"enrolled again: {again}.",
            f"nothing to change: {held}.",
        ):
            assert words in text
        assert set(
            student.enrollments.filter(status="active").values_list("course", flat=True)
        ) == {new.pk, again.pk, held.pk}

    def test_a_course_named_twice_is_enrolled_once(
        self, clerk: Client, student: Student, url: str
    ) -> None:
        course = CourseFactory.create()
        assert clerk.post(url, {"courses": [course.pk, f"0{course.pk}"]}).status_code == 302
        assert enrollment_changes().count() == 1

    def test_the_history_records_who_and_the_door(self, clerk: Client, url: str) -> None:
        clerk.post(url, {"courses": [CourseFactory.create().pk]})
        record = enrollment_changes().get()
        assert (record.history_user, record.door, record.before, record.status) == (
            User.objects.get(username="clerk"),
            "staff",
            None,
            "active",
        )


def closed(course: Course) -> str:
    Course.objects.filter(pk=course.pk).update(is_open=False)
    return f"{course} is closed."


def full(course: Course) -> str:
    Course.objects.filter(pk=course.pk).update(capacity=0)
    return f"{course} is full: 0 of 0 seats are taken."


def over(course: Course) -> str:
    course.term.ends_on = timezone.localdate() - timedelta(days=1)
    course.term.save()
    return f"{course} is over: its last day was {course.term.ends_on}."


def unprepared(course: Course) -> str:
    Course.objects.filter(pk=course.pk).update(prerequisites=["BEFORE-1"])
    return f"{course} asks for BEFORE-1 to be completed first."


def completed_an_excluding_one(course: Course) -> str:
    [student] = Student.objects.all()
    other = CourseFactory.create(excludes=[course.code])
    enrolled(student, other, Status.COMPLETED)
    return f"{course} cannot be taken beside or after {other}."


def taken_in_another_section(course: Course) -> str:
    [student] = Student.objects.all()
    other = CourseFactory.create(code=course.code, section="X", term=course.term)
    enrolled(student, other)
    return f"{course} is the same course as {other}, which the student takes at the same time."


def meeting_at_another_one(course: Course) -> str:
    [student] = Student.objects.all()
    course.meetings = "Mon 9:00-10:00"
    course.save()
    other = CourseFactory.create(term=course.term, meetings="Mon 9:30-10:30")
    enrolled(student, other)
    return f"{course} meets when {other} does: Mon 09:30-10:00."


def too_much(course: Course) -> str:
    [student] = Student.objects.all()
    course.term.max_credits = 5
    course.term.save()
    course.credits = Decimal(3)
    course.save()
    enrolled(student, CourseFactory.create(term=course.term, credits=3))
    return (
        f"{student} takes 3 credits in {course.term}; with 3 more it would be over the limit of 5."
    )


def too_early(course: Course) -> str:
    course.term.enrollment_opens_on = timezone.localdate() + timedelta(days=1)
    course.term.save()
    return f"Enrollment for {course.term} opens on {course.term.enrollment_opens_on}."


def too_late(course: Course) -> str:
    course.term.enrollment_closes_on = timezone.localdate() - timedelta(days=1)
    course.term.save()
    return f"Enrollment for {course.term} closed on {course.term.enrollment_closes_on}."


class TestRefused:
    @pytest.mark.parametrize("refuse", [closed, full, too_early, too_late, unprepared])
    def test_each_reason_is_shown_beside_its_course_and_nothing_is_written(
        self, clerk: Client, student: Student, url: str, refuse: Callable[[Course], str]
    ) -> None:
        good, bad = CourseFactory.create(code="GOOD"), CourseFactory.create(code="BAD")
        words = refuse(bad)
        answer = clerk.post(url, {"courses": [good.pk, bad.pk]})
        assert answer.status_code == 422
        text = " ".join(answer.content.decode().split())
        assert strip_tags(text).count(words) == 2  # in the summary, and in the row
        assert f'<a href="#choice-{bad.pk}">{bad}</a>' in text
        assert f'aria-invalid="true" aria-describedby="remarks-{bad.pk}"' in text
        assert text.count('aria-invalid="true"') == 1
        assert "would be: enrolled" in text
        assert sorted(ticked(answer)) == [good.pk, bad.pk]
        assert not Enrollment.objects.exists()

    def test_an_inactive_student(self, clerk: Client, student: Student, url: str) -> None:
        Student.objects.filter(pk=student.pk).update(is_active=False)
        answer = clerk.post(url, {"courses": [CourseFactory.create().pk]})
        assert answer.status_code == 422
        assert f"{student} is not active." in answer.content.decode()

    def test_every_reason_of_one_course_is_shown(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create()
        reasons = [closed(course), full(course)]
        text = strip_tags(clerk.post(url, {"courses": [course.pk]}).content.decode())
        assert all(text.count(words) == 2 for words in reasons)

    def test_the_search_stays_filled_in(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create(is_open=False, term=TermFactory.create(code="T-A"))
        text = " ".join(
            clerk.post(url, {"courses": [course.pk], "q": "zoo", "term": "T-A", "has_seats": "on"})
            .content.decode()
            .split()
        )
        assert 'value="zoo"' in text
        assert '<option value="T-A" selected>' in text
        assert 'id="id_has_seats" checked' in text

    def test_a_course_that_filled_up_meanwhile(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create(capacity=1)
        assert course.pk in rows(clerk.get(url))["found"]
        enrolled(StudentFactory.create(), course)
        answer = clerk.post(url, {"courses": [course.pk]})
        assert answer.status_code == 422
        assert f"{course} is full: 1 of 1 seats are taken." in answer.content.decode()

    def test_nothing_chosen(self, clerk: Client, url: str) -> None:
        answer = clerk.post(url, {"q": "bio"})
        assert answer.status_code == 422
        assert "Choose at least one course." in answer.content.decode()
        assert 'value="bio"' in answer.content.decode()

    @pytest.mark.parametrize(
        "text", ["x", "-1", "0", "1.0", "²", "\0", str(2**63), "9" * 5000, " 1", "<b>"]
    )
    def test_a_value_that_is_not_an_id(self, clerk: Client, url: str, text: str) -> None:
        course = CourseFactory.create()
        answer = clerk.post(url, {"courses": [course.pk, text]})
        assert answer.status_code == 422
        assert "is not an id." in answer.content.decode()
        assert "<b>” is not" not in answer.content.decode()
        assert ticked(answer) == [course.pk]
        assert not Enrollment.objects.exists()

    def test_an_unknown_course(self, clerk: Client, url: str) -> None:
        course = CourseFactory.create()
        answer = clerk.post(url, {"courses": [course.pk, 2**63 - 1]})
        assert answer.status_code == 422
        assert f"There is no course with the id {2**63 - 1}." in answer.content.decode()
        assert ticked(answer) == [course.pk]
        assert not Enrollment.objects.exists()


def selected(answer: Any) -> str:
    """Return the selected option for full courses."""
    text = " ".join(answer.content.decode().split())
    select = text[text.index('<select name="on_full"') :].partition("</select>")[0]
    picked = [
        option.partition('"')[0]
        for option in select.split('<option value="')[1:]
        if "selected" in option
    ]
    return picked[0] if picked else ""


@pytest.fixture
def waited_for() -> Course:
    """A course with its one seat taken and two waiting students."""
    course = CourseFactory.create(code="FULL", capacity=1)
    service.enroll(
        [(student.pk, course.pk) for student in StudentFactory.create_batch(3)],
        Options(waitlist=True),
    )
    return course


class TestWaitlist:
    def test_a_student_waits_for_a_full_course_with_the_option(
        self, clerk: Client, student: Student, url: str, waited_for: Course
    ) -> None:
        free = CourseFactory.create(code="FREE")
        answer = clerk.post(url, {"courses": [waited_for.pk, free.pk], "on_full": "waitlist"})
        assert answer.status_code == 302
        text = " ".join(clerk.get(answer["Location"]).content.decode().split())
        assert f"{student}, on the waitlist, place 3: {waited_for}." in text
        assert f"{student}, enrolled: {free}." in text
        assert (
            '<span class="tag waitlisted">waitlisted</span> <span class="place"> place 3 </span>'
            in text
        )
        assert dict(student.enrollments.values_list("course", "status")) == {
            waited_for.pk: "waitlisted",
            free.pk: "active",
        }

    @pytest.mark.parametrize("extra", [{}, {"on_full": "refuse"}, {"on_full": ""}])
    def test_nobody_waits_without_the_option(
        self, clerk: Client, student: Student, url: str, waited_for: Course, extra: dict[str, str]
    ) -> None:
        assert clerk.post(url, {"courses": [waited_for.pk], **extra}).status_code == 422
        assert not student.enrollments.exists()

    def test_stays_chosen_across_a_search_and_a_refusal(self, clerk: Client, url: str) -> None:
        assert selected(clerk.get(url)) == ""
        assert selected(clerk.get(url, {"q": "x", "on_full": "waitlist"})) == "waitlist"
        assert selected(clerk.get(url, {"on_full": "odd"})) == ""
        course = CourseFactory.create(is_open=False)
        answer = clerk.post(url, {"courses": [course.pk], "on_full": "waitlist"})
        assert (answer.status_code, selected(answer)) == (422, "waitlist")

    def test_a_refused_form_shows_who_would_wait(
        self, clerk: Client, url: str, waited_for: Course
    ) -> None:
        answer = clerk.post(
            url,
            {
                "courses": [waited_for.pk, CourseFactory.create(is_open=False).pk],
                "on_full": "waitlist",
            },
        )
        assert answer.status_code == 422
        assert "would be: on the waitlist" in " ".join(answer.content.decode().split())

    def test_an_unknown_option_is_refused(self, clerk: Client, student: Student, url: str) -> None:
        answer = clerk.post(url, {"courses": [CourseFactory.create().pk], "on_full": "odd"})
        assert answer.status_code == 422
        assert 'href="#id_on_full"' in answer.content.decode()
        assert not student.enrollments.exists()

    def test_the_place_is_shown_beside_the_current_courses(
        self, clerk: Client, student: Student, url: str, waited_for: Course
    ) -> None:
        service.enroll([(student.pk, waited_for.pk)], Options(waitlist=True))
        text = " ".join(clerk.get(url).content.decode().split())
        assert (
            f'{waited_for}</a> <span class="tag waitlisted">waitlisted</span>'
            ' <span class="place"> place 3 </span>' in text
        )


def offered(answer: Any) -> dict[str, bool]:
    """Return the refusals offered to override, and whether each is ticked."""
    boxes = [
        part.partition(">")[0]
        for part in answer.content.decode().split('<input type="checkbox" name="override"')[1:]
    ]
    return {box.split('value="')[1].partition('"')[0]: "checked" in box for box in boxes}


OVERRIDABLE = [
    (closed, "course_closed", "although the course is closed"),
    (too_early, "window_not_open", "before enrollment opens"),
    (too_late, "window_closed", "after enrollment closed"),
    (over, "term_over", "although the course is over"),
    (unprepared, "prerequisite_missing", "although a prerequisite is missing"),
    (completed_an_excluding_one, "excluded_by", "although the other course excludes it"),
    (
        taken_in_another_section,
        "already_taking",
        "although the student takes another section",
    ),
    (meeting_at_another_one, "time_conflict", "although the times clash"),
    (too_much, "credit_limit", "although the credits are more than allowed"),
    (full, "course_full", "although the course is full"),
]


def test_every_refusal_that_can_be_overridden_is_tested() -> None:
    tested = [(code, phrase) for _refuse, code, phrase in OVERRIDABLE]
    assert tested == [(item.value, str(item.override_phrase)) for item in rules.OVERRIDABLE]


class TestWaiting:
    """A student who already waits for a course."""

    @pytest.fixture
    def waited_for(self, waited_for: Course, student: Student) -> Course:
        service.enroll([(student.pk, waited_for.pk)], Options(waitlist=True))
        return waited_for

    def test_can_be_chosen_and_the_place_is_shown(
        self, clerk: Client, url: str, waited_for: Course
    ) -> None:
        text = " ".join(clerk.get(url).content.decode().split())
        assert f'name="courses" value="{waited_for.pk}"' in text
        remarks = text.partition(f'id="remarks-{waited_for.pk}"')[2].partition("</td>")[0]
        assert (
            '<span class="tag waitlisted">waitlisted</span> <span class="place"> place 3 </span>'
            in remarks
        )

    def test_stays_on_the_waitlist_without_an_override(
        self, registrar: Client, student: Student, url: str, waited_for: Course
    ) -> None:
        text = registrar.post(url, {"courses": [waited_for.pk]}, follow=True).content.decode()
        assert f"{student}, nothing to change: {waited_for}." in text
        row = Enrollment.objects.get(student=student)
        assert (row.status, row.history.count()) == (Status.WAITLISTED, 1)

    def test_gets_a_seat_by_an_override_offered_at_once(
        self, registrar: Client, student: Student, url: str, waited_for: Course
    ) -> None:
        assert offered(registrar.get(url)) == {"course_full": False}
        fields = {"courses": [waited_for.pk], "override": ["course_full"], "reason": "agreed"}
        assert registrar.post(url, fields).status_code == 302
        *_before, record = enrollment_changes().filter(student=student.pk)
        assert (record.before, record.status, record.override, record.history_change_reason) == (
            "waitlisted",
            "active",
            ["course_full"],
            "agreed",
        )

    def test_no_override_is_offered_without_the_permission(
        self, clerk: Client, url: str, waited_for: Course
    ) -> None:
        assert offered(clerk.get(url)) == {}


class TestOverride:
    @pytest.mark.parametrize(("refuse", "code", "words"), OVERRIDABLE)
    def test_is_offered_after_a_refusal_and_recorded_with_its_reason(
        self,
        registrar: Client,
        student: Student,
        url: str,
        refuse: Callable[[Course], str],
        code: str,
        words: str,
    ) -> None:
        course = CourseFactory.create()
        refuse(course)
        assert offered(registrar.get(url)) == {}
        answer = registrar.post(url, {"courses": [course.pk]})
        assert (answer.status_code, offered(answer)) == (422, {code: False})
        assert f"Enroll {words}" in answer.content.decode()
        answer = registrar.post(
            url, {"courses": [course.pk], "override": [code], "reason": "agreed with the dean"}
        )
        assert answer.status_code == 302
        record = enrollment_changes().get(course=course.pk)
        assert (record.status, record.override, record.history_change_reason) == (
            "active",
            [code],
            "agreed with the dean",
        )
        assert (record.door, record.history_user.username) == ("staff", "registrar")
        text = registrar.get(answer["Location"]).content.decode()
        assert words in text
        assert "agreed with the dean" in text

    def test_only_the_overridden_refusal_is_recorded(self, registrar: Client, url: str) -> None:
        course, good = CourseFactory.create(capacity=0), CourseFactory.create()
        fields = {
            "courses": [course.pk, good.pk],
            "override": ["course_full", "course_closed"],
            "reason": "why",
        }
        assert registrar.post(url, fields).status_code == 302
        assert {record.course_id: record.override for record in enrollment_changes()} == {
            course.pk: ["course_full"],
            good.pk: [],
        }

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "\0"])
    def test_needs_a_valid_reason(
        self, registrar: Client, student: Student, url: str, reason: str
    ) -> None:
        course = CourseFactory.create(capacity=0, is_open=False)
        answer = registrar.post(
            url,
            {
                "courses": [course.pk],
                "override": ["course_full"],
                "reason": reason,
                "on_full": "waitlist",
            },
        )
        text = answer.content.decode()
        assert answer.status_code == 422
        assert 'href="#id_reason"' in text
        assert reason in text
        assert offered(answer) == {"course_closed": False, "course_full": True}
        assert (ticked(answer), selected(answer)) == ([course.pk], "waitlist")
        assert not student.enrollments.exists()

    def test_of_one_of_two_refusals_leaves_the_other(
        self, registrar: Client, student: Student, url: str
    ) -> None:
        course = CourseFactory.create(capacity=0, is_open=False)
        fields = {"courses": [course.pk], "override": ["course_full"], "reason": "because"}
        answer = registrar.post(url, fields)
        assert (answer.status_code, offered(answer)) == (
            422,
            {"course_closed": False, "course_full": True},
        )
        assert 'value="because"' in answer.content.decode()
        assert not student.enrollments.exists()
        assert (
            registrar.post(
                url, {**fields, "override": ["course_full", "course_closed"]}
            ).status_code
            == 302
        )

    def test_stays_filled_in_across_a_search(self, registrar: Client, url: str) -> None:
        answer = registrar.get(
            url, {"q": "x", "override": ["course_full", "odd"], "reason": "because"}
        )
        assert offered(answer) == {"course_full": True}
        assert 'value="because"' in answer.content.decode()

    def test_an_inactive_student_is_never_enrolled(
        self, registrar: Client, student: Student, url: str
    ) -> None:
        Student.objects.filter(pk=student.pk).update(is_active=False)
        course = CourseFactory.create()
        answer = registrar.post(url, {"courses": [course.pk]})
        assert (answer.status_code, offered(answer)) == (422, {})
        answer = registrar.post(
            url, {"courses": [course.pk], "override": ["student_inactive"], "reason": "because"}
        )
        assert (answer.status_code, offered(answer)) == (422, {})
        assert not student.enrollments.exists()

    def test_needs_the_permission(self, clerk: Client, student: Student, url: str) -> None:
        course = CourseFactory.create(capacity=0)
        fields: dict[str, Any] = {
            "courses": [course.pk],
            "override": ["course_full"],
            "reason": "because",
        }
        answer = clerk.post(url, {"courses": [course.pk]})
        assert (answer.status_code, offered(answer)) == (422, {})
        assert 'name="reason"' not in answer.content.decode()
        assert offered(clerk.get(url, fields)) == {}
        assert clerk.post(url, fields).status_code == 403
        assert not student.enrollments.exists()
