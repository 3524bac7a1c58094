"""Checks of `manage.py check --deploy`."""

from typing import Any

from django.conf import settings
from django.core import checks


def check_trusted_proxies(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of a proxy whose users all seem to have one address, so that they share its limits."""
    if settings.SECURE_PROXY_SSL_HEADER and not settings.TRUSTED_PROXIES:
        return [
            checks.Warning(
                "TRUST_PROXY is on, but TRUSTED_PROXIES is 0: wrong passwords are counted by the "
                "address of the proxy, for all users together.",
                hint="Let the proxy set X-Forwarded-For and set TRUSTED_PROXIES to 1.",
                id="accounts.W001",
            )
        ]
    return []
