"""Addresses of pages: which parameters they keep, and where to return to."""

from collections.abc import Iterable

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

# With more ids an address comes near 8 KB, which is the limit of common proxies.
MAX_IDS_IN_ADDRESS = 100


def keep_parameters(data: QueryDict, names: Iterable[str]) -> str:
    """Return the query string with the parameters `names` of `data` that have a value.

    It begins with a question mark; it is empty if there is none.
    """
    kept = QueryDict(mutable=True)
    for name in names:
        values = [value for value in data.getlist(name) if value]
        if values:
            kept.setlist(name, values)
    return f"?{kept.urlencode()}" if kept else ""


def get_next_address(data: QueryDict, default: str, *args: object) -> str:
    """Return the address in the parameter `next` of `data` if it is one of this site.

    Otherwise the address of the view `default` with `args`.
    """
    address = data.get("next", "")
    if address.startswith("/") and url_has_allowed_host_and_scheme(address, None):
        return address
    return reverse(default, args=args)
