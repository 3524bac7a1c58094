"""The persons at an identity provider who sign in as users."""

from django.contrib.auth.models import User
from django.http import HttpRequest

from accounts.events import record_event
from accounts.models import Event, SingleSignOnIdentity


def unlink_identities(request: HttpRequest, user: User) -> bool:
    """Forget the persons who sign in as `user`. Return whether there were any."""
    removed, _rows = SingleSignOnIdentity.objects.filter(user=user).delete()
    if removed:
        record_event(Event.UNLINKED, user.get_username(), request)
    return bool(removed)
