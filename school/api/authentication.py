"""Programs sign in with a token."""

from hmac import compare_digest
from typing import Any

from django.contrib.auth.models import AbstractUser, Group, Permission, User
from django.db.models import CharField, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.db.compiled import CompiledQuery, build_instance
from core.db.parameters import Parameter

# Columns of a token and of its user. Others are read when somebody asks for them.
TOKEN = ["digest", "token_key", "user_id", "expiry"]
USER = ["id", "username", "is_active", "is_staff", "is_superuser"]


class Lines(Func):
    """All values as the lines of one text."""

    function = "STRING_AGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT")


def permissions_of(user: OuterRef) -> Subquery:
    """The full names of the permissions that a user has by a role or of their own."""
    by_role = Group.permissions.through.objects.filter(
        group__in=User.groups.through.objects.filter(user=OuterRef(user)).values("group")
    )
    own = User.user_permissions.through.objects.filter(user=user)
    held = Permission.objects.filter(
        Q(pk__in=by_role.values("permission")) | Q(pk__in=own.values("permission"))
    ).order_by()
    name = Concat("content_type__app_label", Value("."), "codename", output_field=TextField())
    return Subquery(held.annotate(names=Lines(name, Value("\n"))).values("names"))


# Token, user and rights in one query.
KNOWN = CompiledQuery(
    AuthToken.objects.filter(token_key=Parameter("key", CharField()))
    .annotate(permissions=permissions_of(OuterRef(OuterRef("user"))))
    .values_list("permissions", *TOKEN, *(F(f"user__{name}") for name in USER))
)


class TokenAuthentication(KnoxAuthentication):
    """knox's bearer tokens, looked up by one query that writes nothing and brings the user's permissions along."""

    def authenticate(self, request: Request) -> tuple[AbstractUser, AuthToken] | None:
        """The user of the request's token and the token; None for a request without one. Raises AuthenticationFailed."""
        # Not by `request.headers`, which makes a dictionary of them all.
        scheme, *token = request.META.get("HTTP_AUTHORIZATION", "").split()[:3] or [""]
        if scheme.lower() != "bearer":
            return None
        if len(token) != 1:
            raise AuthenticationFailed(
                _("Send one token, without spaces: “Authorization: Bearer TOKEN”.")
            )
        return self.authenticate_credentials(token[0].encode())

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractUser, AuthToken]:
        """The user of `token` and the token. Raises AuthenticationFailed when it is unknown, expired or its user inactive."""
        text = token.decode("ascii", errors="replace")
        digest = hash_token(text)
        for permissions, *row in KNOWN(key=text[: CONSTANTS.TOKEN_KEY_LENGTH].replace("\0", "")):
            known = build_instance(AuthToken, zip(TOKEN, row, strict=False))
            if not compare_digest(digest, known.digest):
                continue
            if known.expiry and known.expiry < timezone.now():
                raise AuthenticationFailed(_("This token has expired. Make a new one."))
            known.user = with_rights(
                build_instance(User, zip(USER, row[len(TOKEN) :], strict=True)), permissions
            )
            user, _token = self.validate_user(known)
            return user, known
        raise AuthenticationFailed(_("This token is unknown or was revoked."))


def with_rights(user: User, permissions: str | None) -> User:
    """`user`, with the permissions where Django's ModelBackend keeps what it has asked for; a superuser has them all without asking."""
    if not user.is_superuser:
        user._perm_cache = set((permissions or "").splitlines())  # type: ignore[attr-defined]
    return user
