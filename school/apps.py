from django.contrib.admin.apps import AdminConfig
from django.core.signals import request_started
from django.db.backends.signals import connection_created


class SchoolAdminConfig(AdminConfig):
    default_site = "school.admin.AdminSite"

    def ready(self) -> None:
        super().ready()
        from core.db.connections import check_connection
        from school.health import drop_dead_connection

        connection_created.connect(check_connection)
        request_started.connect(drop_dead_connection)
