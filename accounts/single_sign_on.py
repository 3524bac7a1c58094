"""Sign-in by an identity provider of the school: OpenID Connect, authorization code with PKCE.

authlib keeps state, nonce and code verifier in the session and verifies the ID token. This module
adds who the user is and which role the user gets.
"""

import logging
from functools import cache
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from joserfc.errors import JoseError

from accounts.backends import SINGLE_SIGN_ON
from accounts.models import SingleSignOnIdentity
from accounts.roles import ROLES, assign_role, remove_roles
from accounts.sign_out import SIGN_OUT_ADDRESS

SCOPE = "openid email profile"
TIMEOUT_SECONDS = 10
# Algorithms with a public key. The provider must not choose "none" or the client secret as a key.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
# What is raised if the provider is away, or sends something odd or wrong.
PROVIDER_ERRORS = (
    *(OAuthError, JoseError, requests.RequestException),
    *(AttributeError, KeyError, RuntimeError, TypeError, ValueError),
)

logger = logging.getLogger(__name__)
Claims = dict[str, Any]


class SignInRefused(Exception):
    """A sign-in that the provider or this school refuses. The text is for the user.

    `name` is the name of the person at the provider, as far as it is known.
    """

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


def begin(request: HttpRequest, callback: str) -> HttpResponse:
    """Redirect to the provider, which leads back to `callback`. Raises SignInRefused."""
    # Who is signed in wants to prove it once more.
    again = {"prompt": "login"} if request.user.is_authenticated else {}
    try:
        response: HttpResponse = get_client().authorize_redirect(request, callback, **again)
    except PROVIDER_ERRORS as error:
        raise failure(error) from error
    return response


def complete(request: HttpRequest) -> User:
    """Return the user of a request that the provider has led back. Raises SignInRefused."""
    claims = read_claims(request)
    with transaction.atomic():
        user = find_user(claims)
        if settings.OIDC_ROLES_CLAIM:
            set_role(user, claims)
    user.backend = SINGLE_SIGN_ON
    # Read now, while the provider answers: signing out here waits for nobody.
    request.session[SIGN_OUT_ADDRESS] = find_sign_out_address(request)
    return user


def find_sign_out_address(request: HttpRequest) -> str:
    """The address at which the provider signs out and leads back; empty where it has none."""
    client = get_client()
    if not client.server_metadata.get("end_session_endpoint"):
        return ""
    back = request.build_absolute_uri(reverse("login"))
    address: str = client.create_logout_url(
        post_logout_redirect_uri=back, client_id=settings.OIDC_CLIENT_ID
    )["url"]
    return address


def get_client() -> Any:
    """Return authlib's client. It reads the provider's metadata once, and new keys when needed.

    Raises requests.RequestException, and ValueError if the metadata is of another issuer.
    """
    client = make_client(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)
    if client.load_server_metadata().get("issuer") != settings.OIDC_ISSUER:
        make_client.cache_clear()
        raise ValueError("The metadata of the provider name another issuer than OIDC_ISSUER.")
    client.server_metadata["id_token_signing_alg_values_supported"] = ALGORITHMS
    return client


@cache
def make_client(issuer: str, client_id: str, client_secret: str) -> Any:
    return OAuth().register(
        "single_sign_on",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )


def read_claims(request: HttpRequest) -> Claims:
    """Return the claims of the verified ID token. Raises SignInRefused."""
    expected = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "exp": {"essential": True},
        "nonce": {"essential": True},
        "sub": {"essential": True},
    }
    try:
        token = get_client().authorize_access_token(request, claims_options=expected)
        if "id_token" not in token:
            raise ValueError("The provider has sent no ID token.")
        return dict(token["userinfo"])
    except PROVIDER_ERRORS as error:
        raise failure(error) from error


def failure(error: Exception) -> SignInRefused:
    logger.warning("Single sign-on failed: %s: %s", type(error).__name__, error)
    return SignInRefused(_("The sign-in was not completed. Please try again."))


def find_user(claims: Claims) -> User:
    """Return the active user of a person at the provider. Raises SignInRefused.

    The first time that is the user with the person's email address, or a new one if the settings
    allow it. Later it is the same user, whatever address the person has.
    """
    name = str(claims.get("email") or claims["sub"])
    key = {"issuer": settings.OIDC_ISSUER, "subject": str(claims["sub"])}
    identity = SingleSignOnIdentity.objects.filter(**key).select_related("user").first()
    user = identity.user if identity else find_by_email(claims)
    if user is None and settings.OIDC_CREATE_USERS:
        user = create_user(claims)
    if user is None:
        raise SignInRefused(_("You have no account here yet. Ask an administrator for one."), name)
    if not user.is_active:
        raise SignInRefused(_("Your account is not active. Ask an administrator."), name)
    if identity is None:
        SingleSignOnIdentity.objects.get_or_create(**key, defaults={"user": user})
    return user


def find_by_email(claims: Claims) -> User | None:
    """Return the only user with the person's address."""
    email = verified_email(claims)
    if not email:
        return None
    users = [
        user
        for user in User.objects.filter(email__iexact=email)
        if user.email.casefold() == email.casefold()
    ]
    return users[0] if len(users) == 1 else None


def verified_email(claims: Claims) -> str:
    """Return the person's address, empty if the provider has not verified it."""
    is_verified = claims.get("email_verified") is True or settings.OIDC_TRUST_EMAIL
    return str(claims.get("email") or "") if is_verified else ""


def create_user(claims: Claims) -> User | None:
    """Make a user without a password. None if the person's name or email address is taken."""
    email = verified_email(claims)
    if email and User.objects.filter(email__iexact=email).exists():
        return None
    user = User(
        username=str(claims.get("preferred_username") or email),
        email=email,
        first_name=str(claims.get("given_name") or "")[:150],
        last_name=str(claims.get("family_name") or "")[:150],
    )
    user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
        with transaction.atomic():
            user.save()
    except (ValidationError, IntegrityError):
        return None
    return user


def set_role(user: User, claims: Claims) -> None:
    """Give the user the strongest role that the claim names, or none if it names none."""
    values = read_claim(claims, settings.OIDC_ROLES_CLAIM) or []
    named = {settings.OIDC_ROLES.get(str(value)) for value in as_list(values)}
    role = next((role for role in ROLES if role in named), None)
    current = {*user.groups.filter(name__in=ROLES.values()).values_list("name", flat=True)}
    if role is None and current:
        remove_roles(user)
    elif role is not None and current != {ROLES[role]}:
        assign_role(user, role)


def read_claim(claims: Claims, name: str) -> Any:
    """The claim of this name, or the one inside others that a name with dots leads to, or None.

    Providers use both: `https://school.example/roles` and `realm_access.roles`.
    """
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
