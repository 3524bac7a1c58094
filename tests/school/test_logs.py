"""The log: requests that anybody can send wrong cost a line each."""

import logging
from collections.abc import Iterator
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest
from django.conf import settings
from django.test import Client


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the handler of the settings writes."""
    text = StringIO()
    config: dict[str, Any] = settings.LOGGING
    handler = {**config["handlers"]["console"], "level": "INFO", "stream": text}
    dictConfig(
        {
            **config,
            "handlers": {"console": handler},
            "root": {},
            "loggers": {"django.security": {"handlers": ["console"], "propagate": False}},
        }
    )
    yield text
    logger = logging.getLogger("django.security")
    logger.handlers.clear()
    logger.propagate = True


def test_a_wrong_host_is_one_line(log: StringIO, client: Client) -> None:
    answer = client.get("/login/", headers={"host": "other.example"})

    assert answer.status_code == 400
    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    assert "Invalid HTTP_HOST header: 'other.example'" in lines[0]
