"""Roles. Each is a group that a migration of `students` creates."""

from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

ROLES = {"registrar": "Registrar", "clerk": "Clerk", "viewer": "Viewer"}


def get_role_group(role: str) -> Group:
    """The group of `role`, a key of ROLES. Raises ValidationError if it was renamed or deleted."""
    group = Group.objects.filter(name=ROLES[role]).first()
    if group is None:
        raise ValidationError(
            _("There is no role “%(name)s”. Was it renamed or deleted in the admin?"),
            code="not_found",
            params={"name": ROLES[role]},
        )
    return group


def assign_role(user: User, role: str) -> None:
    """Save `user` with `role`, a key of ROLES, in place of other roles.

    Registrars become staff, so that they can use the admin. Raises ValidationError, with
    nothing changed, if the group has another name by now.
    """
    group = get_role_group(role)
    user.is_staff = user.is_superuser or role == "registrar"
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES.values()).exclude(name=ROLES[role]))
    user.groups.add(group)


def remove_roles(user: User) -> None:
    """Take all roles from `user`, and the admin with them."""
    user.is_staff = user.is_superuser
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES.values()))


def can_use_admin(user: User | AnonymousUser) -> bool:
    """Whether the user may change something, as registrars may, or is staff and has a role.

    To be staff without any permission is not enough.
    """
    if not user.is_active or user.is_superuser:
        return user.is_active
    permissions = user.get_all_permissions()
    may_change = any(".change_" in permission for permission in permissions)
    return may_change or (user.is_staff and bool(permissions))
