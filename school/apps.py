from django.contrib.admin.apps import AdminConfig
from django.core.signals import request_started


class SchoolAdminConfig(AdminConfig):
    default_site = "school.admin.AdminSite"

    def ready(self) -> None:
        super().ready()
        from school.health import drop_dead_connection

        request_started.connect(drop_dead_connection)
