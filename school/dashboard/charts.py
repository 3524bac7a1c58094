"""Bar charts: the positions of bars, which a template draws as SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 320, 80
# The space between bars, as a share of the width of one place.
GAP = 0.15
MAX_LABELED_BARS = 8


@dataclass(frozen=True)
class Bar:
    # A lazy translation or a text.
    label: Any
    value: int
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Chart:
    """Labeled numbers. `bars` yields their bars from left to right, in WIDTH by HEIGHT units."""

    title: Any
    values: list[tuple[Any, int]]

    @property
    def most(self) -> int:
        return max((value for _label, value in self.values), default=0)

    @property
    def is_dense(self) -> bool:
        """Whether there are too many bars to label each of them."""
        return len(self.values) > MAX_LABELED_BARS

    @property
    def bars(self) -> Iterator[Bar]:
        place = WIDTH / max(len(self.values), 1)
        for index, (label, value) in enumerate(self.values):
            height = round(HEIGHT * value / (self.most or 1), 1)
            yield Bar(
                label,
                value,
                round(place * (index + GAP / 2), 1),
                HEIGHT - height,
                round(place * (1 - GAP), 1),
                height,
            )
