"""Encryption of secrets that the server must be able to read again."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


class UnreadableSecret(Exception):
    """The secret was encrypted with another SECRET_KEY."""


def encrypt(text: str) -> str:
    return fernet().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Return the text that was encrypted. Raises UnreadableSecret."""
    try:
        return fernet().decrypt(text).decode()
    except InvalidToken as error:
        raise UnreadableSecret from error


def fernet() -> MultiFernet:
    """Encrypt with SECRET_KEY, decrypt with SECRET_KEY_FALLBACKS too."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(__name__, "", key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
