"""`/courses/`"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.factories import CourseFactory, TermFactory
from courses.models import Course

pytestmark = pytest.mark.django_db


def listed_courses(answer: Any) -> list[Course]:
    rows: list[Course] = answer.context["page"].rows
    return rows


def test_orders_by_the_latest_term_and_the_code(viewer: Client) -> None:
    old, new = (
        TermFactory.create(starts_on=timezone.localdate() - timedelta(days=300)),
        TermFactory.create(),
    )
    b_new, a_old, a_new = (
        CourseFactory.create(term=term, code=code)
        for term, code in ((new, "B"), (old, "A"), (new, "A"))
    )
    assert listed_courses(viewer.get("/courses/")) == [a_new, b_new, a_old]


def test_search_and_filters(viewer: Client) -> None:
    term = TermFactory.create(code="2026-FA")
    biology = CourseFactory.create(code="BIO-101", title="Biology", term=term)
    closed = CourseFactory.create(title="Biology of seas", is_open=False)
    other = CourseFactory.create(title="Chemistry", term=term)
    for query, found in [
        ({"q": "bio"}, {biology, closed}),
        ({"q": "bio", "is_open": "true"}, {biology}),
        ({"is_open": "false"}, {closed}),
        ({"term": "2026-FA"}, {biology, other}),
        ({"q": "101"}, {biology}),
        ({"q": "zoo"}, set()),
    ]:
        assert set(listed_courses(viewer.get("/courses/", query))) == found, query
    assert "No course was found." in viewer.get("/courses/", {"q": "zoo"}).content.decode()


def test_pages_have_every_course_once(viewer: Client) -> None:
    for days in (0, 0, 100):
        CourseFactory.create_batch(
            40, term=TermFactory.create(starts_on=timezone.localdate() - timedelta(days=days))
        )
    answers = [viewer.get("/courses/")]
    while cursor := answers[-1].context["page"].next:
        answers.append(viewer.get("/courses/", {"cursor": cursor}))
    seen = [course.pk for answer in answers for course in listed_courses(answer)]
    assert seen == list(
        Course.objects.order_by("-term__starts_on", "code", "id").values_list("pk", flat=True)
    )
    assert listed_courses(
        viewer.get("/courses/", {"cursor": answers[2].context["page"].previous})
    ) == listed_courses(answers[1])


def test_queries_do_not_grow_with_rows(
    viewer: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    CourseFactory.create_batch(6)
    with django_assert_max_num_queries(6):
        viewer.get("/courses/")
