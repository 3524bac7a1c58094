"""The WSGI application that a server runs: `granian --interface wsgi school.wsgi:application`."""

import gc
import os
from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")


def measured(view: WSGIApplication) -> WSGIApplication:
    """`view`, told how long a body is that comes in chunks. Django takes it for none, and a change sent so would be lost without a word."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated"):
            # One byte more than is taken, so that a larger one is refused.
            body = environ["wsgi.input"].read(settings.BODY_LIMIT + 1)
            environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return view(environ, start_response)

    return application


application = measured(get_wsgi_application())
# What was loaded stays to the end: the collector need not look through it again and again.
gc.collect()
gc.freeze()
# What a request makes is gone with it, all but a few circles of objects. To look for those ten times in each request takes 3 % of it.
gc.set_threshold(2_000)
