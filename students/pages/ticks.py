"""Ticks on the rows of a list, which are sent with every search, sorting and page of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from core.pages.addresses import MAX_IDS_IN_ADDRESS
from students.forms import parse_ids


@dataclass(frozen=True)
class Ticks:
    """The ids that are ticked on a list. `parameter` is the name of their boxes."""

    parameter: str
    ids: Sequence[int] = ()

    @classmethod
    def read(cls, data: QueryDict, parameter: str) -> Ticks:
        return cls(parameter, parse_ids(data.getlist(parameter)))

    @property
    def query(self) -> str:
        """The query string with the ticks alone; empty if nothing is ticked."""
        return f"?{urlencode({self.parameter: self.ids}, doseq=True)}" if self.ids else ""

    @property
    def is_posted(self) -> bool:
        """Whether the form around the list is posted: there are too many ids for an address."""
        return len(self.ids) > MAX_IDS_IN_ADDRESS

    @property
    def form_method(self) -> str:
        """The method of the form around the list."""
        return "post" if self.is_posted else "get"
