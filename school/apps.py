from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.core.signals import request_started
from django.db.backends.signals import connection_created


class SchoolAdminConfig(AdminConfig):
    default_site = "school.admin.AdminSite"

    def ready(self) -> None:
        super().ready()
        from core.api.compiled_reads import check_compiled_reads
        from core.db.connections import check_connection
        from school.health import drop_dead_connection

        checks.register(check_compiled_reads, "compiled_reads")
        connection_created.connect(check_connection)
        request_started.connect(drop_dead_connection)
