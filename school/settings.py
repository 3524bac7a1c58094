"""Django's settings. What can be configured is read from environment variables or an env file.

See `school/env.py` for the env file. A wrong value stops the start; the error names its variable.
"""

import logging
import os
import re
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from environ import Env
from psycopg import IsolationLevel

from school.env import boolean, csv, persisted_secret, read_env_file, setting

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
# The database file with its password hashes and the secret key are for the owner alone.
os.umask(0o077)
VAR.mkdir(exist_ok=True)
with suppress(PermissionError):
    VAR.chmod(0o700)
BOOLEAN = "true or false"
read_env_file(BASE_DIR)


def requests_a_minute(text: str) -> str | None:
    """Return DRF's rate for a number of requests a minute, or None for "off".

    Raises ValueError for a number below 1 or above a million.
    """
    if text.lower() == "off":
        return None
    if not 1 <= int(text) <= 1_000_000:
        raise ValueError(text)
    return f"{int(text)}/min"


def is_host(name: str) -> bool:
    """Whether `name` is a host of ALLOWED_HOSTS: a name, an address, `.domain` or `*`; no port."""
    return bool(re.fullmatch(r"\*|\[[0-9A-Fa-f:.]+\]|\.?[\w-]+(\.[\w-]+)*\.?", name))


