from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StudentsConfig(AppConfig):
    name = "students"
    verbose_name = _("Students")

    def ready(self) -> None:
        from accounts import audit as access
        from students.enrollment import waitlist as promotions

        access.connect()
        promotions.connect()
