"""The admin site."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class AdminSite(admin.AdminSite):
    site_title = site_header = _("School")
    index_title = _("Administration")
