"""Authentication of programs by a bearer token."""

from contextlib import suppress
from hmac import compare_digest
from typing import Any

from django.contrib.auth.models import AbstractUser, Group, Permission, User
from django.db import DEFAULT_DB_ALIAS, DatabaseError, transaction
from django.db.models import CharField, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.models import TokenDetails
from core.db.compiled import CompiledQuery
from core.db.connections import without_waiting
from core.db.parameters import Parameter

# The fields that are read with each request, in the order of the model, as `Model.from_db` needs
# them. Django reads another field when it is accessed.
TOKEN_FIELDS = ["digest", "token_key", "user_id", "expiry"]
USER_FIELDS = ["id", "is_superuser", "username", "is_staff", "is_active"]


class JoinedLines(Func):
    """Aggregates texts to one text with a line for each."""

    function = "STRING_AGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **_extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT")


def permissions_of(user: OuterRef) -> Subquery:
    """Return the names ("app.codename", one a line) of all permissions of an outer query's user.

    These are the user's own permissions and those of the user's groups.
    """
    by_role = Group.permissions.through.objects.filter(
        group__in=User.groups.through.objects.filter(user=OuterRef(user)).values("group")
    )
    own = User.user_permissions.through.objects.filter(user=user)
    permissions = Permission.objects.filter(
        Q(pk__in=by_role.values("permission")) | Q(pk__in=own.values("permission"))
    ).order_by()
    name = Concat("content_type__app_label", Value("."), "codename", output_field=TextField())
    return Subquery(permissions.annotate(names=JoinedLines(name, Value("\n"))).values("names"))


# A token with its user and the user's permissions, in one query.
TOKEN_QUERY = CompiledQuery(
    AuthToken.objects.filter(token_key=Parameter("key", CharField()))
    .annotate(permissions=permissions_of(OuterRef(OuterRef("user"))))
    .values_list(
        "permissions",
        "details__is_read_only",
        "details__last_used_on",
        *TOKEN_FIELDS,
        *(F(f"user__{name}") for name in USER_FIELDS),
    )
)


class TokenAuthentication(KnoxAuthentication):
    """knox's bearer tokens, read together with the user and permissions in one query.

    Unlike knox's own class it deletes no expired tokens and writes nothing.
    """

    def authenticate(self, request: Request) -> tuple[AbstractUser, AuthToken] | None:
        """Return the user and the token, or None for a request without a bearer token.

        Raises AuthenticationFailed.
        """
        # `request.headers` would build a dictionary of all headers.
        scheme, *token = request.META.get("HTTP_AUTHORIZATION", "").split()[:3] or [""]
        if scheme.lower() != "bearer":
            return None
        if len(token) != 1:
            raise AuthenticationFailed(
                _("Send one token, without spaces: “Authorization: Bearer TOKEN”.")
            )
        user, auth_token = self.authenticate_credentials(token[0].encode())
        if auth_token.is_read_only and request.method not in SAFE_METHODS:
            raise PermissionDenied(_("This token may only read."))
        return user, auth_token

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractUser, AuthToken]:
        """Return the user and the token.

        Raises AuthenticationFailed if the token is unknown or expired, or its user inactive.
        """
        text = token.decode("ascii", errors="replace")
        digest = hash_token(text)
        # PostgreSQL accepts no NUL character in a parameter.
        key = text[: CONSTANTS.TOKEN_KEY_LENGTH].replace("\0", "")
        for permissions, is_read_only, last_used_on, *row in TOKEN_QUERY(key=key):
            token_row, user_row = row[: len(TOKEN_FIELDS)], row[len(TOKEN_FIELDS) :]
            auth_token = AuthToken.from_db(DEFAULT_DB_ALIAS, TOKEN_FIELDS, token_row)
            if not compare_digest(digest, auth_token.digest):
                continue
            if auth_token.expiry and auth_token.expiry < timezone.now():
                raise AuthenticationFailed(_("This token has expired. Make a new one."))
            user = User.from_db(DEFAULT_DB_ALIAS, USER_FIELDS, user_row)
            cache_permissions(user, permissions)
            auth_token.user = user
            auth_token.is_read_only = bool(is_read_only)
            self.validate_user(auth_token)
            if last_used_on != timezone.localdate():
                save_last_use(auth_token)
            return user, auth_token
        raise AuthenticationFailed(_("This token is unknown or was revoked."))


def save_last_use(auth_token: AuthToken) -> None:
    """Store that the token was used today. One statement, once a day for each token."""
    details = TokenDetails(token_id=auth_token.pk, last_used_on=timezone.localdate())
    # A request that only reads must not fail because the database cannot be written just now.
    with suppress(DatabaseError), without_waiting(), transaction.atomic():
        TokenDetails.objects.bulk_create(
            [details],
            update_conflicts=True,
            unique_fields=["token"],
            update_fields=["last_used_on"],
        )


def cache_permissions(user: User, permissions: str | None) -> None:
    """Store `permissions`, one a line, in the cache of Django's ModelBackend.

    A superuser is allowed everything without a look at the cache.
    """
    if not user.is_superuser:
        user._perm_cache = set((permissions or "").splitlines())  # type: ignore[attr-defined]
