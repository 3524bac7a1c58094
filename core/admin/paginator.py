"""The paginator of lists in the admin that may be too long to count."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

# Rows of a list that are counted and shown at most.
MAX_COUNT = 1_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts and shows at most the first MAX_COUNT rows. Later rows are found by searching."""

    @cached_property
    def count(self) -> int:
        return min(self.bounded_count, MAX_COUNT)

    @property
    def is_more(self) -> bool:
        """Whether there are more rows than are shown."""
        return self.bounded_count > MAX_COUNT

    @cached_property
    def bounded_count(self) -> int:
        """The number of rows, but at most MAX_COUNT + 1."""
        rows: Any = self.object_list
        # Only the keys are selected, because the annotations of the rows are expensive.
        return int(rows.order_by().values("pk")[: MAX_COUNT + 1].count())
