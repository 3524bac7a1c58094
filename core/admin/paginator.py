"""Pages of lists in the admin that may be too long to be counted."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

# Rows of a list that are counted at most.
MAX_COUNT = 1_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNTED rows, and shows no more of them: who looks for a later one searches."""

    @cached_property
    def count(self) -> int:
        return min(self.counted, MAX_COUNT)

    @property
    def is_more(self) -> bool:
        """Whether there are more rows than are shown."""
        return self.counted > MAX_COUNT

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        # The keys alone: what else is read of a row is not worked out to be counted.
        return int(rows.order_by().values("pk")[: MAX_COUNT + 1].count())
