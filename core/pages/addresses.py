"""Addresses of pages: which parameters they keep, and where to return to."""

from collections.abc import Iterable

from django.http import QueryDict
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


def get_local_address(address: str, default: str) -> str:
    """Return `address` if it is one of this site, else `default`."""
    is_local = address.startswith("/") and url_has_allowed_host_and_scheme(address, None)
    return address if is_local else default
