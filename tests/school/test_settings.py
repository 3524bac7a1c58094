"""The settings: what each variable does, and that a wrong value stops the start and names it."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from psycopg import IsolationLevel

SETTINGS = Path(__file__).resolve().parents[2] / "school" / "settings.py"
POSTGRES = "postgresql://school:secret@db.example:5433/school"
KEY = "a-key-that-is-long-enough-to-sign-sessions-0123456789"
Load = Callable[..., ModuleType]
GOOD: list[tuple[str, str, Callable[[Any], Any], Any]] = [
    (
        "ALLOWED_HOSTS",
        "school.example, www.school.example,",
        lambda s: s.ALLOWED_HOSTS,
        ["school.example", "www.school.example"],
    ),
    (
        "ALLOWED_HOSTS",
        ".school.example,[::1],10.0.0.7,*,straße.example",
        lambda s: len(s.ALLOWED_HOSTS),
        5,
    ),
    ("API_RATE", "600", lambda s: s.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], {"user": "600/min"}),
    (
        "API_RATE",
        "600",
        lambda s: s.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"],
        ["school.api.throttling.UserThrottle"],
    ),
    ("API_RATE", "off", lambda s: s.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"], []),
    (
        "CSRF_TRUSTED_ORIGINS",
        "https://school.example",
        lambda s: s.CSRF_TRUSTED_ORIGINS,
        ["https://school.example"],
    ),
    (
        "DATABASE_URL",
        "sqlite:////tmp/other.sqlite3",
        lambda s: s.DATABASES["default"]["NAME"],
        "/tmp/other.sqlite3",
    ),
    ("DEBUG", "on", lambda s: (s.DEBUG, s.HTTPS, s.SECURE_SSL_REDIRECT), (True, False, False)),
    (
        "HSTS_PRELOAD",
        "on",
        lambda s: (s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD),
        (True, True),
    ),
    (
        "HSTS_PRELOAD",
        "off",
        lambda s: (s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD),
        (False, False),
    ),
    (
        "HTTPS",
        "off",
        lambda s: (
            s.SESSION_COOKIE_SECURE,
            s.CSRF_COOKIE_SECURE,
            s.SECURE_SSL_REDIRECT,
            s.SECURE_HSTS_SECONDS,
        ),
        (False, False, False, 0),
    ),
    (
        "HTTPS",
        "True",
        lambda s: (s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT),
        (True, True, True),
    ),
    ("HTTPS", "  ", lambda s: s.HTTPS, True),
    (
        "HTTPS",
        "on",
        lambda s: (s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME),
        ("__Host-sessionid", "__Host-csrftoken"),
    ),
    ("HTTPS", "off", lambda s: hasattr(s, "SESSION_COOKIE_NAME"), False),
    (
        "CSRF_TRUSTED_ORIGINS",
        "http://[::1]:8000,https://*.school.example",
        lambda s: s.CSRF_TRUSTED_ORIGINS,
        ["http://[::1]:8000", "https://*.school.example"],
    ),
    (
        "EMAIL_FROM",
        "School <a@school.example>",
        lambda s: s.DEFAULT_FROM_EMAIL,
        "School <a@school.example>",
    ),
    ("EMAIL_FROM", "a@school.example", lambda s: s.DEFAULT_FROM_EMAIL, "a@school.example"),
    (
        "EMAIL_URL",
        "smtp+tls://me:secret@mail.example:587",
        lambda s: (s.EMAIL_BACKEND, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL),
        ("django.core.mail.backends.smtp.EmailBackend", "mail.example", 587, True, False),
    ),
    (
        "OIDC_ISSUER",
        "https://id.example/realms/school",
        lambda s: (s.OIDC_ISSUER, s.AUTHENTICATION_BACKENDS[-1]),
        ("https://id.example/realms/school", "accounts.backends.SingleSignOnBackend"),
    ),
    ("OIDC_ISSUER", "http://localhost:9000", lambda s: s.OIDC_ISSUER, "http://localhost:9000"),
    ("OIDC_CLIENT_ID", "school", lambda s: s.OIDC_CLIENT_ID, "school"),
    ("OIDC_CLIENT_SECRET", "hidden", lambda s: s.OIDC_CLIENT_SECRET, "hidden"),
    ("OIDC_NAME", "Campus", lambda s: s.OIDC_NAME, "Campus"),
    ("OIDC_CREATE_USERS", "on", lambda s: s.OIDC_CREATE_USERS, True),
    ("OIDC_TRUST_EMAIL", "on", lambda s: s.OIDC_TRUST_EMAIL, True),
    ("OIDC_HAS_SECOND_FACTOR", "on", lambda s: s.OIDC_HAS_SECOND_FACTOR, True),
    ("OIDC_ROLES_CLAIM", "groups", lambda s: s.OIDC_ROLES_CLAIM, "groups"),
    (
        "OIDC_ROLES",
        "cn=office=registrar, all=viewer",
        lambda s: s.OIDC_ROLES,
        {"cn=office": "registrar", "all": "viewer"},
    ),
    (
        "PASSWORD_SIGN_IN",
        "off",
        lambda s: s.AUTHENTICATION_BACKENDS,
        ["accounts.backends.SingleSignOnBackend"],
    ),
    ("RECORD_VIEWS", "on", lambda s: s.RECORD_VIEWS, True),
    ("SESSION_IDLE_HOURS", "2", lambda s: s.SESSION_COOKIE_AGE, 7200),
    ("SESSION_MAX_HOURS", "48", lambda s: s.SESSION_MAX_HOURS, 48),
    ("LOCK_SECONDS", "1.5", lambda s: s.DATABASES["default"]["OPTIONS"]["timeout"], 6.0),
    ("LOG_LEVEL", "warning", lambda s: s.LOGGING["root"]["level"], "WARNING"),
    ("PORT", "65535", lambda s: s.PORT, 65535),
    ("PREPARED_STATEMENTS", "off", lambda s: s.PREPARED_STATEMENTS, False),
    ("SECRET_KEY", KEY, lambda s: s.SECRET_KEY, KEY),
    (
        "SQLITE_SYNCHRONOUS",
        "normal",
        lambda s: "synchronous=NORMAL;" in s.DATABASES["default"]["OPTIONS"]["init_command"],
        True,
    ),
    ("THREADS", "8", lambda s: s.THREADS, 8),
    ("TIME_ZONE", "Europe/Berlin", lambda s: s.TIME_ZONE, "Europe/Berlin"),
    ("TOKEN_DAYS", "30", lambda s: s.REST_KNOX["TOKEN_TTL"].days, 30),
    ("TRUSTED_PROXIES", "2", lambda s: s.TRUSTED_PROXIES, 2),
    (
        "TRUST_PROXY",
        "yes",
        lambda s: s.SECURE_PROXY_SSL_HEADER,
        ("HTTP_X_FORWARDED_PROTO", "https"),
    ),
    ("TRUST_PROXY", "no", lambda s: getattr(s, "SECURE_PROXY_SSL_HEADER", None), None),
]
BAD = [
    ("ALLOWED_HOSTS", ","),
    ("ALLOWED_HOSTS", "https://school.example"),
    ("ALLOWED_HOSTS", "school.example:8000"),
    ("ALLOWED_HOSTS", "school.example www.school.example"),
    ("CSRF_TRUSTED_ORIGINS", "ftp://school.example"),
    ("CSRF_TRUSTED_ORIGINS", "https://school.example/"),
    ("DATABASE_URL", "postgresql://school@db.example"),
    ("DATABASE_URL", "postgresql://school@db.example:99999/school"),
    ("EMAIL_FROM", "school@"),
    ("EMAIL_FROM", "a@school.example\nBcc: b@school.example"),
    ("EMAIL_URL", "smtp://"),
    ("EMAIL_URL", "smtp+tls://mail.example:70000"),
    ("SESSION_IDLE_HOURS", "721"),
    ("SESSION_MAX_HOURS", "8761"),
    ("TRUSTED_PROXIES", "11"),
    ("API_RATE", "0"),
    ("API_RATE", "fast"),
    ("CSRF_TRUSTED_ORIGINS", "school.example"),
    ("DATABASE_URL", "mysql://u:p@h/n"),
    ("DATABASE_URL", "nonsense"),
    ("DEBUG", "perhaps"),
    ("EMAIL_FROM", "school"),
    ("EMAIL_URL", "pigeon://mail.example"),
    ("HSTS_PRELOAD", "maybe"),
    ("OIDC_ISSUER", "http://id.example"),
    ("OIDC_ISSUER", "id.example"),
    ("OIDC_CLIENT_ID", "schüle"),
    ("OIDC_CLIENT_SECRET", "schüle"),
    ("OIDC_NAME", "x" * 51),
    ("OIDC_CREATE_USERS", "maybe"),
    ("OIDC_TRUST_EMAIL", "maybe"),
    ("OIDC_HAS_SECOND_FACTOR", "maybe"),
    ("OIDC_ROLES_CLAIM", "grüppen"),
    ("OIDC_ROLES", "office=boss"),
    ("OIDC_ROLES", "registrar"),
    ("PASSWORD_SIGN_IN", "maybe"),
    ("RECORD_VIEWS", "maybe"),
    ("SESSION_IDLE_HOURS", "0"),
    ("SESSION_MAX_HOURS", "ever"),
    ("HTTPS", "maybe"),
    ("LOCK_SECONDS", "0"),
    ("LOCK_SECONDS", "61"),
    ("LOCK_SECONDS", "0.0005"),
    ("API_RATE", "1000001"),
    ("TOKEN_DAYS", "3000000"),
    ("LOCK_SECONDS", "nan"),
    ("LOCK_SECONDS", "long"),
    ("LOG_LEVEL", "loud"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("PREPARED_STATEMENTS", "perhaps"),
    ("SECRET_KEY", "short"),
    ("SQLITE_SYNCHRONOUS", "OFF"),
    ("THREADS", "0"),
    ("THREADS", "65"),
    ("TIME_ZONE", "Europe/Nowhere"),
    ("TIME_ZONE", "../etc/passwd"),
    ("TOKEN_DAYS", "0"),
    ("TOKEN_DAYS", "ever"),
    ("TRUSTED_PROXIES", "-1"),
    ("TRUSTED_PROXIES", "yes"),
    ("TRUST_PROXY", "2"),
]
VARIABLES = {name for name, *_ in GOOD}
CLIENT = {"OIDC_CLIENT_ID": "school", "OIDC_CLIENT_SECRET": "hidden"}
# The variables that others need beside them.
NEEDED = {
    "OIDC_ISSUER": CLIENT,
    "PASSWORD_SIGN_IN": {"OIDC_ISSUER": "https://id.example", **CLIENT},
    "OIDC_ROLES": {"OIDC_ROLES_CLAIM": "groups"},
    "OIDC_ROLES_CLAIM": {"OIDC_ROLES": "office=registrar"},
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Returns a function that loads the settings with only the given variables set."""
    loaded = sys.modules.get("school.settings")
    # The browser tests set DJANGO_ALLOW_ASYNC_UNSAFE for all tests that run after them.
    for name in (*VARIABLES, "DJANGO_ALLOW_ASYNC_UNSAFE"):
        monkeypatch.delenv(name, raising=False)

    def load_settings(**variables: str) -> ModuleType:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        sys.modules.pop("school.settings", None)
        return importlib.import_module("school.settings")

    yield load_settings
    sys.modules.pop("school.settings", None)
    if loaded:
        sys.modules["school.settings"] = loaded


