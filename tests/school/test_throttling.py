"""The setting API_RATE."""

from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import caches
from django.core.management import call_command
from rest_framework.test import APIClient
from rest_framework.views import APIView

from school.api.throttling import UserThrottle


@pytest.fixture
def two_a_minute(db: None) -> Any:
    call_command("createcachetable", verbosity=0)
    caches["throttle"].clear()
    with (
        patch.object(APIView, "throttle_classes", [UserThrottle]),
        patch.object(UserThrottle, "rate", "2/min", create=True),
    ):
        yield


@pytest.mark.usefixtures("two_a_minute")
def test_one_too_many_is_429_and_says_when_to_come_back(api: APIClient) -> None:
    statuses = [api.get("/api/v1/students").status_code for _ in range(2)]
    answer = api.get("/api/v1/students")
    assert (statuses, answer.status_code, answer.json()["code"]) == ([200, 200], 429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 60


@pytest.mark.usefixtures("two_a_minute")
def test_each_user_is_counted_alone(api_of: Any) -> None:
    clerk, viewer = api_of("Clerk"), api_of("Viewer")
    assert [client.get("/api/v1/students").status_code for client in (clerk, clerk, viewer)] == [
        200,
        200,
        200,
    ]


def test_off_unless_set(api: APIClient) -> None:
    assert APIView.throttle_classes == []
