"""Every setting, each knob an environment variable. A wrong value stops the start and names its variable."""

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from environ import Env
from psycopg import IsolationLevel

T = TypeVar("T")
BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
VAR.mkdir(exist_ok=True)
env = Env()


def knob(
    name: str,
    read: Callable[[str], T],
    default: T,
    *,
    ok: Callable[[T], object] = lambda _value: True,
    wants: str,
    secret: bool = False,
) -> T:
    """The environment variable `name`, read by `read`, or `default` where it is unset or empty.

    Raises ImproperlyConfigured, which names the variable (and the value, unless it is `secret`), for a value that
    cannot be read or is not `ok`.
    """
    text = env.str(name, default="").strip()
    if not text:
        return default
    try:
        value = read(text)
        if ok(value):
            return value
    except (ValueError, KeyError, OSError):
        pass
    raise ImproperlyConfigured(
        f"{name} must be {wants}." if secret else f"{name} must be {wants}, not {text!r}."
    )


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def switch(text: str) -> bool:
    return {
        "1": True,
        "true": True,
        "on": True,
        "yes": True,
        "0": False,
        "false": False,
        "off": False,
        "no": False,
    }[text.lower()]


def rate(text: str) -> str | None:
    if text.lower() == "off":
        return None
    if int(text) < 1:
        raise ValueError(text)
    return f"{int(text)}/min"


SWITCH = "true or false"

DEBUG = knob("DEBUG", switch, False, wants=SWITCH)
HTTPS = knob("HTTPS", switch, not DEBUG, wants=SWITCH)
PORT = knob("PORT", int, 8000, ok=lambda n: 0 < n < 65536, wants="a port from 1 to 65535")
ALLOWED_HOSTS = knob(
    "ALLOWED_HOSTS",
    words,
    ["localhost", "127.0.0.1", "[::1]"],
    wants="host names, separated by commas",
)
CSRF_TRUSTED_ORIGINS = knob(
    "CSRF_TRUSTED_ORIGINS",
    words,
    list[str](),
    ok=lambda urls: all(urlsplit(url).scheme and urlsplit(url).netloc for url in urls),
    wants="origins such as https://school.example, separated by commas",
)
TIME_ZONE = knob("TIME_ZONE", str, "UTC", ok=ZoneInfo, wants="a time zone such as Europe/Berlin")
# A page is in the one that the browser asks for or its user chose; programs are answered in the first. Each has its words in locale/.
LANGUAGES = [("en", "English"), ("de", "German")]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "school.formats"
USE_TZ = True

INSTALLED_APPS = [
    "school.apps.SchoolAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "simple_history",
    "accounts",
    "courses",
    "students",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "school.middleware.content_security_policy",
    "school.middleware.api_slash",
    "school.middleware.language",
    "school.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "school.middleware.SignedIn",
    "school.middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "school.middleware.record_door",
    "school.middleware.tell_promotions",
]
ROOT_URLCONF = "school.urls"
WSGI_APPLICATION = "school.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database(url: str) -> dict[str, Any]:
    if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(url)
    return dict(Env.db_url_config(url))


DATABASE = knob(
    "DATABASE_URL",
    database,
    database(f"sqlite:///{VAR / 'school.sqlite3'}"),
    wants="sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME",
    secret=True,
)
LOCK_SECONDS = knob(
    "LOCK_SECONDS",
    float,
    5.0,
    ok=lambda seconds: 0 < seconds <= 60,
    wants="seconds, above 0 and up to 60",
)
EMBEDDED = DATABASE["ENGINE"].endswith("sqlite3")
if EMBEDDED:
    # IMMEDIATE takes the write lock at BEGIN: a transaction that reads first and writes later would fail at once
    # with "database is locked" instead of waiting its turn.
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_SECONDS * 4,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536;",
    }
    DATABASE["TEST"] = {"NAME": VAR / "test.sqlite3"}
else:
    DATABASE["OPTIONS"] = {
        **DATABASE.get("OPTIONS", {}),
        # Seats are counted after the lock is had. Under REPEATABLE READ that count would come from before it.
        "isolation_level": IsolationLevel.READ_COMMITTED,
        # Every query of ours is short: to compile it or to start workers for it takes longer than to answer it.
        "options": f"-c lock_timeout={int(LOCK_SECONDS * 1000)} -c jit=off -c max_parallel_workers_per_gather=0",
    }
    # Each thread of the server keeps its connection.
    DATABASE["CONN_MAX_AGE"] = None
DATABASES = {"default": DATABASE}


def kept_secret() -> str:
    """The key of a school on one machine, made when it is first needed."""
    file = VAR / "secret_key"
    with suppress(FileExistsError):
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_urlsafe(64))
    return file.read_text()


SECRET_KEY = knob(
    "SECRET_KEY",
    str,
    "",
    ok=lambda key: len(key) >= 50,
    wants="at least 50 characters long",
    secret=True,
)
if not SECRET_KEY and EMBEDDED:
    SECRET_KEY = kept_secret()
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY must be set, to at least 50 random characters, the same for every server of this database."
    )

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "throttle": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "throttle",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "school.api.problems.stale_form"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# What binds all hosts under this one is for the owner of the domain to say.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = knob(
    "HSTS_PRELOAD", switch, False, wants=SWITCH
)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if knob("TRUST_PROXY", switch, False, wants=SWITCH):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

BODY_LIMIT = DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# A pasted list is sent again as one field for each that it names, beside the other fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
API_RATE = knob("API_RATE", rate, None, wants="requests a minute for one user (1 or more), or off")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "school.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.permissions.ModelPermissions"],
    "DEFAULT_PARSER_CLASSES": ["school.api.renderers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["school.api.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "school.api.renderers.Negotiation",
    "DEFAULT_PAGINATION_CLASS": "school.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["core.api.filters.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "school.api.schema.AutoSchema",
    "DEFAULT_METADATA_CLASS": "school.api.metadata.Metadata",
    "DEFAULT_THROTTLE_CLASSES": ["school.api.throttling.UserThrottle"] if API_RATE else [],
    "DEFAULT_THROTTLE_RATES": {"user": API_RATE},
    "EXCEPTION_HANDLER": "school.api.problems.exception_handler",
    "NON_FIELD_ERRORS_KEY": "__all__",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(
        days=knob("TOKEN_DAYS", int, 365, ok=lambda n: n > 0, wants="days, 1 or more")
    ),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "School",
    "DESCRIPTION": "Students, courses and enrollments: who takes what, by one set of rules.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "displayRequestDuration": True},
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "students.models.Status",
        "SettableStatusEnum": "students.api.serializers.SETTABLE",
    },
}

LOG_LEVEL = knob(
    "LOG_LEVEL",
    str.upper,
    "INFO",
    ok={"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}.__contains__,
    wants="DEBUG, INFO, WARNING, ERROR or CRITICAL",
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "level": LOG_LEVEL}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # A refusal is an answer, and no news for whoever runs the server.
    "loggers": {
        "django.request": {
            "level": max(LOG_LEVEL, "ERROR", key=logging.getLevelNamesMapping().__getitem__)
        }
    },
}
