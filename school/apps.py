from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.core.signals import request_started


class SchoolAdminConfig(AdminConfig):
    default_site = "school.admin.AdminSite"

    def ready(self) -> None:
        super().ready()
        from knox.models import AuthToken

        from school.admin import AccessChangeAdmin, TokenAdmin, name_tokens
        from school.health import drop_dead_connection
        from students.models import AccessChange

        # In place of knox's own, which makes tokens for others and shows their secrets.
        for model, shown_by in ((AuthToken, TokenAdmin), (AccessChange, AccessChangeAdmin)):
            if admin.site.is_registered(model):
                admin.site.unregister(model)
            admin.site.register(model, shown_by)
        name_tokens()
        request_started.connect(drop_dead_connection)
