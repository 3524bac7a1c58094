"""Programs sign in with a token."""

from hmac import compare_digest

from django.contrib.auth.models import AbstractUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed


class TokenAuthentication(KnoxAuthentication):
    """knox's bearer tokens, looked up by one query that writes nothing."""

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractUser, AuthToken]:
        """The user of `token` and the token. Raises AuthenticationFailed when it is unknown, expired or its user inactive."""
        text = token.decode("ascii", errors="replace")
        key = text[: CONSTANTS.TOKEN_KEY_LENGTH].replace("\0", "")
        for known in AuthToken.objects.filter(token_key=key).select_related("user"):
            if not compare_digest(hash_token(text), known.digest):
                continue
            if known.expiry and known.expiry < timezone.now():
                raise AuthenticationFailed(_("This token has expired. Make a new one."))
            user, _token = self.validate_user(known)
            return user, known
        raise AuthenticationFailed(_("This token is unknown or was revoked."))
