"""Codes on paper, each of which replaces the second factor once. Only their hashes are stored."""

import hashlib
import secrets
from base64 import b32encode

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from accounts.second_factor.models import RecoveryCode

CODES = 10
# 80 bits cannot be guessed from a hash, so a fast one without salt is enough.
BYTES = 10


@transaction.atomic
def make_codes(user: User) -> list[str]:
    """Return new codes, in groups of four characters. Earlier ones are void."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = [b32encode(secrets.token_bytes(BYTES)).decode().lower() for _code in range(CODES)]
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(user=user, digest=digest_of(code)) for code in codes]
    )
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def use_code(user: User, code: str) -> bool:
    """Return whether this is an unused code of the user. It is used then.

    The condition is part of the UPDATE: of simultaneous requests one succeeds.
    """
    unused = RecoveryCode.objects.filter(user=user, digest=digest_of(code), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


def count_unused(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def digest_of(code: str) -> str:
    """Return the hash of a code, however its letters and groups were typed."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(plain.encode()).hexdigest()