def is_origin(url: str) -> bool:
    """Whether `url` is an origin of CSRF_TRUSTED_ORIGINS, such as https://*.school.example."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and url == f"{parts.scheme}://{parts.netloc}"


def is_sender(address: str) -> bool:
    """Whether `address` is an email address, or a name with one: `School <a@school.example>`."""
    with suppress(ValidationError):
        validate_email(parseaddr(address)[1])
        return address.isprintable()
    return False


DEBUG = setting("DEBUG", boolean, False, expected=BOOLEAN)
HTTPS = setting("HTTPS", boolean, not DEBUG, expected=BOOLEAN)
PORT = setting(
    "PORT", int, 8000, is_valid=lambda n: 0 < n < 65536, expected="a port from 1 to 65535"
)
THREADS = setting(
    "THREADS", int, 4, is_valid=lambda n: 0 < n <= 64, expected="threads, from 1 to 64"
)
ALLOWED_HOSTS = setting(
    "ALLOWED_HOSTS",
    csv,
    ["localhost", "127.0.0.1", "[::1]"],
    is_valid=lambda names: names and all(map(is_host, names)),
    expected="host names without a port, separated by commas",
)
CSRF_TRUSTED_ORIGINS = setting(
    "CSRF_TRUSTED_ORIGINS",
    csv,
    list[str](),
    is_valid=lambda urls: all(map(is_origin, urls)),
    expected="origins such as https://school.example, separated by commas",
)
TIME_ZONE = setting(
    "TIME_ZONE", str, "UTC", is_valid=ZoneInfo, expected="a time zone such as Europe/Berlin"
)
# Each language has a catalogue in locale/. The API answers in LANGUAGE_CODE.
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
    "django.contrib.postgres",
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
    "school.middleware.set_cache_control",
    "school.middleware.answer_health_checks",
    "school.middleware.strip_api_slash",
    "school.middleware.select_language",
    "school.middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "school.middleware.PageAuthenticationMiddleware",
    "school.middleware.PageMessageMiddleware",
    "school.middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "school.middleware.record_request_changes",
    "school.middleware.show_promotions",
    "school.middleware.keep_sent_forms",
    "school.middleware.limit_sign_ins",
    "school.middleware.record_reads",
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


def database_config(url: str) -> dict[str, Any]:
    """Return Django's settings of the database at `url`.

    Raises ValueError for other databases, and where none is named.

    The file of a relative SQLite URL (`sqlite:///var/other.sqlite3`) is relative to the project's
    directory, so that commands find it from every directory.
    """
    if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(url)
    config = dict(Env.db_url_config(url))
    if not config["NAME"] and "service" not in config.get("OPTIONS", {}):
        raise ValueError(url)
    if config["ENGINE"].endswith("sqlite3") and config["NAME"] != ":memory:":
        config["NAME"] = str(BASE_DIR / config["NAME"])
    return config


DATABASE = setting(
    "DATABASE_URL",
    database_config,
    database_config(f"sqlite:///{VAR / 'school.sqlite3'}"),
    expected="sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME",
    secret=True,
)
LOCK_SECONDS = setting(
    "LOCK_SECONDS",
    float,
    5.0,
    # PostgreSQL counts milliseconds, and takes 0 for no limit.
    is_valid=lambda seconds: 0.001 <= seconds <= 60,
    expected="seconds, from 0.001 to 60",
)
# NORMAL waits for the disk less often: a power failure can lose the last changes.
SQLITE_SYNCHRONOUS = setting(
    "SQLITE_SYNCHRONOUS",
    str.upper,
    "FULL",
    is_valid={"FULL", "NORMAL"}.__contains__,
    expected="FULL or NORMAL",
)
# Off for a connection pooler that does not support prepared statements.
PREPARED_STATEMENTS = setting("PREPARED_STATEMENTS", boolean, True, expected=BOOLEAN)
IS_SQLITE = DATABASE["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    # IMMEDIATE takes the write lock at BEGIN. Without it, a transaction that reads first and writes
    # later fails at once with "database is locked" instead of waiting for the lock.
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_SECONDS * 4,
        "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={SQLITE_SYNCHRONOUS}; "
        "PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536;",
    }
    DATABASE["TEST"] = {"NAME": VAR / "test.sqlite3"}
else:
    DATABASE["OPTIONS"] = {
        **DATABASE.get("OPTIONS", {}),
        # Seats must be counted after the lock was acquired. Under REPEATABLE READ the count would
        # come from a snapshot that is older than the lock.
        "isolation_level": IsolationLevel.READ_COMMITTED,
        # psycopg binds parameters on the server and prepares what is executed often. lock_timeout
        # and the settings of the planner are set by core.db.connections.
        "server_side_binding": True,
        "prepare_threshold": 5 if PREPARED_STATEMENTS else None,
    }
    # The fetches of a cursor on the server could reach another server connection behind a pooler.
    DATABASE["DISABLE_SERVER_SIDE_CURSORS"] = True
    # Each thread of the server reuses its connection.
    DATABASE["CONN_MAX_AGE"] = None
DATABASES = {"default": DATABASE}


SECRET_KEY = setting(
    "SECRET_KEY",
    str,
    "",
    is_valid=lambda key: len(key) >= 50,
    expected="at least 50 characters long",
    secret=True,
)
if not SECRET_KEY and IS_SQLITE:
    SECRET_KEY = persisted_secret(VAR / "secret_key")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY must be set, to at least 50 random characters, "
        "the same for every server of this database."
    )

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "throttle": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "throttle",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}


def is_provider_url(url: str) -> bool:
    """Return whether `url` can be an issuer. Without https, an attacker could pose as one."""
    parts = urlsplit(url)
    is_local = parts.hostname in ("localhost", "127.0.0.1")
    return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and is_local))


def role_mapping(text: str) -> dict[str, str]:
    """Return the roles by value of the claim. Raises ValueError for a part without "=" or role."""
    mapping = {}
    for pair in csv(text):
        value, mark, role = pair.rpartition("=")
        if not mark or role not in ("registrar", "clerk", "viewer"):
            raise ValueError(pair)
        mapping[value] = role
    return mapping


# Single sign-on by OpenID Connect. Without an issuer there is none.
OIDC_ISSUER = setting(
    "OIDC_ISSUER", str, "", is_valid=is_provider_url, expected="the https URL of a provider"
)
OIDC_CLIENT_ID = setting(
    "OIDC_CLIENT_ID", str, "", is_valid=str.isascii, expected="the id of this client, in ASCII"
)
OIDC_CLIENT_SECRET = setting(
    "OIDC_CLIENT_SECRET", str, "", is_valid=str.isascii, expected="in ASCII", secret=True
)
OIDC_NAME = setting(
    "OIDC_NAME",
    str,
    "single sign-on",
    is_valid=lambda text: len(text) <= 50,
    expected="the name of the provider, up to 50 characters",
)
OIDC_CREATE_USERS = setting("OIDC_CREATE_USERS", boolean, False, expected=BOOLEAN)
OIDC_TRUST_EMAIL = setting("OIDC_TRUST_EMAIL", boolean, False, expected=BOOLEAN)
OIDC_HAS_SECOND_FACTOR = setting("OIDC_HAS_SECOND_FACTOR", boolean, False, expected=BOOLEAN)
OIDC_ROLES_CLAIM = setting(
    "OIDC_ROLES_CLAIM", str, "", is_valid=str.isascii, expected="the name of a claim, in ASCII"
)
OIDC_ROLES = setting(
    "OIDC_ROLES",
    role_mapping,
    dict[str, str](),
    expected="VALUE=ROLE, separated by commas, with the roles registrar, clerk and viewer",
)
PASSWORD_SIGN_IN = setting("PASSWORD_SIGN_IN", boolean, True, expected=BOOLEAN)
if OIDC_ISSUER and not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
    raise ImproperlyConfigured("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.")
if bool(OIDC_ROLES_CLAIM) != bool(OIDC_ROLES):
    raise ImproperlyConfigured("OIDC_ROLES_CLAIM and OIDC_ROLES need each other.")
if not PASSWORD_SIGN_IN and not OIDC_ISSUER:
    raise ImproperlyConfigured("Without PASSWORD_SIGN_IN, OIDC_ISSUER must be set.")
PASSWORD_BACKENDS = [
    "accounts.sign_in_limits.SignInLimitBackend",
    "accounts.backends.PasswordBackend",
]
SINGLE_SIGN_ON_BACKENDS = ["accounts.backends.SingleSignOnBackend"]
AUTHENTICATION_BACKENDS = [
    *(PASSWORD_BACKENDS if PASSWORD_SIGN_IN else []),
    *(SINGLE_SIGN_ON_BACKENDS if OIDC_ISSUER else []),
]
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


def email_config(url: str) -> dict[str, Any]:
    """Return Django's settings of the mail server at `url`. Raises ValueError for other schemes."""
    parts = urlsplit(url)
    if parts.scheme not in ("consolemail", "smtp", "smtp+tls", "smtp+ssl"):
        raise ValueError(url)
    if parts.scheme != "consolemail" and not (parts.hostname and parts.port != 0):
        raise ValueError(url)
    return dict(Env.email_url_config(url))


