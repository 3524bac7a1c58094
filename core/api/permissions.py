"""Who may do what over the API: Django's permissions, asked for reading too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

ACTIONS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class ModelPermissions(BasePermission):
    """Asks for the permission on the view's model, or for those that its `permissions` names for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = request.method or ""
        if named := getattr(view, "permissions", None):
            # A method that the view does not have is for the view to refuse, to those who may see it.
            return bool(request.user.has_perms(named.get(method, named["GET"])))
        model = view.queryset.model  # type: ignore[attr-defined]
        return bool(
            request.user.has_perm(
                f"{model._meta.app_label}.{ACTIONS.get(method, 'view')}_{model._meta.model_name}"
            )
        )
