"""Second factors of the users of tests."""

import time

import pyotp
from django.contrib.auth.models import User
from django.test import Client
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData

from accounts.models import AuthenticatorApp, Passkey
from accounts.second_factor.encryption import encrypt

# The secret of the test vectors of RFC 6238.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def give_app(user: User) -> User:
    AuthenticatorApp.objects.create(user=user, secret=encrypt(SECRET), last_counter=0)
    return user


def give_passkey(user: User) -> Passkey:
    """A passkey that nothing can sign with: its key is public, from the specification COSE."""
    key = ES256.from_ctap1(b"\4" + b"\1" * 64)
    credential = AttestedCredentialData.create(b"\0" * 16, b"id", key)
    return Passkey.objects.create(
        user=user, name="Key ring", credential_id=b"id", credential=bytes(credential)
    )


def code_now(secret: str = SECRET, *, periods: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * periods)


def send_password(client: Client, name: str = "clerk", **fields: str) -> object:
    return client.post("/login/", {"username": name, "password": "pass", **fields})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
