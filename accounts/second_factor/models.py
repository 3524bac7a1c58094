"""The second factors of users."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuthenticatorApp(models.Model):
    """An app that shows one-time codes (TOTP, RFC 6238). A user has at most one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="authenticator_app",
    )
    # Encrypted: see accounts.second_factor.encryption.
    secret = models.TextField()
    # The period of 30 seconds of the latest code that was used. Codes up to it are refused.
    last_counter = models.BigIntegerField()
    created_at = models.DateTimeField(_("added"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"app of {self.user}"


class Passkey(models.Model):
    """A public key of WebAuthn, whose private key is in a device of the user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys"
    )
    name = models.CharField(_("name"), max_length=100)
    credential_id = models.BinaryField(max_length=1023, unique=True)
    # The AttestedCredentialData of WebAuthn: the id of the credential and its public key.
    credential = models.BinaryField()
    # Devices count signatures, so that a copied key is noticed. Synchronized passkeys stay at 0.
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(_("added"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """The hash of a code that replaces the second factor once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_of_user")
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"