def test_every_variable_is_tested_here() -> None:
    assert (
        set(re.findall(r'setting\(\s*"(\w+)"', SETTINGS.read_text()))
        == VARIABLES
        == {name for name, _value in BAD}
    )


def test_a_machine_without_any_setting(load: Load) -> None:
    settings = load()
    assert (
        settings.DEBUG,
        settings.HTTPS,
        settings.PORT,
        settings.TIME_ZONE,
        settings.LOG_LEVEL,
    ) == (False, True, 8000, "UTC", "INFO")
    # HSTS covers the own host only, because other hosts of the domain may lack HTTPS.
    assert (
        settings.SECURE_HSTS_SECONDS > 0,
        settings.SECURE_HSTS_INCLUDE_SUBDOMAINS,
        settings.SECURE_HSTS_PRELOAD,
    ) == (True, False, False)
    assert settings.ALLOWED_HOSTS == ["localhost", "127.0.0.1", "[::1]"]
    assert settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert settings.DATABASES["default"]["NAME"].endswith("/var/school.sqlite3")
    assert settings.DATABASES["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in settings.DATABASES["default"]["OPTIONS"]["init_command"]
    assert settings.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"] == []


@pytest.mark.parametrize(("name", "value", "read", "expected"), GOOD)
def test_a_good_value(
    load: Load, name: str, value: str, read: Callable[[Any], Any], expected: object
) -> None:
    assert read(load(**NEEDED.get(name, {}), **{name: value})) == expected


@pytest.mark.parametrize("name", NEEDED)
def test_a_variable_without_one_that_it_needs_stops_the_start(load: Load, name: str) -> None:
    value = next(value for good, value, *_more in GOOD if good == name)
    with pytest.raises(ImproperlyConfigured, match=name):
        load(**{name: value})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_wrong_value_stops_the_start_and_names_the_variable(
    load: Load, name: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be "):
        load(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://school:hidden@db.example/school"), ("SECRET_KEY", "hidden")],
)
def test_a_wrong_secret_is_not_shown(load: Load, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        load(**{name: value})
    assert "hidden" not in str(caught.value)


class TestEnvFile:
    @pytest.fixture
    def env_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An env file, whose variables are removed from the environment after the test."""
        monkeypatch.setattr("os.environ", dict(os.environ))
        monkeypatch.setattr("environ.Env.ENVIRON", os.environ)
        monkeypatch.setenv("SCHOOL_ENV_FILE", str(tmp_path / "school.env"))
        return tmp_path / "school.env"

    def test_gives_the_values_of_variables_that_are_not_set(
        self, load: Load, env_file: Path
    ) -> None:
        env_file.write_text("# The school\nPORT=8080\nTIME_ZONE=Europe/Berlin\n")
        settings = load(TIME_ZONE="Asia/Tokyo")
        assert (settings.PORT, settings.TIME_ZONE) == (8080, "Asia/Tokyo")

    def test_that_is_named_and_missing_stops_the_start(self, load: Load, env_file: Path) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"^SCHOOL_ENV_FILE must be"):
            load()


def test_a_relative_sqlite_file_is_relative_to_the_project(load: Load) -> None:
    settings = load(DATABASE_URL="sqlite:///var/other.sqlite3")
    assert settings.DATABASES["default"]["NAME"] == str(settings.BASE_DIR / "var/other.sqlite3")


class TestPostgres:
    def test_counts_seats_after_the_lock_and_keeps_its_connections(self, load: Load) -> None:
        database = load(DATABASE_URL=POSTGRES, SECRET_KEY=KEY).DATABASES["default"]
        assert (database["ENGINE"], database["HOST"], database["PORT"], database["NAME"]) == (
            "django.db.backends.postgresql",
            "db.example",
            5433,
            "school",
        )
        assert database["OPTIONS"] == {
            "isolation_level": IsolationLevel.READ_COMMITTED,
            "server_side_binding": True,
            "prepare_threshold": 5,
        }
        assert database["CONN_MAX_AGE"] is None

    def test_prepared_statements_can_be_switched_off_for_a_pooler(self, load: Load) -> None:
        settings = load(DATABASE_URL=POSTGRES, SECRET_KEY=KEY, PREPARED_STATEMENTS="off")
        assert settings.DATABASES["default"]["OPTIONS"]["prepare_threshold"] is None

    def test_needs_a_secret_key_that_all_servers_share(self, load: Load) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY must be set"):
            load(DATABASE_URL=POSTGRES)


def test_the_key_of_a_machine_is_made_once_and_read_by_its_owner_only(load: Load) -> None:
    settings = load()
    file = settings.VAR / "secret_key"
    assert settings.SECRET_KEY == file.read_text() == load().SECRET_KEY
    assert len(settings.SECRET_KEY) >= 50
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_written_is_for_its_owner_only(load: Load, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        settings = load()
        (tmp_path / "school.sqlite3").touch()
    finally:
        os.umask(before)
    assert settings.VAR.stat().st_mode & 0o077 == 0
    assert (tmp_path / "school.sqlite3").stat().st_mode & 0o077 == 0


def test_production_passes_the_checks_of_deployment(load: Load) -> None:
    settings = load(SECRET_KEY=KEY, ALLOWED_HOSTS="school.example", HTTPS="on", HSTS_PRELOAD="on")
    overrides = {
        name: getattr(settings, name)
        for name in dir(settings)
        if name.isupper() and name not in ("DATABASES", "DATABASE")
    }
    with override_settings(**overrides):
        call_command("check", deploy=True, fail_level="WARNING")


def test_the_checks_of_deployment_would_tell(load: Load) -> None:
    settings = load(SECRET_KEY=KEY, ALLOWED_HOSTS="school.example", HTTPS="off")
    overrides = {
        name: getattr(settings, name)
        for name in dir(settings)
        if name.startswith(("SECURE_", "SESSION_", "CSRF_"))
    }
    with (
        override_settings(**overrides),
        pytest.raises(SystemCheckError, match="SECURE_SSL_REDIRECT"),
    ):
        call_command("check", deploy=True, fail_level="WARNING")
