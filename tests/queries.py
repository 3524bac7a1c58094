"""Counting queries."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def count_queries(act: Callable[[], object]) -> int:
    """Return the number of queries of a second call; the first one may fill caches."""
    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)
