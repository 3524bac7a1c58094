from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import audit

        audit.connect_signals()
        name_tokens()


def name_tokens() -> None:
    """Say in the admin's words what knox has, which brings none of its own."""
    from knox.models import AuthToken

    AuthToken._meta.app_config.verbose_name = AuthToken._meta.verbose_name_plural = _("API tokens")
    AuthToken._meta.verbose_name = _("API token")
    for name, words in {
        "token_key": _("begins with"),
        "user": _("user"),
        "created": _("made at"),
        "expiry": _("expires at"),
    }.items():
        AuthToken._meta.get_field(name).verbose_name = words
