"""What is wrong with a page for those who see it otherwise, hear it or enlarge it."""

from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Page

# WCAG 2.2 AA, and axe's best practices.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "preload": False,
    "resultTypes": ["violations"],
}
# What Django's admin and its Select2 write themselves, by rule and selector, and no template of ours can say better.
DJANGOS = {
    # Select2 gives the box a name; the text in it, which is no field, has none.
    "aria-input-field-name": ".select2-selection__rendered",
    # The box does not name its list.
    "aria-required-attr": ".select2-selection",
    # Its list hangs from the body.
    "region": ".select2-container",
    # The columns of a row's hidden key and of the cross that takes an added row away.
    "empty-table-header": ".tabular th",
    # Beside the search stands its icon, which is its label.
    "label-title-only": "#searchbar",
    # Two lists to move groups and permissions between, and fields of a day and an hour, of Django's own users; the search of Select2.
    "aria-prohibited-attr": ".selector .help-tooltip",
    "label": ":is(.vDateField, .vTimeField, .select2-search__field)",
}


# Some five hundred looks take minutes.
LOOKED_AT = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="A page looks the same on every database."
)


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int
    scheme: str
    locale: str
    scale: float = 1

    @property
    def window(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "scheme": self.scheme,
            "locale": self.locale,
            "device_scale_factor": self.scale,
        }

    def __str__(self) -> str:
        return f"{self.width}px-{self.scheme}-{self.locale}{f'-{self.scale}x' if self.scale != 1 else ''}"


# Each scheme at each width, in either language. At 200 % a window of 1280 px has room for 640.
LOOKS = [
    Look(1280, "light", "en-US"),
    Look(1280, "dark", "de-DE"),
    Look(320, "light", "de-DE"),
    Look(320, "dark", "en-US"),
    Look(640, "light", "de-DE", scale=2),
]


def faults_of(page: Page) -> list[Any]:
    """What breaks axe-core's rules, and how wide the page is where it has to be scrolled sideways."""
    answer = Axe().run(page, options=RULES).response
    assert answer["passes"]
    width, wide = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    told = [
        (rule["id"], node["html"])
        for rule in answer["violations"]
        for node in rule["nodes"]
        if not _is_djangos(page, rule["id"], node["target"])
    ]
    return [*told, *([f"{wide} px wide, not {width}"] if wide > width else [])]


def _is_djangos(page: Page, rule: str, target: list[str]) -> bool:
    return (
        rule in DJANGOS
        and page.locator(target[0]).and_(page.locator(f"body.admin {DJANGOS[rule]}")).count() > 0
    )
