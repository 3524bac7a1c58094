"""What templates show by the role of the user."""

from django import template

from accounts.roles import can_use_admin

register = template.Library()
register.filter("can_use_admin", can_use_admin)
