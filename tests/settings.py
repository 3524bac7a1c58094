"""The project's settings for tests: a fast password hasher, uncollected static files, no cache.

The env file is not read, so that the tests do not depend on it.
"""

import os

os.environ["SCHOOL_ENV_FILE"] = os.devnull
os.environ.setdefault("SECRET_KEY", "only-for-the-tests-" * 3)
os.environ.setdefault("HTTPS", "off")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")
# The data is temporary, so SQLite need not wait for the disk at each commit.
os.environ.setdefault("SQLITE_SYNCHRONOUS", "NORMAL")

from school.settings import *  # noqa: F403
from school.settings import CACHES, INSTALLED_APPS, MIDDLEWARE, STORAGES

# `make check` runs django_migration_linter. zeal detects queries for each row: see conftest.py.
INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter", "zeal"]
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
if os.environ.get("SCHOOL_ANSWER_DELAY"):
    MIDDLEWARE = ["tests.delayed_answers.DelayedAnswersMiddleware", *MIDDLEWARE]
ZEAL_RAISE = False
EMAIL_IN_THREAD = False
# Django's forms read the row of each submitted choice. Other tests count the queries of pages.
ZEAL_ALLOWLIST = [{"model": "*", "field": "get()"}]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
# Without a cache, no test sees the statistics that another one computed.
CACHES = {**CACHES, "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
