"""Counting queries."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.compiled import STATEMENT_SEPARATOR


def count_queries(act: Callable[[], object]) -> int:
    """Return the number of queries of a second call; the first one may fill caches."""
    act()
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(executed_statements(captured))


def executed_statements(captured: CaptureQueriesContext) -> list[str]:
    """The statements that were executed, each by itself, also those of one message."""
    return [
        statement
        for query in captured.captured_queries
        for statement in query["sql"].split(STATEMENT_SEPARATOR)
    ]
