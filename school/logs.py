"""Filters of log records."""

import logging


class ShortenClientErrors(logging.Filter):
    """Leaves out the traceback of requests that Django rejects, such as one with a wrong Host.

    Anybody can send those, and the traceback says nothing about them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True
