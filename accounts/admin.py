"""Admin pages of users, roles, API tokens and the record of access."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from knox.models import AuthToken

from accounts.audit import PASSWORD_CHANGED, PASSWORD_NONE, PASSWORD_SET
from accounts.events import record_event
from accounts.identities import unlink_identities
from accounts.models import AccessChange, AccessEvent, Event, RoleOptions
from accounts.pages.reset import send_reset_link
from accounts.roles import ROLES, assign_role, get_role_group
from accounts.second_factor.service import has_second_factor, remove_all
from accounts.sessions import end_sessions
from core.admin.paginator import BoundedPaginator
from core.formatting import display_value

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

LABELS = {
    "name": _("name"),
    "access": _("Access"),
    "token": _("token"),
    "user": _("user"),
    "expiry": _("expires at"),
    "roles": _("roles"),
    "permissions": _("permissions"),
    "second_factor": _("requires a second factor"),
}
PASSWORD_LABELS = {
    PASSWORD_NONE: _("not set"),
    PASSWORD_SET: _("set"),
    PASSWORD_CHANGED: _("set anew"),
}


class UserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A new user with name, email and role.

    Without a password, which is the default, a link to set one is sent to the user by mail.
    """

    email = forms.EmailField(label=_("Email"), required=False)
    role = forms.ChoiceField(
        label=_("Role"), choices=[("", _("none")), *ROLES.items()], required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["usable_password"].initial = "false"
        self.fields["usable_password"].help_text = _(
            "Disabled: a link to set a password is sent to the email address. "
            "So nobody else knows the password."
        )

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        if role:
            get_role_group(role)
        return role

    class Meta(AdminUserCreationForm.Meta):
        fields = ("username", "first_name", "last_name", "email")


admin.site.unregister(User)


@admin.register(User)
class UserAdmin(auth_admin.UserAdmin):  # type: ignore[type-arg]
    """Django's page of users, with a role for new ones, sessions and links to set a password."""

    add_form = UserForm
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "role")}),
        (_("Password"), {"fields": ("usable_password", "password1", "password2")}),
    )
    fieldsets = (
        *(auth_admin.UserAdmin.fieldsets or ()),
        (_("Second factor"), {"fields": ("is_second_factor_set_up",)}),
        (_("Single sign-on"), {"fields": ("linked_identities",)}),
    )
    readonly_fields = ("is_second_factor_set_up", "linked_identities")
    actions = ["end_sessions", "send_reset_links", "remove_second_factors", "unlink_identities"]

    @admin.display(description=_("set up"), boolean=True)
    def is_second_factor_set_up(self, user: User) -> bool:
        return has_second_factor(user)

    @admin.display(description=_("linked to"))
    def linked_identities(self, user: User) -> str:
        identities = user.identities.order_by("pk")
        lines = [
            _("%(person)s at %(provider)s, since %(day)s")
            % {
                "person": row.subject,
                "provider": row.issuer,
                "day": display_value(row.created_at),
            }
            for row in identities
        ]
        return format_html_join("", "<p>{}</p>", ((line,) for line in lines)) or "-"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if change:
            return
        if role := form.cleaned_data.get("role"):
            assign_role(obj, role)
        if not obj.has_usable_password() and obj.email:
            transaction.on_commit(lambda: self.send_links(request, [obj]))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        # The form of a new user has no field for groups; saving it would take the role away.
        if change:
            super().save_related(request, form, formsets, change)

    @admin.action(description=_("End all sessions of the selected users"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = 0
        for user in queryset:
            ended += end_sessions(user.pk)
            record_event(Event.SESSIONS_ENDED, user.get_username(), request)
        text = ngettext("%d session has ended.", "%d sessions have ended.", ended)
        self.message_user(request, text % ended)

    @admin.action(
        description=_("Send a link to set a new password to the selected users"),
        permissions=["change"],
    )
    def send_reset_links(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.send_links(request, queryset)

    @admin.action(
        description=_("Remove the second factor of the selected users, and end their sessions"),
        permissions=["change"],
    )
    def remove_second_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For users who have lost their phone. Whoever finds it must not be signed in by it."""
        self.remove_from_each(
            request,
            queryset,
            remove_all,
            removed=_("The second factor of %(name)s was removed."),
            nothing=_("Nothing was removed: %(name)s has no second factor."),
        )

    @admin.action(
        description=_("Unlink the selected users from single sign-on, and end their sessions"),
        permissions=["change"],
    )
    def unlink_identities(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For users who are linked to a wrong person. The next sign-in links by address again."""
        self.remove_from_each(
            request,
            queryset,
            unlink_identities,
            removed=_("%(name)s is not linked to single sign-on any more."),
            nothing=_("Nothing was unlinked: %(name)s never came by single sign-on."),
        )

    def remove_from_each(
        self,
        request: HttpRequest,
        users: Iterable[User],
        remove: Callable[[HttpRequest, User], bool],
        *,
        removed: StrPromise,
        nothing: StrPromise,
    ) -> None:
        """Call `remove` for each user, end the sessions of those who had something to remove.

        `removed` and `nothing` are the messages for users who had something, and who had not.
        """
        for user in users:
            values = {"name": user.get_username()}
            if remove(request, user):
                end_sessions(user.pk)
                self.message_user(request, removed % values, messages.SUCCESS)
            else:
                self.message_user(request, nothing % values, messages.WARNING)

    def send_links(self, request: HttpRequest, users: Iterable[User]) -> None:
        for user in users:
            values = {"name": user.get_username(), "email": user.email}
            if send_reset_link(user, request):
                text = _("A link to set a password was sent to %(email)s.") % values
                self.message_user(request, text, messages.SUCCESS)
            else:
                text = (
                    _("No link was sent: %(name)s has no email address or is not active.") % values
                )
                self.message_user(request, text, messages.WARNING)


admin.site.unregister(Group)


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    requires_second_factor = forms.BooleanField(
        label=RoleOptions._meta.get_field("requires_second_factor").verbose_name,
        help_text=RoleOptions._meta.get_field("requires_second_factor").help_text,
        required=False,
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = RoleOptions.objects.filter(group=self.instance.pk).first()
        self.fields["requires_second_factor"].initial = (
            options is not None and options.requires_second_factor
        )


@admin.register(Group)
class RoleAdmin(auth_admin.GroupAdmin):
    """Django's page of groups, which are the roles, with their options."""

    form = RoleForm
    fields = ("name", "requires_second_factor", "permissions")

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if "requires_second_factor" in form.changed_data:
            required = form.cleaned_data["requires_second_factor"]
            RoleOptions(group=obj, requires_second_factor=required).save()


# knox's own admin page can make tokens for other users and shows their secrets.
admin.site.unregister(AuthToken)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists rows that are neither added nor changed in the admin."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuthToken)
class TokenAdmin(ReadOnlyAdmin):
    """Lists tokens and revokes them. Users make their tokens themselves, on the page /tokens/."""

    list_display = ["token_key", "name", "user", "is_read_only", "created", "expiry", "last_used"]
    fields = ["token_key", "name", "user", "is_read_only", "created", "expiry", "last_used"]
    list_select_related = ["user", "details"]
    search_fields = ["token_key", "user__username", "details__name"]

    @admin.display(description=_("name"), ordering="details__name")
    def name(self, token: AuthToken) -> str:
        return token.details.name if hasattr(token, "details") else ""

    @admin.display(description=_("read only"), boolean=True)
    def is_read_only(self, token: AuthToken) -> bool:
        return hasattr(token, "details") and token.details.is_read_only

    @admin.display(description=_("last used on"), ordering="details__last_used_on")
    def last_used(self, token: AuthToken) -> str:
        return display_value(token.details.last_used_on if hasattr(token, "details") else None)


class RecordAdmin(ReadOnlyAdmin):
    """Lists a record of access, latest first. Nothing is deleted."""

    ordering = ["-pk"]
    sortable_by = ()
    list_per_page = 50
    paginator = BoundedPaginator

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Filter by the exact name of the object or of the user who acted."""
        text = search_term.strip()
        return queryset.filter(Q(name=text) | Q(who=text)) if text else queryset, False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessEvent)
class AccessEventAdmin(RecordAdmin):
    """Lists sign-ins, exports and views."""

    list_display = ["when", "event", "name", "detail", "who", "door", "address"]
    fields = ["when", "event", "name", "detail", "who", "door", "address"]
    list_filter = ["event"]
    search_fields = ["name", "who"]
    search_help_text = _("The whole name of a user, as it was typed, or the id of a course.")


@admin.register(AccessChange)
class AccessChangeAdmin(RecordAdmin):
    """Lists the changes of users, roles and tokens."""

    list_display = ["when", "who", "door", "kind", "name", "changes", "reason"]
    list_filter = ["kind"]
    fields = ["when", "who", "door", "kind", "name", "changes", "reason"]
    search_fields = ["name", "who"]
    search_help_text = _(
        "The whole name of a user or role, or the key of a token. "
        "The latest 1,000 changes that fit are listed."
    )

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
