"""Checks a page for accessibility, by axe-core's rules, and for its width, in several looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2 AA and axe-core's best practices.
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "preload": False,
    "resultTypes": ["violations"],
}
# Django's admin fades from one scheme's colors to the other's: the contrast is that of the end.
# axe-core answers with the HTML of every element that passes: only their number leaves the page.
RUN_AXE = """async (options) => {
  document.getAnimations()
    .filter((animation) => animation instanceof CSSTransition)
    .forEach((transition) => transition.finish());
  const { passes, violations } = await axe.run(options);
  return {
    passes: passes.length,
    violations: violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, target }) => ({ id, html, target }))),
  };
}"""
# Violations in the markup of Django's admin and its Select2, by rule and selector. No template of
# this project can mend them.
ADMIN_EXCEPTIONS = {
    # Select2 names the box; the text inside, which is not a field, has no name.
    "aria-input-field-name": ".select2-selection__rendered",
    # The box does not refer to its list.
    "aria-required-attr": ".select2-selection",
    # The list is a child of <body>.
    "region": ".select2-container",
    # The columns of a row's hidden key and of the button that removes an added row.
    "empty-table-header": ".tabular th",
    # The icon beside the search field is its label.
    "label-title-only": "#searchbar",
    # The forms of Django's own users: the choosers of groups and permissions, the fields of date
    # and time; and the search field of Select2.
    "aria-prohibited-attr": ".selector .help-tooltip",
    "label": ":is(.vDateField, .vTimeField, .select2-search__field)",
}


@dataclass(frozen=True)
class Look:
    """The width of the window in CSS pixels, and the color scheme that the user prefers."""

    width: int
    scheme: str


@dataclass(frozen=True)
class Window:
    """A window of one look and language. `scale` is the number of device pixels per CSS pixel."""

    look: Look
    locale: str
    scale: float = 1

    @property
    def options(self) -> dict[str, Any]:
        return {
            "width": self.look.width,
            "scheme": self.look.scheme,
            "locale": self.locale,
            "device_scale_factor": self.scale,
        }

    def __str__(self) -> str:
        scale = f"-{self.scale}x" if self.scale != 1 else ""
        return f"{self.look.width}px-{self.look.scheme}-{self.locale}{scale}"


# The short form. Each page is loaded once, in English, and takes its looks there: every width with
# each scheme occurs on every second page. German words are checked in test_german.py.
SHORT_LOOKS = [
    [Look(1280, "light"), Look(320, "dark")],
    [Look(1280, "dark"), Look(320, "light")],
]
# The long form: each page is loaded in every one. At 200 % a window of 1280 px has room for 640.
WINDOWS = [
    Window(Look(1280, "light"), "en-US"),
    Window(Look(1280, "dark"), "de-DE"),
    Window(Look(320, "light"), "de-DE"),
    Window(Look(320, "dark"), "en-US"),
    Window(Look(640, "light"), "de-DE", scale=2),
]
each_window = pytest.mark.parametrize(
    "window",
    [
        pytest.param(None, id="short"),
        *(pytest.param(window, id=str(window), marks=pytest.mark.slow) for window in WINDOWS),
    ],
)


class PageChecker:
    """Collects the faults of many pages, each in the looks that are due to it.

    `window` is None for the short form, or a Window for the long one.
    """

    def __init__(self, window: Window | None) -> None:
        self._window = window
        self._count = 0
        self.faults: dict[str, list[Any]] = {}

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the fixture `open_as`."""
        return self._window.options if self._window else {}

    def check(self, page: Page, name: str) -> None:
        """Add the faults of `page`, under `name`, where it has any."""
        due = SHORT_LOOKS[self._count % len(SHORT_LOOKS)]
        looks = [self._window.look] if self._window else due
        self._count += 1
        if faults := find_faults(page, looks):
            self.faults[name] = faults


def find_faults(page: Page, looks: Sequence[Look]) -> list[Any]:
    """Violations of axe-core's rules, and the width of the page where it exceeds the window's."""
    page.evaluate(Axe().axe_script)
    faults: list[Any] = []
    for look in looks:
        page.set_viewport_size({"width": look.width, "height": 800})
        page.emulate_media(color_scheme=look.scheme)  # type: ignore[arg-type]
        result = page.evaluate(RUN_AXE, OPTIONS)
        assert result["passes"]
        faults += [
            (look, violation["id"], violation["html"])
            for violation in result["violations"]
            if not _is_exception(page, violation["id"], violation["target"])
        ]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > look.width:
            faults.append((look, f"{width} px wide"))
    return faults


def _is_exception(page: Page, rule: str, target: list[str]) -> bool:
    if rule not in ADMIN_EXCEPTIONS:
        return False
    exception = page.locator(f"body.admin {ADMIN_EXCEPTIONS[rule]}")
    return page.locator(target[0]).and_(exception).count() > 0
