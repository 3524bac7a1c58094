"""The backends of Django's authentication, which also read the user of a session."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q

from accounts.models import RoleOptions
from accounts.second_factor.models import AuthenticatorApp, Passkey
from core.db.compiled import CompiledQuery
from core.db.parameters import Parameter

# The path of SingleSignOnBackend, as sessions name it.
SINGLE_SIGN_ON = "accounts.backends.SingleSignOnBackend"
USER_FIELDS = [field.attname for field in User._meta.concrete_fields]
HAS_SECOND_FACTOR = Q(
    Exists(AuthenticatorApp.objects.filter(user=OuterRef("pk"))),
    Exists(Passkey.objects.filter(user=OuterRef("pk"))),
    _connector=Q.OR,
)
STRICT_ROLES = RoleOptions.objects.filter(requires_second_factor=True)
# Superusers can do what any role can, so they need what any role needs.
NEEDS_SECOND_FACTOR = Q(Exists(STRICT_ROLES.filter(group__user=OuterRef("pk")))) | Q(
    Exists(STRICT_ROLES), is_superuser=True
)
USER_QUERY = CompiledQuery(
    User.objects.filter(pk=Parameter("pk"))
    .annotate(
        must_set_up_second_factor=ExpressionWrapper(
            NEEDS_SECOND_FACTOR & ~HAS_SECOND_FACTOR, BooleanField()
        )
    )
    .values_list("must_set_up_second_factor", *USER_FIELDS)
)


class PasswordBackend(ModelBackend):
    """Django's backend. The user of a session has the attribute `must_set_up_second_factor`."""

    def get_user(self, user_id: Any) -> User | None:
        for must_set_up, *row in USER_QUERY(pk=user_id):
            user = User.from_db(DEFAULT_DB_ALIAS, USER_FIELDS, row)
            user.must_set_up_second_factor = bool(must_set_up)  # type: ignore[attr-defined]
            return user if self.user_can_authenticate(user) else None
        return None


class SingleSignOnBackend(PasswordBackend):
    """Reads the user of a session that was made by single sign-on. It verifies no passwords."""

    def authenticate(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    def get_user(self, user_id: Any) -> User | None:
        user = super().get_user(user_id)
        if user is not None and settings.OIDC_HAS_SECOND_FACTOR:
            user.must_set_up_second_factor = False  # type: ignore[attr-defined]
        return user


def must_set_up_second_factor(user: Any) -> bool:
    """Whether a role of the user requires a second factor and the user has none.

    Only the user of a session needs one: a token was made in a session, and is used by programs.
    """
    return getattr(user, "must_set_up_second_factor", False)
