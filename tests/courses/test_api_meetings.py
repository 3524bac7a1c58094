"""The weekly meetings of a course in the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from courses.factories import CourseFactory, TermFactory
from courses.models import Course, MeetingTime

pytestmark = pytest.mark.django_db
URL = "/api/v1/courses"
LECTURE = {"days": ["mon", "wed"], "from": "10:00", "to": "10:50", "room": "CENTR 105"}
EVENING = {"days": ["thu"], "from": "17:00", "to": "17:50", "room": ""}


def read_times(pk: int) -> list[str]:
    rows = MeetingTime.objects.filter(course=pk).order_by("day", "starts", "ends")
    return [str(row) for row in rows]


def read_errors(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    return [error["pointer"] for error in answer.json()["errors"]]


def test_are_written_and_read(api: APIClient) -> None:
    body = {"code": "BIO-101", "title": "Biology", "term": TermFactory.create().code}
    answer = api.post(URL, body | {"meetings": [EVENING, LECTURE, LECTURE]})
    assert answer.status_code == 201, answer.content
    pk = answer.json()["id"]
    # In the order of the week, each once, and each with its keys in the same order.
    assert answer.json()["meetings"] == [LECTURE, EVENING]
    assert [*answer.json()["meetings"][0]] == ["days", "from", "to", "room"]
    assert read_times(pk) == ["mon 10:00-10:50", "wed 10:00-10:50", "thu 17:00-17:50"]
    assert api.get(f"{URL}/{pk}").json() == answer.json()
    assert api.get(URL).json()["results"] == [answer.json()]
    assert api.get(f"{URL}/{pk}")["ETag"] == answer["ETag"]

    # One form: times have two digits, days are those of the week's order, rooms are trimmed.
    early = {"days": ["fri", "mon", "fri"], "from": "9:05", "to": "9:50", "room": " B 2 "}
    answer = api.patch(f"{URL}/{pk}", {"meetings": [early]})
    assert answer.json()["meetings"] == [
        {"days": ["mon", "fri"], "from": "09:05", "to": "09:50", "room": "B 2"}
    ]
    assert read_times(pk) == ["mon 09:05-09:50", "fri 09:05-09:50"]
    changes = Course.history.filter(id=pk).count()
    assert api.put(f"{URL}/{pk}", answer.json()).json() == answer.json()
    assert Course.history.filter(id=pk).count() == changes

    without_room = {key: value for key, value in EVENING.items() if key != "room"}
    answer = api.put(f"{URL}/{pk}", body | {"meetings": [without_room]})
    assert answer.json()["meetings"] == [EVENING]
    assert api.patch(f"{URL}/{pk}", {"title": "Life"}).json()["meetings"] == [EVENING]
    assert api.patch(f"{URL}/{pk}", {"meetings": []}).json()["meetings"] == []
    assert read_times(pk) == []


def change(**fields: Any) -> list[dict[str, Any]]:
    return [EVENING, LECTURE | fields]


@pytest.mark.parametrize(
    ("meetings", "pointers"),
    [
        (change(**{"from": "25:00"}), ["/meetings/1/from"]),
        (change(**{"from": 10}), ["/meetings/1/from"]),
        (change(to="soon"), ["/meetings/1/to"]),
        (change(to="10:00"), ["/meetings/1/to"]),
        (change(days=["mon", "monday"]), ["/meetings/1/days/1"]),
        (change(days=[]), ["/meetings/1/days"]),
        (change(days="mon"), ["/meetings/1/days"]),
        (change(days=[["mon"]]), ["/meetings/1/days/0"]),
        (change(room="A;B"), ["/meetings/1/room"]),
        (change(room=None), ["/meetings/1/room"]),
        (change(room="A" * 41), ["/meetings/1/room"]),
        (change(building="C"), ["/meetings/1/building"]),
        ([{"days": ["mon"]}], ["/meetings/0/from", "/meetings/0/to"]),
        ([EVENING] * 21, ["/meetings"]),
        ([LECTURE, 1], ["/meetings/1"]),
        (None, ["/meetings"]),
        ("Mon 10:00-10:50", ["/meetings"]),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_an_error_names_its_place(
    api: APIClient, method: str, meetings: Any, pointers: list[str]
) -> None:
    course = CourseFactory.create(meetings=[EVENING])
    body = {"code": "BIO-101", "title": "Biology", "term": course.term.code}
    if method == "post":
        answer = api.post(URL, body | {"meetings": meetings})
    else:
        answer = api.patch(f"{URL}/{course.pk}", {"meetings": meetings})
    assert read_errors(answer) == pointers
    assert Course.objects.get().meetings == [EVENING]
    assert read_times(course.pk) == ["thu 17:00-17:50"]


def test_the_schema_describes_them(api: APIClient) -> None:
    schemas = api.get("/api/schema/?format=json").json()["components"]["schemas"]
    for name in ("Course", "CourseRequest", "PatchedCourseRequest"):
        meetings = schemas[name]["properties"]["meetings"]
        assert (meetings["type"], meetings["maxItems"]) == ("array", 20)
        reference = meetings["items"]["$ref"].rpartition("/")[2]
        fields = schemas[reference]["properties"]
        assert [*fields] == ["days", "from", "to", "room"]
        assert schemas[reference]["required"][:3] == ["days", "from", "to"]
        assert "meetings" not in schemas[name].get("required", []) or name == "Course"
