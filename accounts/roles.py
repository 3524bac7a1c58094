"""Roles. Each is a group that a migration of `students` creates."""

from django.contrib.auth.models import AnonymousUser, Group, User

ROLES = {"registrar": "Registrar", "clerk": "Clerk", "viewer": "Viewer"}


def assign_role(user: User, role: str) -> None:
    """Save `user` with `role`, a key of ROLES, in place of other roles.

    Registrars become staff, so that they can use the admin.
    """
    user.is_staff = user.is_superuser or role == "registrar"
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES.values()).exclude(name=ROLES[role]))
    user.groups.add(Group.objects.get(name=ROLES[role]))


def can_use_admin(user: User | AnonymousUser) -> bool:
    """Whether the user may change students or courses, as registrars may, or is staff."""
    may_change = user.has_perm("students.change_student") or user.has_perm("courses.change_course")
    return user.is_active and (user.is_staff or may_change)