# A link to set a new password works for this many seconds.
PASSWORD_RESET_TIMEOUT = 3600
EMAIL = setting(
    "EMAIL_URL",
    email_config,
    email_config("consolemail://"),
    expected="consolemail:// or smtp+tls://USER:PASSWORD@HOST:PORT",
    secret=True,
)
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = EMAIL.get("EMAIL_HOST"), EMAIL.get("EMAIL_PORT")
EMAIL_HOST_USER = EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = bool(EMAIL.get("EMAIL_USE_TLS")), bool(EMAIL.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 10
# Whether links are sent in a thread of their own. Tests wait for them instead.
EMAIL_IN_THREAD = True
DEFAULT_FROM_EMAIL = setting(
    "EMAIL_FROM",
    str,
    "school@localhost",
    is_valid=is_sender,
    expected="an email address",
)
# Whether the record of access also names the users who look at the page of a student.
RECORD_VIEWS = setting("RECORD_VIEWS", boolean, False, expected=BOOLEAN)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "school.error_pages.csrf_failure"

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 3600 * setting(
    "SESSION_IDLE_HOURS", int, 8, is_valid=lambda n: 1 <= n <= 720, expected="hours, from 1 to 720"
)
# A session ends after this many hours even if it is used all the time.
SESSION_MAX_HOURS = setting(
    "SESSION_MAX_HOURS",
    int,
    24,
    is_valid=lambda n: 1 <= n <= 8760,
    expected="hours, from 1 to 8760",
)
if HTTPS:
    # Browsers accept these names only from this host, over HTTPS, for all paths.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-django_language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# These two bind all subdomains, so only the owner of the domain can decide about them.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = setting(
    "HSTS_PRELOAD", boolean, False, expected=BOOLEAN
)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if setting("TRUST_PROXY", boolean, False, expected=BOOLEAN):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXIES = setting(
    "TRUSTED_PROXIES",
    int,
    0,
    is_valid=lambda n: 0 <= n <= 10,
    expected="the number of proxies, from 0 to 10",
)

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
# The confirmation page of a pasted list sends one field for each student of the list.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
API_RATE = setting(
    "API_RATE",
    requests_a_minute,
    None,
    expected="requests a minute for one user (1 to 1000000), or off",
)
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
# The longest life of an API token.
TOKEN_DAYS = setting(
    "TOKEN_DAYS",
    int,
    365,
    is_valid=lambda n: 0 < n <= 36_500,
    expected="days, from 1 to 36500",
)
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105 (the name of a model)
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=TOKEN_DAYS),
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
        "SettableStatusEnum": "students.api.bodies.SETTABLE",
    },
}

LOG_LEVEL = setting(
    "LOG_LEVEL",
    str.upper,
    "INFO",
    is_valid={"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}.__contains__,
    expected="DEBUG, INFO, WARNING, ERROR or CRITICAL",
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"short": {"()": "school.logs.ShortenClientErrors"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["short"],
            "level": LOG_LEVEL,
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Django logs each answer of 400 and above as a warning. A refusal is an ordinary answer.
    "loggers": {
        "django.request": {
            "level": max(LOG_LEVEL, "ERROR", key=logging.getLevelNamesMapping().__getitem__)
        }
    },
}
