"""The WSGI application that a server runs: `granian --interface wsgi school.wsgi:application`."""

import gc
import os
from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")


def with_content_length(view: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that it reads chunked bodies, which have no Content-Length.

    Without that header Django takes the body for empty, and would ignore what the client sent.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated"):
            # One byte more than the limit, so that the parser sees that a body is too large.
            body = environ["wsgi.input"].read(settings.BODY_LIMIT + 1)
            environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return view(environ, start_response)

    return application


application = with_content_length(get_wsgi_application())
if errors := run_checks(tags=["compiled_reads"]):
    raise SystemCheckError("\n".join(str(error) for error in errors))
# Loaded modules live as long as the process, so the garbage collector need not visit them.
gc.collect()
gc.freeze()
# Nearly all objects of a request are freed by reference counting. With the default threshold of 700
# the collector runs about ten times in a request, which takes 3 % of its time.
gc.set_threshold(2_000)
