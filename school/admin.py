"""The admin site."""

from typing import cast

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.roles import can_use_admin
from courses.meetings import format_meetings
from courses.models import Course
from school.sign_in import LoginView


class AutocompleteView(AutocompleteJsonView):
    """Django's search of the fields with autocomplete. Courses show when they meet."""

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        result: dict[str, str] = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Course) and obj.meetings:
            result["text"] = f"{obj} {format_meetings(obj.meetings)}"
        return result


class AdminSite(admin.AdminSite):
    site_title = site_header = _("School")
    index_title = _("Administration")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the role of the user may use the admin. See can_use_admin."""
        return can_use_admin(request.user)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return cast(HttpResponse, AutocompleteView.as_view(admin_site=self)(request))

    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The sign-in of all pages, here with the admin as the next page.

        Raises PermissionDenied for a user who is signed in and may not use the admin.
        """
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return cast(HttpResponse, LoginView.as_view(next_page="admin:index")(request))

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The page of the account, where wrong old passwords are limited."""
        return redirect("password")
