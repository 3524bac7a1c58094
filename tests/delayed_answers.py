"""A middleware that answers late, as a busy server does.

A browser test that goes on before the page has come then fails: `make test-all` runs them so.
"""

import os
from time import sleep

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

SECONDS = float(os.environ.get("SCHOOL_ANSWER_DELAY", "0"))


class DelayedAnswersMiddleware(MiddlewareMixin):
    """Waits SCHOOL_ANSWER_DELAY seconds before each answer."""

    def process_response(self, _request: HttpRequest, response: HttpResponse) -> HttpResponse:
        sleep(SECONDS)
        return response
