"""The ASGI application that a server runs: `granian --interface asginl school.asgi:application`."""

from django.conf import settings
from django.urls import reverse

from core.asgi import BufferedWSGI
from school.wsgi import application as wsgi_application

application = BufferedWSGI(
    wsgi_application,
    threads=settings.THREADS,
    body_limit=settings.BODY_LIMIT,
    body_seconds=15,
    hashing_paths={reverse(name) for name in ("login", "admin:login", "password", "confirm")},
)
