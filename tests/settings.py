"""The project's settings as the tests need them: cheap passwords, no collected static files, database files of their own."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-the-tests-" * 3)
os.environ.setdefault("HTTPS", "off")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

from school.settings import *  # noqa: F403
from school.settings import CACHES, INSTALLED_APPS, MIDDLEWARE, STORAGES

# `make check` has the linter look at the migrations. zeal tells of what is read row by row in a request: see conftest.py.
INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter", "zeal"]
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
ZEAL_RAISE = False
# Django's forms read the row behind each choice that was sent. How many queries a page takes is counted besides.
ZEAL_ALLOWLIST = [{"model": "*", "field": "get()"}]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
# What one test counted is not for the next one.
CACHES = {**CACHES, "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
