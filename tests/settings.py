"""The project's settings as the tests need them: cheap passwords, no collected static files, database files of their own."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-the-tests-" * 3)
os.environ.setdefault("HTTPS", "off")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

from school.settings import *  # noqa: F403
from school.settings import CACHES, INSTALLED_APPS, STORAGES

# `make check` has it look at the migrations.
INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
# What one test counted is not for the next one.
CACHES = {**CACHES, "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
