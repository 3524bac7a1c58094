"""Counting queries."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def count_queries(act: Callable[[], object]) -> int:
    """Return the number of queries of a second call; the first one may fill caches."""
    act()
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(executed_statements(captured))


def executed_statements(captured: CaptureQueriesContext) -> list[str]:
    """The statements that were executed."""
    return [query["sql"] for query in captured.captured_queries]
