"""How many queries something takes."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def count_queries(act: Callable[[], object]) -> int:
    """Of the second time: the first may read what is kept in memory afterwards."""
    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)
