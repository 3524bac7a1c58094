"""Sessions, details of tokens and roles, and the records of access: changes and events."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# Django finds the models of an app in this module.
from accounts.second_factor.models import AuthenticatorApp, Passkey, RecoveryCode  # noqa: F401
from core.history.actor import current_reason
from core.history.models import AuditedModel


class Access(models.TextChoices):
    """The kinds of objects that give access."""

    USER = "user", _("user")
    ROLE = "role", _("role")
    TOKEN = "token", _("token")


class AccessChange(AuditedModel):
    """One change of a user, a role or a token.

    `before` and `after` hold the changed values; None means that the object was created or deleted.
    """

    kind = models.CharField(_("kind"), max_length=5, choices=Access)
    name = models.CharField(
        _("name"),
        max_length=150,
        help_text=_("Of the user or role, before a change of that name; the key of the token."),
    )
    before = models.JSONField(_("before"), null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(_("after"), null=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(_("reason"), blank=True, default=current_reason)
    when = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        # The model was once part of the app `students`.
        db_table = "students_accesschange"
        verbose_name = _("change of access")
        verbose_name_plural = _("changes of access")
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["kind", "-id"], name="access_by_kind"),
            models.Index(fields=["name", "-id"], name="access_by_name"),
            models.Index(fields=["who", "-id"], name="access_by_who"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"


# Names by a part of the header User-Agent, in the order in which they are looked for.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


class SignInSession(AbstractBaseSession):
    """A session, with the user who is signed in by it. `accounts.sessions` reads and writes it.

    The columns beside those of Django are copies of values in the session's data, so that the
    sessions of one user can be listed and ended.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="sign_in_sessions",
        verbose_name=_("user"),
    )
    signed_in_at = models.DateTimeField(_("signed in at"), null=True)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    user_agent = models.CharField(_("browser"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore

        return SessionStore

    @property
    def browser(self) -> str:
        """The names of the browser and of its system, such as "Firefox, Linux"; empty if unknown.

        Browsers name others too, to be compatible, so the first match counts.
        """
        found = []
        for names in (BROWSERS, SYSTEMS):
            found += [name for mark, name in names.items() if mark in self.user_agent][:1]
        return ", ".join(found)

    @property
    def public_id(self) -> str:
        """A name of the session for pages. The key itself would sign in whoever knows it."""
        return hashlib.sha256(self.session_key.encode()).hexdigest()[:20]


class TokenDetails(models.Model):
    """What the school stores of an API token beside knox's fields.

    A token without details was made before they existed: it has no name and full access.
    """

    token = models.OneToOneField(
        "knox.AuthToken", primary_key=True, on_delete=models.CASCADE, related_name="details"
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    is_read_only = models.BooleanField(_("read only"), default=False)
    last_used_on = models.DateField(_("last used on"), null=True, blank=True)

    class Meta:
        verbose_name = _("details of an API token")
        verbose_name_plural = _("details of API tokens")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class RoleOptions(models.Model):
    """What the school stores of a role beside Django's fields. A role may have no row."""

    group = models.OneToOneField(
        Group, primary_key=True, on_delete=models.CASCADE, related_name="options"
    )
    requires_second_factor = models.BooleanField(
        _("requires a second factor"),
        default=False,
        help_text=_(
            "Users with this role who have none can do nothing else until they set one up. "
            "As soon as one role requires it, superusers need one too."
        ),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("options of the role")
        default_permissions = ()

    def __str__(self) -> str:
        return self.group.name

    @transaction.atomic(savepoint=False)
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and record a change of the requirement."""
        rows = RoleOptions.objects.select_for_update(no_key=True).filter(pk=self.pk)
        before = rows.values_list("requires_second_factor", flat=True).first() or False
        super().save(*args, **kwargs)
        if before != self.requires_second_factor:
            AccessChange.objects.create(
                kind=Access.ROLE,
                name=self.group.name,
                before={"second_factor": before},
                after={"second_factor": self.requires_second_factor},
            )


class SingleSignOnIdentity(models.Model):
    """A person at an identity provider, who signs in as `user`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities"
    )
    # The claims `iss` and `sub`, which together never name another person.
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_at_issuer")
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Event(models.TextChoices):
    """The recorded events. Changes of users, roles and tokens are recorded as AccessChange."""

    SIGN_IN = "sign_in", _("sign-in")
    SIGN_IN_FAILED = "sign_in_failed", _("failed sign-in")
    SIGN_OUT = "sign_out", _("sign-out")
    RESET_REQUESTED = "reset_requested", _("reset of a password requested")
    RESET_DONE = "reset_done", _("password reset")
    SESSIONS_ENDED = "sessions_ended", _("sessions ended")
    FACTOR_ADDED = "factor_added", _("second factor added")
    FACTOR_REMOVED = "factor_removed", _("second factor removed")
    FACTOR_USED = "factor_used", _("second factor used")
    FACTOR_FAILED = "factor_failed", _("wrong second factor")
    UNLINKED = "unlinked", _("unlinked from single sign-on")
    ROSTER_DOWNLOADED = "roster_downloaded", _("roster downloaded")
    ROSTER_PRINTED = "roster_printed", _("roster printed")
    STUDENT_VIEWED = "student_viewed", _("student viewed")


class Detail(models.TextChoices):
    """How a user signed in, or which second factor an event is about."""

    APP = "app", _("authenticator app")
    PASSKEY = "passkey", _("passkey")
    RECOVERY_CODE = "recovery_code", _("recovery code")
    ALL = "all", _("all second factors")
    SINGLE_SIGN_ON = "single_sign_on", _("single sign-on")


class AccessEvent(AuditedModel):
    """A sign-in, an export or a view of personal data. `name` is the user or object concerned."""

    event = models.CharField(_("event"), max_length=20, choices=Event)
    name = models.CharField(_("name"), max_length=150, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    detail = models.CharField(
        _("detail"), max_length=20, choices=Detail, blank=True, default="", db_default=""
    )
    when = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("sign-ins, exports and views")
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["event", "-id"], name="event_by_event"),
            models.Index(fields=["name", "-id"], name="event_by_name"),
            models.Index(fields=["who", "-id"], name="event_by_who"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} {self.name}"
