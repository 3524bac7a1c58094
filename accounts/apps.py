from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import audit, checks, events, sessions, sign_in_limits, sign_out

        audit.connect_signals()
        user_logged_in.connect(sign_in_limits.handle_sign_in)
        user_logged_in.connect(sessions.start_session)
        user_logged_in.connect(events.record_sign_in)
        user_login_failed.connect(events.record_failed_sign_in)
        user_logged_out.connect(events.record_sign_out)
        user_logged_out.connect(sign_out.offer_sign_out)
        register(checks.check_trusted_proxies, Tags.security, deploy=True)
        translate_token_names()


def translate_token_names() -> None:
    """Give knox's model and fields translated names, because knox has no translations."""
    from knox.models import AuthToken

    AuthToken._meta.app_config.verbose_name = AuthToken._meta.verbose_name_plural = _("API tokens")
    AuthToken._meta.verbose_name = _("API token")
    for name, label in {
        "token_key": _("begins with"),
        "user": _("user"),
        "created": _("made at"),
        "expiry": _("expires at"),
    }.items():
        AuthToken._meta.get_field(name).verbose_name = label
