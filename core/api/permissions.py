"""Permissions of the API: those of Django's models, for reading too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

ACTIONS = {"GET": "view", "POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}
# These show no more than GET does.
READS = {"HEAD": "GET", "OPTIONS": "GET"}


class ModelPermissions(BasePermission):
    """Requires the permission of the method on the view's model.

    A view can name others: its attribute `permissions` has a list for each method. A method that is
    not listed is refused.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = READS.get(request.method or "", request.method or "")
        permissions = self.get_permissions(view)
        if method not in permissions and not hasattr(view, method.lower()):
            # The view answers 405 itself, to users who may read it.
            method = "GET"
        return method in permissions and bool(request.user.has_perms(permissions[method]))

    def get_permissions(self, view: APIView) -> Mapping[str, Sequence[str]]:
        if named := getattr(view, "permissions", None):
            permissions: Mapping[str, Sequence[str]] = named
            return permissions
        meta = view.queryset.model._meta  # type: ignore[attr-defined]
        return {
            method: [f"{meta.app_label}.{action}_{meta.model_name}"]
            for method, action in ACTIONS.items()
        }
