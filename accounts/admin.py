"""Admin pages of API tokens and of the record of access."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from accounts.audit import PASSWORD_CHANGED, PASSWORD_NONE, PASSWORD_SET
from accounts.models import AccessChange
from core.admin.paginator import BoundedPaginator
from core.formatting import display_value

LABELS = {
    "name": _("name"),
    "token": _("token"),
    "user": _("user"),
    "expiry": _("expires at"),
    "roles": _("roles"),
    "permissions": _("permissions"),
}
PASSWORD_LABELS = {
    PASSWORD_NONE: _("not set"),
    PASSWORD_SET: _("set"),
    PASSWORD_CHANGED: _("set anew"),
}


# knox's own admin page can make tokens for other users and shows their secrets.
admin.site.unregister(AuthToken)


@admin.register(AuthToken)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists tokens and revokes them. Users make their tokens themselves, on the page /tokens/."""

    list_display = ["token_key", "user", "created", "expiry"]
    fields = ["token_key", "user", "created", "expiry"]
    list_select_related = ["user"]
    search_fields = ["token_key", "user__username"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessChange)
class AccessChangeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists the changes of users, roles and tokens, latest first. Read only."""

    list_display = ["when", "who", "door", "kind", "name", "changes", "reason"]
    list_filter = ["kind"]
    fields = ["when", "who", "door", "kind", "name", "changes", "reason"]
    search_fields = ["name", "who"]
    search_help_text = _(
        "The whole name of a user or role, or the key of a token. "
        "The latest 1,000 changes that fit are listed."
    )
    ordering = ["-pk"]
    sortable_by = ()
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Filter by the exact name of the changed object or of the user who changed it."""
        text = search_term.strip()
        return queryset.filter(Q(name=text) | Q(who=text)) if text else queryset, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("changes"))
    def changes(self, change: AccessChange) -> SafeString:
        before, after = change.before or {}, change.after or {}
        rows = []
        for name in {**before, **after}:
            old, new = _format(name, before.get(name)), _format(name, after.get(name))
            if old != new:
                rows.append((_label(name), old, new))
        return format_html_join("", "<div><strong>{}:</strong> {} → {}</div>", rows)


def _label(name: str) -> Any:
    """Return the label of a field or relation in AccessChange.before and .after."""
    field: Any = None if name in LABELS else User._meta.get_field(name)
    return field.verbose_name if field else LABELS[name]


def _format(name: str, value: Any) -> str:
    if name == "password":
        value = PASSWORD_LABELS.get(value, value)
    if name == "expiry" and value:
        value = datetime.fromisoformat(value)
    return display_value(value)
