"""Forms of a page as a browser has them: read from the HTML, filled in and sent."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, list[str]]


class _Reader(HTMLParser):
    """Collects the fields that a browser would send of the forms of a page, with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = {}
        self.select = self.textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = (
            found.get("name") or "",
            found.get("value") or ("on" if found.get("type") == "checkbox" else ""),
        )
        if tag == "input" and name and found.get("type") not in ("submit", "button"):
            if found.get("type") not in ("checkbox", "radio") or "checked" in found:
                self.fields.setdefault(name, []).append(value)
        elif tag == "select":
            self.select = name
        elif tag == "option" and "selected" in found:
            self.fields.setdefault(self.select, []).append(value)
        elif tag == "textarea":
            self.textarea = name
            self.fields[name] = [""]

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.fields[self.textarea] = [data.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.textarea = ""


def fields_of(html: str) -> Fields:
    reader = _Reader()
    reader.feed(html)
    return reader.fields


def fill_in(fields: Fields, changes: Mapping[str, Any]) -> Fields:
    """`fields` with `changes`: a value or a list of values by name; None removes a field.

    A box that is not ticked is not sent, so None unticks it. Django's test client would send None
    in a list as the text "None".
    """
    filled = dict(fields)
    for name, value in changes.items():
        filled.pop(name, None)
        if value is not None:
            filled[name] = [str(item) for item in (value if isinstance(value, list) else [value])]
    return filled


def submit(
    browser: Client,
    url: str,
    changes: dict[str, Any] | None = None,
    *,
    page: Fields | None = None,
    follow: bool = False,
) -> Any:
    """Open the page at `url`, or take the fields of `page`, make `changes` and send the form."""
    fields = page or fields_of(browser.get(url).content.decode())
    return browser.post(url, fill_in(fields, changes or {}), follow=follow)


def messages_of(response: Any) -> list[str]:
    """The messages of Django's messages framework on the page of `response`."""
    return [str(message) for message in response.context["messages"]]
