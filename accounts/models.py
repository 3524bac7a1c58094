"""The record of access: changes of users, roles and tokens."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
