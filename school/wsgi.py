"""The WSGI application that a server runs: `granian --interface wsgi school.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")

application = get_wsgi_application()
# What was loaded stays to the end: the collector need not look through it again and again.
gc.collect()
gc.freeze()
