"""Reads the form of an admin page from its HTML, fills it in and sends it."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, list[str]]


class _Reader(HTMLParser):
    """Collects the fields that a browser would send for the forms of a page."""

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


def submit(
    browser: Client,
    url: str,
    changes: dict[str, Any] | None = None,
    *,
    page: Fields | None = None,
    follow: bool = False,
) -> Any:
    """Open the page at `url`, or use the fields of `page`, make `changes` and save.

    A change to None removes the field, as for an unticked box.
    """
    fields = dict(page or fields_of(browser.get(url).content.decode()))
    for name, value in (changes or {}).items():
        fields.pop(name, None)
        if value is not None:
            fields[name] = value if isinstance(value, list) else [value]
    return browser.post(url, fields, follow=follow)


def messages_of(response: Any) -> list[str]:
    """Return the messages of the page in `response`."""
    return [str(message) for message in response.context["messages"]]
