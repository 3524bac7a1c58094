"""Second factors of the users of tests."""

import time

import pyotp
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.contrib.auth.models import User
from django.test import Client
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData

from accounts.second_factor.encryption import encrypt
from accounts.second_factor.models import AuthenticatorApp, Passkey

# The secret of the test vectors of RFC 6238.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def give_app(user: User) -> User:
    AuthenticatorApp.objects.create(user=user, secret=encrypt(SECRET), last_counter=0)
    return user


def give_passkey(user: User, name: str = "Key ring") -> Passkey:
    """A passkey of which nobody has the private key."""
    public_key = generate_private_key(SECP256R1()).public_key()
    key = ES256.from_cryptography_key(public_key)  # type: ignore[no-untyped-call]
    credential = AttestedCredentialData.create(b"\0" * 16, b"id", key)
    return Passkey.objects.create(
        user=user, name=name, credential_id=b"id", credential=bytes(credential)
    )


def code_now(secret: str = SECRET, *, periods: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * periods)


def send_password(client: Client, name: str = "clerk", **fields: str) -> object:
    return client.post("/login/", {"username": name, "password": "pass", **fields})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
