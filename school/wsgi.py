"""The WSGI application that a server runs: `granian --interface wsgi school.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "school.settings")

application = get_wsgi_application()
# What was loaded stays to the end: the collector need not look through it again and again. What a request makes is gone with
# it, all but some circles of objects; to look for those ten times in each request costs a thirtieth of it.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
