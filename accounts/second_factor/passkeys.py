"""Passkeys (WebAuthn). A browser registers one and signs challenges with it.

A passkey belongs to the host name under which it was registered.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.second_factor.models import Passkey

# The key of the challenge in the session. A challenge is used once.
CHALLENGE = "passkey_challenge"
# What fido2 raises for a response that is malformed or wrong.
RESPONSE_ERRORS = (ValueError, TypeError, KeyError, AttributeError)


def make_server(request: HttpRequest) -> Fido2Server:
    origin = f"{request.scheme}://{request.get_host()}"
    relying_party = PublicKeyCredentialRpEntity(id=urlsplit(origin).hostname, name="School")
    return Fido2Server(relying_party, verify_origin=origin.__eq__)


def begin_registration(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return the options for the browser to register a passkey."""
    options, state = make_server(request).register_begin(
        PublicKeyCredentialUserEntity(
            id=str(user.pk).encode(), name=user.get_username(), display_name=str(user)
        ),
        read_credentials(user),
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    request.session[CHALLENGE] = state
    return dict(options)


def add_passkey(request: HttpRequest, user: User, name: str, response: str) -> bool:
    """Store the passkey that the browser has registered. Return whether its response is right."""
    state = request.session.pop(CHALLENGE, None)
    if state is None:
        return False
    try:
        data = make_server(request).register_complete(state, json.loads(response))
    except RESPONSE_ERRORS:
        return False
    credential = data.credential_data
    assert credential is not None
    try:
        with transaction.atomic():
            Passkey.objects.create(
                user=user,
                name=name,
                credential_id=credential.credential_id,
                credential=bytes(credential),
                sign_count=data.counter,
            )
    except IntegrityError:
        return False
    return True


def begin_use(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """Return the options for the browser to use a passkey; None if the user has none."""
    credentials = read_credentials(user)
    if not credentials:
        return None
    options, state = make_server(request).authenticate_begin(
        credentials, UserVerificationRequirement.PREFERRED
    )
    request.session[CHALLENGE] = state
    return dict(options)


def use_passkey(request: HttpRequest, user: User, response: str) -> bool:
    """Return whether a passkey of the user has signed the challenge of the session."""
    state = request.session.pop(CHALLENGE, None)
    if state is None:
        return False
    try:
        sent = AuthenticationResponse.from_dict(json.loads(response))
        used = make_server(request).authenticate_complete(state, read_credentials(user), sent)
    except RESPONSE_ERRORS:
        return False
    count = sent.response.authenticator_data.counter
    # A device that counts never repeats a number; one that does not count sends 0.
    is_later = Q(sign_count__lt=count) if count else Q(sign_count=0)
    rows = Passkey.objects.filter(is_later, user=user, credential_id=used.credential_id)
    return bool(rows.update(sign_count=count, last_used_at=timezone.now()))


def read_credentials(user: User) -> list[AttestedCredentialData]:
    rows = Passkey.objects.filter(user=user).values_list("credential", flat=True)
    return [AttestedCredentialData(bytes(row)) for row in rows]
