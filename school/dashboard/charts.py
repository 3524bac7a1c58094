"""Bar charts, drawn here as the shapes of an SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 320, 80
# Of the place of one bar.
GAP = 0.15
DENSE = 8


@dataclass(frozen=True)
class Bar:
    # In the language of who looks at it.
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
    """Numbers with their labels, as `bars` from left to right in a space of WIDTH by HEIGHT."""

    title: Any
    values: list[tuple[Any, int]]

    @property
    def most(self) -> int:
        return max((value for _label, value in self.values), default=0)

    @property
    def is_dense(self) -> bool:
        """Whether there is no room for the label of each bar."""
        return len(self.values) > DENSE

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
