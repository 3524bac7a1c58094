from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VIEW = ["view_creditlimit"]
ROLES = {
    "Registrar": [*VIEW, "add_creditlimit", "change_creditlimit", "delete_creditlimit"],
    "Clerk": VIEW,
    "Viewer": VIEW,
}


def add_permissions(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Django makes the permissions only after all migrations.
    config: Any = apps.get_app_config("students")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="students", content_type__model="creditlimit"
    )
    # A school may have renamed or deleted a role.
    for role in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        role.permissions.add(*permissions.filter(codename__in=ROLES[role.name]))


class Migration(migrations.Migration):
    """Lets the roles see credit limits, and registrars change them."""

    dependencies = [
        ("students", "0021_credit_limits"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
