"""Sign-ins of the people who work with the school: a role is one of the groups that a migration makes."""

from django.contrib.auth.models import Group, User

ROLES = {"registrar": "Registrar", "clerk": "Clerk", "viewer": "Viewer"}


def give_role(user: User, role: str) -> None:
    """Give `user`, who is saved by this, `role` (a key of ROLES) in place of the other roles. A registrar may open the admin."""
    user.is_staff = user.is_superuser or role == "registrar"
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES.values()).exclude(name=ROLES[role]))
    user.groups.add(Group.objects.get(name=ROLES[role]))
